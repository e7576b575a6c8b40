//! New people of any role, each with a wallet.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{MIN_LENGTH, Passwords};
use crate::{
    audit::{self, Deed},
    calendar::Time,
    ids::UserId,
    ledger,
    role::Role,
};

/// Why an account was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error("the user name must be 3 to 32 of a-z, 0-9, _, . and -, and begin with a letter")]
    BadUsername,
    #[error("the user name is taken")]
    UsernameTaken,
    #[error("the password must have at least {MIN_LENGTH} characters")]
    PasswordTooShort,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("hashing: {0}")]
    Hashing(String),
}

/// Makes an admin, with a wallet.
///
/// # Errors
/// See [`CreateError`].
pub async fn create_admin(
    db: &PgPool,
    username: &str,
    password: &str,
    now: Time,
) -> Result<UserId, CreateError> {
    let mut tx = db.begin().await?;
    let user = create_user(&mut tx, username, password, Role::Admin, now).await?;
    let deed = Deed {
        actor: None,
        action: "account.create_admin",
        subject_type: "user",
        subject_id: Some(user.0),
        detail: json!({}),
        address: None,
    };
    audit::record(&mut tx, &deed, now).await?;
    tx.commit().await?;
    Ok(user)
}

/// Makes a person of any role, with a wallet, in the caller's transaction.
///
/// # Errors
/// See [`CreateError`].
pub async fn create_user(
    conn: &mut PgConnection,
    username: &str,
    password: &str,
    role: Role,
    now: Time,
) -> Result<UserId, CreateError> {
    if password.chars().count() < MIN_LENGTH {
        return Err(CreateError::PasswordTooShort);
    }
    let hash = Passwords::hash(password.to_owned()).await.map_err(CreateError::Hashing)?;
    let created = sqlx::query_scalar!(
        r#"INSERT INTO users (username, password_hash, role, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $4) RETURNING id AS "id: UserId""#,
        username.trim().to_lowercase(),
        hash,
        role as Role,
        now
    )
    .fetch_one(&mut *conn)
    .await;
    let user = created.map_err(|error| {
        match error.as_database_error().and_then(|e| e.constraint().map(str::to_owned)).as_deref() {
            Some("users_username_key") => CreateError::UsernameTaken,
            Some("users_username_canonical") => CreateError::BadUsername,
            _ => CreateError::Database(error),
        }
    })?;
    ledger::open_wallet(conn, user).await?;
    Ok(user)
}
