//! A person's own password, changed by herself.

use std::net::IpAddr;

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{Passwords, sign_in::end_sign_ins, throttle};
use crate::{
    audit::{self, Deed},
    calendar::Time,
    ids::UserId,
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
