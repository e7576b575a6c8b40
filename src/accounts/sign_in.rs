//! Opening and ending sign-ins.

use std::net::IpAddr;

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{Passwords, throttle};
use crate::{
    audit::{self, Deed},
    calendar::Time,
    ids::UserId,
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

/// Ends all sign-ins of a person, in the caller's transaction.
pub(super) async fn end_sign_ins(
    conn: &mut PgConnection,
    user: UserId,
    reason: &str,
    now: Time,
) -> sqlx::Result<()> {
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
