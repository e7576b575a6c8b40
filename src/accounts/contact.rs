//! What a person says of herself that stands with her account: name, e-mail, and an admin's phone.

use sqlx::PgConnection;

use crate::{
    calendar::Time,
    ids::UserId,
    persian::{is_invisible, latin_digits},
};

/// The longest name, characters.
pub const MAX_NAME: usize = 60;
/// The longest e-mail address, characters.
const MAX_EMAIL: usize = 254;

/// Why a contact was not written.
#[derive(Debug, thiserror::Error)]
pub enum ContactError {
    #[error("the e-mail address is somebody else's")]
    EmailTaken,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// An e-mail address as it is stored: small letters, something before and something with a dot behind one @. What
/// really exists only a message can tell.
pub fn parse_email(typed: &str) -> Option<String> {
    let email: String = latin_digits(typed).chars().filter(|c| !is_invisible(*c)).collect();
    let email = email.trim().to_lowercase();
    let (local, domain) = email.split_once('@')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let is_host = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let labels: Vec<&str> = domain.split('.').collect();
    let right = email.len() <= MAX_EMAIL
        && (1..=64).contains(&local.len())
        && local.chars().all(is_name)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && labels.len() >= 2
        && labels.iter().all(|label| {
            !label.is_empty()
                && label.chars().all(is_host)
                && !label.starts_with('-')
                && !label.ends_with('-')
        });
    right.then_some(email)
}

/// Writes a person's contact, in the caller's transaction. `phone` is canonical; only an admin's stands here.
///
/// # Errors
/// See [`ContactError`].
pub async fn set_contact(
    conn: &mut PgConnection,
    user: UserId,
    name: &str,
    email: Option<&str>,
    phone: Option<&str>,
    now: Time,
) -> Result<(), ContactError> {
    let written = sqlx::query!(
        "UPDATE users SET name = $2, email = $3, phone = $4, updated_at = $5 WHERE id = $1",
        user.0,
        name,
        email,
        phone,
        now
    )
    .execute(conn)
    .await;
    explain(written)
}

/// Writes a person's e-mail address alone, as [`parse_email`] gives it, in the caller's transaction.
///
/// # Errors
/// See [`ContactError`].
pub async fn set_email(conn: &mut PgConnection, user: UserId, email: &str) -> Result<(), ContactError> {
    explain(sqlx::query!("UPDATE users SET email = $2 WHERE id = $1", user.0, email).execute(conn).await)
}

fn explain<T>(written: sqlx::Result<T>) -> Result<(), ContactError> {
    match written {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(error)) if error.constraint() == Some("users_email_key") => {
            Err(ContactError::EmailTaken)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_people_have_them() {
        for (typed, stored) in [
            (" Reza@Example.COM ", "reza@example.com"),
            ("a.b+c_d@mail.example.ir", "a.b+c_d@mail.example.ir"),
            ("nima۱۲@x-y.example.com\u{200f}", "nima12@x-y.example.com"),
        ] {
            assert_eq!(parse_email(typed).as_deref(), Some(stored));
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for typed in [
            "",
            "reza",
            "@example.com",
            "reza@",
            "reza@example",
            "re za@example.com",
            "a@b@example.com",
            ".a@x.ir",
            "a..b@x.ir",
            "a@x..ir",
            "a@-x.ir",
            "a@.ir",
            "a@x_y.ir",
            "رضا@example.com",
            "a@x.ir,b@x.ir",
            "a@x.ir\nBcc: b@x.ir",
            &long,
        ] {
            assert_eq!(parse_email(typed), None, "{typed}");
        }
    }
}
