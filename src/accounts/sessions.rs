//! The devices on which a person is signed in.

use serde_json::json;
use sqlx::PgPool;
use time::Duration;
use uuid::Uuid;

use crate::{audit::Actor, calendar::Time, ids::UserId};

/// A use is noted no more often than this.
const NOTED_EVERY: Duration = Duration::minutes(5);
/// A session that was not used for so long has run out.
const LIVES: Duration = Duration::days(7);
/// No list is longer.
const MOST: i64 = 50;

/// One open sign-in.
#[derive(Clone, Debug)]
pub struct OpenSignIn {
    pub id: Uuid,
    pub address: Option<String>,
    pub user_agent: String,
    pub created_at: Time,
    pub last_seen_at: Time,
}

/// The open sign-ins of a person, the one used last first.
///
/// # Errors
/// When the database fails.
pub async fn open_sign_ins(db: &PgPool, user: UserId, now: Time) -> sqlx::Result<Vec<OpenSignIn>> {
    sqlx::query_as!(
        OpenSignIn,
        r#"SELECT id, host(address) AS address, user_agent, created_at,
                  coalesce(last_seen_at, created_at) AS "last_seen_at!"
           FROM sign_ins
           WHERE user_id = $1 AND ended_at IS NULL AND coalesce(last_seen_at, created_at) > $2
           ORDER BY coalesce(last_seen_at, created_at) DESC, id LIMIT $3"#,
        user.0,
        now - LIVES,
        MOST
    )
    .fetch_all(db)
    .await
}

/// Notes that a sign-in is being used, unless that was noted a few minutes ago.
///
/// # Errors
/// When the database fails.
pub async fn note_use(db: &PgPool, sign_in: Uuid, last: Option<Time>, now: Time) -> sqlx::Result<()> {
    if last.is_some_and(|last| now - last < NOTED_EVERY) {
        return Ok(());
    }
    sqlx::query!("UPDATE sign_ins SET last_seen_at = $2 WHERE id = $1 AND ended_at IS NULL", sign_in, now)
        .execute(db)
        .await?;
    Ok(())
}

/// Ends one of her own sign-ins. Returns whether it was open and hers.
///
/// # Errors
/// When the database fails.
pub async fn end_sign_in(db: &PgPool, by: Actor, sign_in: Uuid, now: Time) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let ended = sqlx::query!(
        "UPDATE sign_ins SET ended_at = $3, end_reason = 'SIGNED_OUT'
         WHERE id = $1 AND user_id = $2 AND ended_at IS NULL",
        sign_in,
        by.user.0,
        now
    )
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() == 0 {
        return Ok(false);
    }
    by.record(&mut tx, "account.end_session", ("user", Some(by.user.0)), json!({}), now).await?;
    tx.commit().await?;
    Ok(true)
}

/// Ends all of her own sign-ins but the one that she `keeps`.
///
/// # Errors
/// When the database fails.
pub async fn end_other_sign_ins(db: &PgPool, by: Actor, keeps: Uuid, now: Time) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    let ended = sqlx::query!(
        "UPDATE sign_ins SET ended_at = $3, end_reason = 'SIGNED_OUT'
         WHERE user_id = $2 AND id <> $1 AND ended_at IS NULL",
        keeps,
        by.user.0,
        now
    )
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() > 0 {
        by.record(&mut tx, "account.end_session", ("user", Some(by.user.0)), json!({}), now).await?;
    }
    tx.commit().await?;
    Ok(())
}
