//! Asking for an export, giving it up, and clearing away what has had its day.

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{Filter, KEPT, files::Files, jobs::EXPORT};
use crate::{
    audit::Actor,
    calendar::Time,
    ids::UserId,
    jobs::{self, NewJob},
    locale::Language,
};

/// Nobody has more exports under way at once: each takes a worker and room on the disk.
const UNDER_WAY: i64 = 3;

/// An export that somebody asks for.
#[derive(Clone, Debug)]
pub struct NewExport<'a> {
    pub filter: &'a Filter,
    pub language: Language,
    /// The filter in words.
    pub description: &'a str,
    pub file_name: &'a str,
    /// How many rows there are now.
    pub rows: i64,
    pub request_id: Uuid,
}

/// The number of the export that was asked for, now or by the same form before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requested(pub i64);

/// Why an export was not begun.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("too many exports are under way")]
    TooMany,
    #[error("the filter can't be stored: {0}")]
    Filter(#[from] serde_json::Error),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Stores an export and the job that writes it.
///
/// # Errors
/// [`ExportError`]; nothing was stored.
pub async fn request(
    db: &PgPool,
    new: &NewExport<'_>,
    by: Actor,
    now: Time,
) -> Result<Requested, ExportError> {
    let filter = serde_json::to_value(new.filter)?;
    let mut tx = db.begin().await?;
    // The same form sent twice at once waits here for its twin.
    sqlx::query_scalar!("SELECT id FROM users WHERE id = $1 FOR UPDATE", by.user.0)
        .fetch_one(&mut *tx)
        .await?;
    if let Some(id) = find(&mut tx, by.user, new.request_id).await? {
        return Ok(Requested(id));
    }
    let under_way = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM exports
           WHERE owner_id = $1 AND status IN ('WAITING', 'RUNNING') AND expires_at > $2"#,
        by.user.0,
        now
    )
    .fetch_one(&mut *tx)
    .await?;
    if under_way >= UNDER_WAY {
        return Err(ExportError::TooMany);
    }
    let id = sqlx::query_scalar!(
        "INSERT INTO exports (owner_id, request_id, filter, language, description, file_key, file_name, rows_total,
                              created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
        by.user.0,
        new.request_id,
        filter,
        new.language.code(),
        new.description,
        Uuid::new_v4(),
        new.file_name,
        new.rows,
        now,
        now + KEPT
    )
    .fetch_one(&mut *tx)
    .await?;
    let job = NewJob { kind: EXPORT, payload: json!({ "export": id }), unique_key: None, run_at: now };
    jobs::enqueue(&mut tx, &job, now).await?;
    let detail = json!({ "filter": filter, "rows": new.rows });
    by.record(&mut tx, "report.export", ("export", Some(id)), detail, now).await?;
    tx.commit().await?;
    Ok(Requested(id))
}

async fn find(conn: &mut PgConnection, owner: UserId, request_id: Uuid) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("SELECT id FROM exports WHERE owner_id = $1 AND request_id = $2", owner.0, request_id)
        .fetch_optional(conn)
        .await
}

/// Gives up an export that is not finished; its job notices. Returns whether it was this person's and unfinished.
///
/// # Errors
/// When the database fails.
pub async fn cancel(db: &PgPool, export: i64, owner: UserId, now: Time) -> sqlx::Result<bool> {
    let cancelled = sqlx::query!(
        "UPDATE exports SET status = 'CANCELLED', finished_at = $3
         WHERE id = $1 AND owner_id = $2 AND status IN ('WAITING', 'RUNNING')",
        export,
        owner.0,
        now
    )
    .execute(db)
    .await?;
    Ok(cancelled.rows_affected() > 0)
}

/// Forgets the exports whose time is over, and removes every file that belongs to none.
///
/// # Errors
/// When the database or the disk fails; the rest is done next time.
pub async fn clean(db: &PgPool, files: &Files, now: Time) -> anyhow::Result<()> {
    sqlx::query!("DELETE FROM exports WHERE expires_at <= $1", now).execute(db).await?;
    let folder = files.clone();
    // Read before the rows: a file that comes later has a row that comes sooner.
    let keys = tokio::task::spawn_blocking(move || folder.keys()).await??;
    let known = sqlx::query_scalar!(
        "SELECT file_key FROM exports WHERE file_key = ANY ($1) AND status NOT IN ('FAILED', 'CANCELLED')",
        &keys
    )
    .fetch_all(db)
    .await?;
    let files = files.clone();
    let unknown: Vec<Uuid> = keys.into_iter().filter(|key| !known.contains(key)).collect();
    tokio::task::spawn_blocking(move || unknown.iter().try_for_each(|key| files.remove(*key))).await??;
    Ok(())
}
