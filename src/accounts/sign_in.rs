//! Opening and ending sign-ins.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{Code, Passwords, refusals, throttle, two_factor};
use crate::{audit::Actor, calendar::Time, ids::UserId, role::Role};

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

/// How far a right password leads.
#[derive(Clone, Debug)]
pub enum Entry {
    Open(SignedIn),
    /// The code of the second factor is asked for; `proof` goes back with it.
    Half {
        user: UserId,
        proof: String,
    },
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
) -> Result<Entry, SignInError> {
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
        refusals::record(db, &username, known, origin.address, now).await?;
        return Err(SignInError::Wrong);
    };
    if user.status != "ACTIVE" {
        refusals::record(db, &username, known, origin.address, now).await?;
        return Err(SignInError::Disabled);
    }

    let mut tx = db.begin().await?;
    // The password may have been changed, or the account disabled, while this one was being checked.
    if !is_unchanged(&mut tx, user.id, &user.password_hash).await? {
        return Err(SignInError::Wrong);
    }
    if two_factor::is_on(&mut tx, user.id).await? {
        // Neither a failure nor a success: a right password must not forgive the wrong codes before it.
        throttle::withdraw(&mut tx, attempt).await?;
        tx.commit().await?;
        return Ok(Entry::Half { user: user.id, proof: proof(&user.password_hash) });
    }
    throttle::succeed(&mut tx, attempt).await?;
    let sign_in = open_sign_in(&mut tx, user.id, origin, now).await?;
    tx.commit().await?;
    Ok(Entry::Open(SignedIn { user: user.id, role: user.role, sign_in }))
}

/// Why the second step led nowhere.
#[derive(Debug, thiserror::Error)]
pub enum SecondStepError {
    #[error("wrong code")]
    Wrong,
    /// The first step no longer holds: the password, the account or its second factor changed since.
    #[error("the first step is out of date")]
    Outdated,
    #[error("too many failures")]
    Throttled { wait: std::time::Duration },
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Checks the code after the password. Wrong codes count like wrong passwords.
///
/// # Errors
/// See [`SecondStepError`].
pub async fn sign_in_with_code(
    db: &PgPool,
    (user, first_proof): (UserId, &str),
    code: Code<'_>,
    origin: Origin<'_>,
    now: Time,
) -> Result<SignedIn, SecondStepError> {
    let person = sqlx::query!(
        r#"SELECT username, password_hash, role AS "role: Role" FROM users WHERE id = $1"#,
        user.0
    )
    .fetch_one(db)
    .await?;
    if proof(&person.password_hash) != first_proof {
        return Err(SecondStepError::Outdated);
    }
    let attempt = match throttle::begin(db, &person.username, origin.address, now).await? {
        throttle::Gate::Open(attempt) => attempt,
        throttle::Gate::Closed { wait } => return Err(SecondStepError::Throttled { wait }),
    };
    let mut tx = db.begin().await?;
    let holds = is_unchanged(&mut tx, user, &person.password_hash).await?;
    if !holds || !two_factor::is_on(&mut tx, user).await? {
        return Err(SecondStepError::Outdated);
    }
    if !two_factor::take(&mut tx, user, code, now).await? {
        drop(tx);
        refusals::record(db, &person.username, Some(user), origin.address, now).await?;
        return Err(SecondStepError::Wrong);
    }
    throttle::succeed(&mut tx, attempt).await?;
    let sign_in = open(&mut tx, user, origin, now).await?;
    let detail = json!({ "second_factor": code.kind() });
    record(&mut tx, user, detail, origin, now).await?;
    tx.commit().await?;
    Ok(SignedIn { user, role: person.role, sign_in })
}

/// Names a password without giving anything of it away.
fn proof(password_hash: &str) -> String {
    BASE64.encode(Sha256::digest(password_hash))
}

async fn is_unchanged(conn: &mut PgConnection, user: UserId, password_hash: &str) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM users WHERE id = $1 AND password_hash = $2 AND status = 'ACTIVE' FOR SHARE",
        user.0,
        password_hash
    );
    Ok(found.fetch_optional(conn).await?.is_some())
}

/// Opens a sign-in for a person whose right to it the caller has made sure of, and writes it down, in the caller's
/// transaction.
///
/// # Errors
/// When the database fails.
pub async fn open_sign_in(
    conn: &mut PgConnection,
    user: UserId,
    origin: Origin<'_>,
    now: Time,
) -> sqlx::Result<Uuid> {
    let sign_in = open(conn, user, origin, now).await?;
    record(conn, user, json!({}), origin, now).await?;
    Ok(sign_in)
}

/// Opens a sign-in, in the caller's transaction.
pub(super) async fn open(
    conn: &mut PgConnection,
    user: UserId,
    origin: Origin<'_>,
    now: Time,
) -> sqlx::Result<Uuid> {
    let sign_in = Uuid::new_v4();
    sqlx::query!(
        "INSERT INTO sign_ins (id, user_id, address, user_agent, created_at, last_seen_at)
         VALUES ($1, $2, ($3::text)::inet, left($4, 300), $5, $5)",
        sign_in,
        user.0,
        origin.address.to_string(),
        origin.user_agent,
        now
    )
    .execute(conn)
    .await?;
    Ok(sign_in)
}

async fn record(
    conn: &mut PgConnection,
    user: UserId,
    detail: serde_json::Value,
    origin: Origin<'_>,
    now: Time,
) -> sqlx::Result<()> {
    let by = Actor { user, address: Some(origin.address) };
    by.record(conn, "account.sign_in", ("user", Some(user.0)), detail, now).await
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
