//! Accounts: who signs in, with what password, from where.
//!
//! Invariant: a sign-in counts only while its row is open and its user is active; closing the rows ends every
//! session of a person at once, on all devices.

mod entrance;
pub mod handlers;
mod oversight;
mod passwords;
mod sign_ins;
mod throttle;

use std::net::IpAddr;

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

pub use entrance::{EmailError, clean_email, is_registration_open, open_sign_in, set_email};
pub use oversight::{disable, enable, one_time_password, require_new_password, reset_password};
pub use passwords::{MIN_LENGTH, Passwords, Strength};
pub use sign_ins::{Origin, SignInError, SignedIn, sign_in, sign_out};
pub use throttle::forget as forget_attempts;

use crate::{
    audit::{self, Actor, Deed},
    calendar::Time,
    ids::UserId,
    ledger,
    role::Role,
};

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("the current password is wrong")]
    WrongCurrent,
    #[error("too many failures")]
    Throttled { wait: std::time::Duration },
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("hashing: {0}")]
    Hashing(String),
}

/// Changes a person's own password and ends all her sessions; the caller signs her in again on this device.
///
/// # Errors
/// See [`PasswordError`].
pub async fn change_password(
    db: &PgPool,
    user: UserId,
    current: &str,
    new: &str,
    address: IpAddr,
    now: Time,
) -> Result<Uuid, PasswordError> {
    let person =
        sqlx::query!("SELECT username, password_hash FROM users WHERE id = $1", user.0).fetch_one(db).await?;
    let attempt = match throttle::begin(db, &person.username, address, now).await? {
        throttle::Gate::Open(attempt) => attempt,
        throttle::Gate::Closed { wait } => return Err(PasswordError::Throttled { wait }),
    };
    let right = Passwords::verify(current.to_owned(), Some(person.password_hash)).await;
    let by = Actor { user, address: Some(address) };
    if !right.map_err(PasswordError::Hashing)? {
        let mut conn = db.acquire().await?;
        by.record(&mut conn, "account.refuse_password", ("user", Some(user.0)), json!({}), now).await?;
        return Err(PasswordError::WrongCurrent);
    }
    let hash = Passwords::hash(new.to_owned()).await.map_err(PasswordError::Hashing)?;
    let mut tx = db.begin().await?;
    throttle::succeed(&mut tx, attempt).await?;
    sqlx::query!(
        "UPDATE users SET password_hash = $2, must_change_password = false, updated_at = $3 WHERE id = $1",
        user.0,
        hash,
        now
    )
    .execute(&mut *tx)
    .await?;
    end_sign_ins(&mut tx, user, "PASSWORD_CHANGED", now).await?;
    let sign_in = Uuid::new_v4();
    sqlx::query!(
        "INSERT INTO sign_ins (id, user_id, address, created_at) VALUES ($1, $2, ($3::text)::inet, $4)",
        sign_in,
        user.0,
        address.to_string(),
        now
    )
    .execute(&mut *tx)
    .await?;
    by.record(&mut tx, "account.change_password", ("user", Some(user.0)), json!({}), now).await?;
    tx.commit().await?;
    Ok(sign_in)
}

/// Ends the sign-ins of everybody, as after a restore: what they saw is not what there is now.
///
/// # Errors
/// When the database fails.
pub async fn end_all_sign_ins(conn: &mut PgConnection, now: Time) -> sqlx::Result<()> {
    sqlx::query!("UPDATE sign_ins SET ended_at = $1, end_reason = 'SIGNED_OUT' WHERE ended_at IS NULL", now)
        .execute(conn)
        .await?;
    Ok(())
}

async fn end_sign_ins(conn: &mut PgConnection, user: UserId, reason: &str, now: Time) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sign_ins SET ended_at = $2, end_reason = $3 WHERE user_id = $1 AND ended_at IS NULL",
        user.0,
        now,
        reason
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Changes the language of a person's pages.
///
/// # Errors
/// When the database fails.
pub async fn set_language(db: &PgPool, user: UserId, language: &str) -> sqlx::Result<()> {
    sqlx::query!("UPDATE users SET language = $2 WHERE id = $1", user.0, language).execute(db).await?;
    Ok(())
}

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
