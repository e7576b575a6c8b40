//! A person's own password, changed by herself.

use std::net::IpAddr;

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    Origin, Passwords,
    sign_in::{end_sign_ins, open},
    throttle,
};
use crate::{audit::Actor, calendar::Time, ids::UserId};

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
    origin: Origin<'_>,
    now: Time,
) -> Result<Uuid, PasswordError> {
    let attempt = check(db, user, current, origin.address, now).await?;
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
    let sign_in = open(&mut tx, user, origin, now).await?;
    let by = Actor { user, address: Some(origin.address) };
    by.record(&mut tx, "account.change_password", ("user", Some(user.0)), json!({}), now).await?;
    tx.commit().await?;
    Ok(sign_in)
}

/// Checks the password of a person who is signed in. Returns the attempt, to be noted as a success.
pub(super) async fn check(
    db: &PgPool,
    user: UserId,
    password: &str,
    address: IpAddr,
    now: Time,
) -> Result<i64, PasswordError> {
    let person =
        sqlx::query!("SELECT username, password_hash FROM users WHERE id = $1", user.0).fetch_one(db).await?;
    let attempt = match throttle::begin(db, &person.username, address, now).await? {
        throttle::Gate::Open(attempt) => attempt,
        throttle::Gate::Closed { wait } => return Err(PasswordError::Throttled { wait }),
    };
    let right = Passwords::verify(password.to_owned(), Some(person.password_hash)).await;
    if right.map_err(PasswordError::Hashing)? {
        return Ok(attempt);
    }
    let by = Actor { user, address: Some(address) };
    let mut conn = db.acquire().await?;
    by.record(&mut conn, "account.refuse_password", ("user", Some(user.0)), json!({}), now).await?;
    Err(PasswordError::WrongCurrent)
}
