//! Signing in and out. Who was let in, and who was not, is written down.

use std::net::IpAddr;

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{Passwords, entrance::open_sign_in, throttle};
use crate::{
    audit::{self, Actor, Deed},
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
    let known = user.as_ref().map(|user| user.id);
    let Some(user) = user.filter(|_| right) else {
        write_down_refusal(db, &username, known, origin.address, now).await?;
        return Err(SignInError::Wrong);
    };
    if user.status != "ACTIVE" {
        write_down_refusal(db, &username, known, origin.address, now).await?;
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
    let sign_in = open_sign_in(&mut tx, user.id, origin, now).await?;
    tx.commit().await?;
    Ok(SignedIn { user: user.id, role: user.role, sign_in })
}

/// Writes down that somebody was not let in. What was typed is kept only where it could be a user name: a password
/// in the wrong field must not end up in the log. The throttle bounds how many of these there can be.
async fn write_down_refusal(
    db: &PgPool,
    typed: &str,
    known: Option<UserId>,
    address: IpAddr,
    now: Time,
) -> sqlx::Result<()> {
    let typed = Some(typed).filter(|name| known.is_some() || could_be_username(name));
    let deed = Deed {
        actor: None,
        action: "account.refuse_sign_in",
        subject_type: "user",
        subject_id: known.map(|user| user.0),
        detail: json!({ "username": typed }),
        address: Some(&address),
    };
    audit::record(&mut *db.acquire().await?, &deed, now).await
}

/// Short, and of the characters that user names are made of.
fn could_be_username(typed: &str) -> bool {
    let may_stand = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
    (3..=32).contains(&typed.len())
        && typed.starts_with(|c: char| c.is_ascii_lowercase())
        && typed.chars().all(may_stand)
}

/// Ends one sign-in of this person.
pub async fn sign_out(db: &PgPool, sign_in: Uuid, by: Actor, now: Time) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    let ended = sqlx::query!(
        "UPDATE sign_ins SET ended_at = $2, end_reason = 'SIGNED_OUT' WHERE id = $1 AND ended_at IS NULL",
        sign_in,
        now
    )
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() > 0 {
        by.record(&mut tx, "account.sign_out", ("user", Some(by.user.0)), json!({}), now).await?;
    }
    tx.commit().await
}
