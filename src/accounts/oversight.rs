//! What the admin does to somebody's account: disabling, enabling, a one-time password, a lost second factor.
//!
//! Each deed is done and logged once, however often it is asked for: the row of the person is locked first, and what
//! already is so is left so.

use rand::RngExt as _;
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{PasswordError, Passwords, sign_in::end_sign_ins, two_factor};
use crate::{
    audit::{self, Actor, Deed},
    calendar::Time,
    ids::UserId,
};

/// Letters and digits that nobody takes for one another when they are read out.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// A password for one use, twelve characters in groups of four: 59 bits.
pub fn one_time_password() -> String {
    let mut random = rand::rng();
    let mut group = || -> String {
        (0..4).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
    };
    format!("{}-{}-{}", group(), group(), group())
}

/// Lets a person do nothing but choose a new password, in the caller's transaction.
///
/// # Errors
/// When the database fails.
pub async fn require_new_password(conn: &mut PgConnection, user: UserId) -> sqlx::Result<()> {
    sqlx::query!("UPDATE users SET must_change_password = true WHERE id = $1", user.0).execute(conn).await?;
    Ok(())
}

/// Disables an account: its sessions end at once, on all devices. Returns whether it was active.
///
/// # Errors
/// When the database fails.
pub async fn disable(db: &PgPool, user: UserId, by: impl Into<Actor>, now: Time) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let changed = sqlx::query!(
        "UPDATE users SET status = 'DISABLED', updated_at = $2 WHERE id = $1 AND status = 'ACTIVE'",
        user.0,
        now
    )
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() == 0 {
        return Ok(false);
    }
    end_sign_ins(&mut tx, user, "ACCOUNT_DISABLED", now).await?;
    record(&mut tx, "account.disable", user, json!({}), by.into(), now).await?;
    tx.commit().await?;
    Ok(true)
}

/// Lets a disabled person sign in again. Returns whether she was disabled.
///
/// # Errors
/// When the database fails.
pub async fn enable(db: &PgPool, user: UserId, by: impl Into<Actor>, now: Time) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let changed = sqlx::query!(
        "UPDATE users SET status = 'ACTIVE', updated_at = $2 WHERE id = $1 AND status = 'DISABLED'",
        user.0,
        now
    )
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() == 0 {
        return Ok(false);
    }
    record(&mut tx, "account.enable", user, json!({}), by.into(), now).await?;
    tx.commit().await?;
    Ok(true)
}

/// Gives a person a one-time password in place of her own and ends all her sessions. The same form again changes
/// nothing and returns `None`: the password that it made is known to nobody but who saw it.
///
/// # Errors
/// When the database or the hasher fails.
pub async fn reset_password(
    db: &PgPool,
    user: UserId,
    request_id: Uuid,
    by: impl Into<Actor>,
    now: Time,
) -> Result<Option<String>, PasswordError> {
    let password = one_time_password();
    let hash = Passwords::hash(password.clone()).await.map_err(PasswordError::Hashing)?;
    let mut tx = db.begin().await?;
    sqlx::query!("SELECT id FROM users WHERE id = $1 FOR UPDATE", user.0).fetch_one(&mut *tx).await?;
    if audit::is_recorded(&mut tx, "account.reset_password", user, request_id).await? {
        return Ok(None);
    }
    sqlx::query!(
        "UPDATE users SET password_hash = $2, must_change_password = true, updated_at = $3 WHERE id = $1",
        user.0,
        hash,
        now
    )
    .execute(&mut *tx)
    .await?;
    end_sign_ins(&mut tx, user, "PASSWORD_CHANGED", now).await?;
    let detail = json!({ "request_id": request_id });
    record(&mut tx, "account.reset_password", user, detail, by.into(), now).await?;
    tx.commit().await?;
    Ok(Some(password))
}

/// Takes a person's second factor away, for whoever has lost her phone and her recovery codes. Nobody does that to
/// herself. Returns whether there was one.
///
/// # Errors
/// When the database fails.
pub async fn reset_two_factor(db: &PgPool, user: UserId, by: Actor, now: Time) -> sqlx::Result<bool> {
    if by.user == user {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    if !two_factor::remove(&mut tx, user).await? {
        return Ok(false);
    }
    record(&mut tx, "account.reset_two_factor", user, json!({}), by, now).await?;
    tx.commit().await?;
    Ok(true)
}

/// The same from the panel's own machine, for an admin whom no other can help. Returns whether there was one;
/// `None` is that nobody has this user name.
///
/// # Errors
/// When the database fails.
pub async fn reset_two_factor_by_hand(db: &PgPool, username: &str, now: Time) -> sqlx::Result<Option<bool>> {
    let mut tx = db.begin().await?;
    let user = sqlx::query_scalar!(
        r#"SELECT id AS "id: UserId" FROM users WHERE username = $1"#,
        username.trim().to_lowercase()
    );
    let Some(user) = user.fetch_optional(&mut *tx).await? else { return Ok(None) };
    if !two_factor::remove(&mut tx, user).await? {
        return Ok(Some(false));
    }
    let deed = Deed {
        actor: None,
        action: "account.reset_two_factor",
        subject_type: "user",
        subject_id: Some(user.0),
        detail: json!({ "from": "command line" }),
        address: None,
    };
    audit::record(&mut tx, &deed, now).await?;
    tx.commit().await?;
    Ok(Some(true))
}

async fn record(
    conn: &mut PgConnection,
    action: &'static str,
    user: UserId,
    detail: Value,
    by: Actor,
    now: Time,
) -> sqlx::Result<()> {
    by.record(conn, action, ("user", Some(user.0)), detail, now).await
}
