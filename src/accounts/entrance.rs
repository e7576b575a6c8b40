//! How a person who registers by herself comes in.

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::Origin;
use crate::{
    audit::{self, Deed},
    calendar::Time,
    ids::UserId,
};

/// The longest e-mail address, characters.
pub const MAX_EMAIL: usize = 254;

/// Why an e-mail address was not stored.
#[derive(Debug, thiserror::Error)]
pub enum EmailError {
    #[error("another person has this address")]
    Taken,
    #[error(transparent)]
    Database(sqlx::Error),
}

/// An e-mail address as it is stored, from what was typed; `None` when it can't be one. Whether mail arrives there
/// only a mail can tell.
pub fn clean_email(typed: &str) -> Option<String> {
    let email = crate::persian::latin_digits(typed);
    let email: String = email.chars().filter(|c| !crate::persian::is_invisible(*c)).collect();
    let email = email.trim().to_lowercase();
    let (name, host) = email.split_once('@')?;
    let named = !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_graphic());
    let labels: Vec<&str> = host.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let hosted = labels.len() >= 2 && labels.iter().all(is_label);
    (named && hosted && email.len() <= MAX_EMAIL).then_some(email)
}

/// Stores a person's e-mail address, as [`clean_email`] gives it, in the caller's transaction.
///
/// # Errors
/// See [`EmailError`].
pub async fn set_email(conn: &mut PgConnection, user: UserId, email: &str) -> Result<(), EmailError> {
    let stored = sqlx::query!("UPDATE users SET email = $2 WHERE id = $1", user.0, email).execute(conn).await;
    match stored {
        Ok(_) => Ok(()),
        Err(error) if error.as_database_error().and_then(|e| e.constraint()) == Some("users_email_key") => {
            Err(EmailError::Taken)
        }
        Err(error) => Err(EmailError::Database(error)),
    }
}

/// Opens a sign-in for a person whose right to it the caller has made sure of, in the caller's transaction.
pub async fn open_sign_in(
    conn: &mut PgConnection,
    user: UserId,
    origin: Origin<'_>,
    now: Time,
) -> sqlx::Result<Uuid> {
    let sign_in = Uuid::new_v4();
    sqlx::query!(
        "INSERT INTO sign_ins (id, user_id, address, user_agent, created_at)
         VALUES ($1, $2, ($3::text)::inet, left($4, 300), $5)",
        sign_in,
        user.0,
        origin.address.to_string(),
        origin.user_agent,
        now
    )
    .execute(&mut *conn)
    .await?;
    let deed = Deed {
        actor: Some(user),
        action: "account.sign_in",
        subject_type: "user",
        subject_id: Some(user.0),
        detail: json!({}),
        address: Some(&origin.address),
    };
    audit::record(conn, &deed, now).await?;
    Ok(sign_in)
}

/// Whether strangers may register: the owner's switch.
///
/// # Errors
/// When the database fails.
pub async fn is_registration_open(db: &PgPool) -> sqlx::Result<bool> {
    sqlx::query_scalar!("SELECT registration_open FROM settings").fetch_one(db).await
}

#[cfg(test)]
mod tests {
    use super::clean_email;

    #[test]
    fn an_address_is_read_as_people_type_it() {
        for (typed, stored) in [
            (" Nima@Example.COM ", Some("nima@example.com")),
            ("nima۱۲@mail.example.com\u{200f}", Some("nima12@mail.example.com")),
            ("a.b+c@x-y.ir", Some("a.b+c@x-y.ir")),
            ("nima", None),
            ("nima@example", None),
            ("@example.com", None),
            ("nima@.com", None),
            ("nima@example..com", None),
            ("ni ma@example.com", None),
            ("نیما@example.com", None),
            ("nima@exa_mple.com", None),
            ("a@b@example.com", None),
            ("nima@-example.com", None),
        ] {
            assert_eq!(clean_email(typed).as_deref(), stored, "{typed}");
        }
        assert_eq!(clean_email(&format!("{}@example.com", "x".repeat(65))), None);
    }
}
