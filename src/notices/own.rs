//! What a person does about her own notices.

use sqlx::PgPool;

use super::{Channel, Kind, Subject, quiet::QuietHours};
use crate::{calendar::Time, ids::UserId};

/// Marks one notice as read; what it is, or `None` where it is not this person's.
///
/// # Errors
/// When the database fails.
pub(super) async fn open(
    db: &PgPool,
    user: UserId,
    id: i64,
    now: Time,
) -> sqlx::Result<Option<(Kind, Subject)>> {
    let row = sqlx::query!(
        "UPDATE notices SET read_at = coalesce(read_at, $3) WHERE id = $1 AND user_id = $2
         RETURNING kind, subject_type, subject_id",
        id,
        user.0,
        now
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(|row| {
        let subject = Subject::from_columns(row.subject_type.as_deref(), row.subject_id);
        Kind::from_code(&row.kind).map(|kind| (kind, subject))
    }))
}

/// Marks all as read up to the newest that the person has seen.
///
/// # Errors
/// When the database fails.
pub(super) async fn read_all(db: &PgPool, user: UserId, newest: i64, now: Time) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE notices SET read_at = $3 WHERE user_id = $1 AND read_at IS NULL AND id <= $2",
        user.0,
        newest,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Sets what a person does not want to be sent, and when nothing that can wait is.
///
/// # Errors
/// When the database fails.
pub(super) async fn choose(
    db: &PgPool,
    user: UserId,
    mutes: &[(Channel, Kind)],
    quiet: Option<QuietHours>,
) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    // Two forms of one person wait for each other.
    sqlx::query_scalar!("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE", user.0)
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query!("DELETE FROM notice_mutes WHERE user_id = $1", user.0).execute(&mut *tx).await?;
    let channels: Vec<String> = mutes.iter().map(|(channel, _)| channel.code().to_owned()).collect();
    let kinds: Vec<String> = mutes.iter().map(|(_, kind)| kind.code().to_owned()).collect();
    sqlx::query!(
        "INSERT INTO notice_mutes (user_id, channel, kind)
         SELECT $1, m.channel, m.kind FROM unnest($2::text[], $3::text[]) AS m (channel, kind)",
        user.0,
        &channels,
        &kinds
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!("DELETE FROM notice_quiet_hours WHERE user_id = $1", user.0).execute(&mut *tx).await?;
    if let Some(QuietHours { from, until }) = quiet {
        sqlx::query!(
            "INSERT INTO notice_quiet_hours (user_id, quiet_from, quiet_until) VALUES ($1, $2, $3)",
            user.0,
            from,
            until
        )
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}

/// Takes a chat or an address away; what waits for it is not sent any more.
///
/// # Errors
/// When the database fails.
pub(super) async fn unlink(db: &PgPool, user: UserId, channel: Channel, now: Time) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query!("DELETE FROM notice_channels WHERE user_id = $1 AND channel = $2", user.0, channel.code())
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        "UPDATE notice_links SET used_at = $3 WHERE user_id = $1 AND channel = $2 AND used_at IS NULL",
        user.0,
        channel.code(),
        now
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// Removes notices and codes that ended before `before`. Returns how many notices went.
///
/// # Errors
/// When the database fails.
pub async fn forget(db: &PgPool, before: Time) -> sqlx::Result<u64> {
    sqlx::query!("DELETE FROM notice_links WHERE expires_at < $1", before).execute(db).await?;
    let gone = sqlx::query!("DELETE FROM notices WHERE created_at < $1", before).execute(db).await?;
    Ok(gone.rows_affected())
}
