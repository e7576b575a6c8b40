//! Accounts: who signs in, with what password, from where.
//!
//! Invariant: a sign-in counts only while its row is open and its user is active; closing the rows ends every
//! session of a person at once, on all devices.

pub mod handlers;
mod oversight;
mod passwords;
mod throttle;

use std::net::IpAddr;

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

pub use oversight::{disable, enable, one_time_password, require_new_password, reset_password};
pub use passwords::{MIN_LENGTH, Passwords};
pub use throttle::forget as forget_attempts;

use crate::{
    audit::{self, Deed},
    calendar::Time,
    ids::UserId,
    ledger,
    role::Role,
};

/// Why a sign-in was refused.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown user or wrong password; which of them is not told.
    #[error("wrong user name or password")]
    Wrong,
    #[error("account disabled")]
    Disabled,
    /// Too many failures: the next attempt counts after `wait`.
    #[error("too many failures")]
    Throttled { wait: std::time::Duration },
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("hashing: {0}")]
    Hashing(String),
}

/// Who signed in.
#[derive(Clone, Copy, Debug)]
pub struct SignedIn {
    pub user: UserId,
    pub role: Role,
    pub sign_in: Uuid,
}

/// Where a sign-in comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    pub address: IpAddr,
    pub user_agent: &'a str,
}

/// Checks user name and password. Unknown user and wrong password take the same time.
///
/// # Errors
/// See [`SignInError`].
pub async fn sign_in(
    db: &PgPool,
    username: &str,
    password: &str,
    origin: Origin<'_>,
    now: Time,
) -> Result<SignedIn, SignInError> {
    let username = username.trim().to_lowercase();
    let attempt = match throttle::begin(db, &username, origin.address, now).await? {
        throttle::Gate::Open(attempt) => attempt,
        throttle::Gate::Closed { wait } => return Err(SignInError::Throttled { wait }),
    };
    let user = sqlx::query!(
        r#"SELECT id AS "id: UserId", password_hash, role AS "role: Role", status FROM users WHERE username = $1"#,
        username
    )
    .fetch_optional(db)
    .await?;
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let right = Passwords::verify(password.to_owned(), hash).await.map_err(SignInError::Hashing)?;
    let Some(user) = user.filter(|_| right) else { return Err(SignInError::Wrong) };
    if user.status != "ACTIVE" {
        return Err(SignInError::Disabled);
    }

    let mut tx = db.begin().await?;
    // The password may have been changed, or the account disabled, while this one was being checked.
    let unchanged = sqlx::query_scalar!(
        "SELECT id FROM users WHERE id = $1 AND password_hash = $2 AND status = 'ACTIVE' FOR SHARE",
        user.id.0,
        user.password_hash
    )
    .fetch_optional(&mut *tx)
    .await?;
    if unchanged.is_none() {
        return Err(SignInError::Wrong);
    }
    throttle::succeed(&mut tx, attempt).await?;
    let sign_in = Uuid::new_v4();
    sqlx::query!(
        "INSERT INTO sign_ins (id, user_id, address, user_agent, created_at)
         VALUES ($1, $2, ($3::text)::inet, left($4, 300), $5)",
        sign_in,
        user.id.0,
        origin.address.to_string(),
        origin.user_agent,
        now
    )
    .execute(&mut *tx)
    .await?;
    audit::record(
        &mut tx,
        &Deed {
            actor: Some(user.id),
            action: "account.sign_in",
            subject_type: "user",
            subject_id: Some(user.id.0),
            detail: json!({}),
            address: Some(&origin.address),
        },
        now,
    )
    .await?;
    tx.commit().await?;
    Ok(SignedIn { user: user.id, role: user.role, sign_in })
}

/// Ends one sign-in.
pub async fn sign_out(db: &PgPool, sign_in: Uuid, now: Time) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sign_ins SET ended_at = $2, end_reason = 'SIGNED_OUT' WHERE id = $1 AND ended_at IS NULL",
        sign_in,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

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
    if !right.map_err(PasswordError::Hashing)? {
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
    audit::record(
        &mut tx,
        &Deed {
            actor: Some(user),
            action: "account.change_password",
            subject_type: "user",
            subject_id: Some(user.0),
            detail: json!({}),
            address: Some(&address),
        },
        now,
    )
    .await?;
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
