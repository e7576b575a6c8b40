//! What the owner does from the panel's own machine when nobody can help her from within.

use serde_json::json;
use sqlx::PgPool;

use super::{MIN_LENGTH, Passwords, sign_in::end_sign_ins, throttle};
use crate::{
    audit::{self, Deed},
    calendar::Time,
    ids::UserId,
    role::Role,
};

/// Whose password was set, and what may still keep her out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rescued {
    pub role: Role,
    pub is_disabled: bool,
    /// A code is asked for after the password.
    pub has_two_factor: bool,
}

/// Why no password was set.
#[derive(Debug, thiserror::Error)]
pub enum RescueError {
    #[error("the password must have at least {MIN_LENGTH} characters")]
    PasswordTooShort,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("hashing: {0}")]
    Hashing(String),
}

/// Sets the password of a person of any role, ends all her sessions and forgives the wrong passwords before it.
/// `None` is that nobody has this user name.
///
/// # Errors
/// See [`RescueError`]; nothing was changed.
pub async fn set_password_by_hand(
    db: &PgPool,
    username: &str,
    password: &str,
    now: Time,
) -> Result<Option<Rescued>, RescueError> {
    if password.chars().count() < MIN_LENGTH {
        return Err(RescueError::PasswordTooShort);
    }
    let hash = Passwords::hash(password.to_owned()).await.map_err(RescueError::Hashing)?;
    let username = username.trim().to_lowercase();
    let mut tx = db.begin().await?;
    let person = sqlx::query!(
        r#"UPDATE users u SET password_hash = $2, must_change_password = false, updated_at = $3 WHERE username = $1
           RETURNING id AS "id: UserId", role AS "role: Role", status,
                     EXISTS (SELECT FROM two_factors f WHERE f.user_id = u.id) AS "has_two_factor!""#,
        username,
        hash,
        now
    );
    let Some(person) = person.fetch_optional(&mut *tx).await? else { return Ok(None) };
    end_sign_ins(&mut tx, person.id, "PASSWORD_CHANGED", now).await?;
    throttle::forgive(&mut tx, &username).await?;
    let deed = Deed {
        actor: None,
        action: "account.set_password",
        subject_type: "user",
        subject_id: Some(person.id.0),
        detail: json!({ "from": "command line" }),
        address: None,
    };
    audit::record(&mut tx, &deed, now).await?;
    tx.commit().await?;
    Ok(Some(Rescued {
        role: person.role,
        is_disabled: person.status != "ACTIVE",
        has_two_factor: person.has_two_factor,
    }))
}
