//! Copying backups off this machine: one job for each, tried again until it is there.
//!
//! Invariant: a row says that a backup was copied only after the store has shown its size and its checksum, or all of
//! its bytes. An upload that was cut off goes on with the part after the last that the store has.

mod upload;

use std::{io, time::Duration};

use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use self::upload::Copying;
use super::{
    Backups, KEPT_AT_LEAST,
    offsite::{Store, StoreError},
    queries,
};
use crate::{
    audit::Actor,
    calendar::{Clock, Time},
    config::OffsiteConfig,
    ids::BackupId,
    jobs::{self, Job, NewJob, Verdict},
};

/// The kind of job that copies one backup.
pub const COPY: &str = "backups.copy";
/// The number of the lock that whoever copies holds: the line is not shared between two.
const LOCK: i64 = 0x5241_445f_434f_5059;
/// So long a copy waits for another that is under way.
const BEHIND: Duration = Duration::from_secs(60);

/// What is copied, or why not; each message is one sentence for the owner.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("another copy is under way")]
    UnderWay,
    #[error("its file {0} is not in the folder of this instance")]
    NoFile(String),
    #[error("its file {0} is not what was written")]
    Damaged(String),
    #[error("its file can't be read: {0}")]
    File(#[from] io::Error),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Stopped(#[from] tokio::task::JoinError),
}

/// How copying one backup ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    Now,
    Before,
    /// No store is set up, or the backup is gone.
    NotWanted,
}

/// Stores the job that copies a backup, in the caller's transaction.
pub(super) async fn ask_for(conn: &mut PgConnection, id: BackupId, now: Time) -> sqlx::Result<()> {
    let job = NewJob {
        kind: COPY,
        payload: json!({ "backup": id }),
        unique_key: Some(format!("backup-copy:{id}")),
        run_at: now,
    };
    jobs::enqueue(conn, &job, now).await
}

/// Asks for copies of the newest good backups that the store of today should have and has not: the store is new, or
/// lost them. Without a store nothing fails any more. Returns how many were asked for.
///
/// # Errors
/// When the database fails.
pub async fn catch_up(backups: &Backups, now: Time) -> sqlx::Result<usize> {
    let mut tx = backups.db.begin().await?;
    let Some(offsite) = &backups.config.offsite else {
        sqlx::query!(
            "UPDATE backups SET copy_failing_since = NULL, copy_error = NULL WHERE copy_failing_since IS NOT NULL"
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        return Ok(0);
    };
    let good = i64::try_from(KEPT_AT_LEAST).unwrap_or(i64::MAX);
    let missing = queries::uncopied(&mut tx, &offsite.place(), good).await?;
    for id in &missing {
        ask_for(&mut tx, *id, now).await?;
    }
    tx.commit().await?;
    Ok(missing.len())
}

/// The admin asks for it now: what waits for its next attempt is due, and what is missing is asked for.
///
/// # Errors
/// When the database fails.
pub async fn ask_now(backups: &Backups, admin: Actor, now: Time) -> sqlx::Result<()> {
    catch_up(backups, now).await?;
    jobs::bring_forward(&backups.db, &[COPY], now).await?;
    let mut conn = backups.db.acquire().await?;
    admin.record(&mut conn, "backup.copy", ("backup", None), json!({}), now).await
}

/// Runs the job of one copy. There is no end to its attempts but success: a store may be away for days.
pub async fn run(backups: &Backups, clock: &Clock, job: &Job) -> Verdict {
    let id = job.payload.get("backup").and_then(Value::as_i64).map(BackupId);
    let Some(id) = id else { return Verdict::Fail { error: "the job names no backup".to_owned() } };
    match copy(backups, clock, id).await {
        Ok(_) => Verdict::Done,
        Err(error @ CopyError::UnderWay) => Verdict::Retry { after: BEHIND, error: error.to_string() },
        Err(error) => Verdict::Retry { after: jobs::backoff(job.attempts), error: error.to_string() },
    }
}

/// Copies one backup and proves that it is there, then removes from the store what is kept no longer.
///
/// # Errors
/// The failure, which is then also in the backup's row, unless another copy is under way.
pub async fn copy(backups: &Backups, clock: &Clock, id: BackupId) -> Result<Copied, CopyError> {
    let Some(config) = &backups.config.offsite else { return Ok(Copied::NotWanted) };
    // A connection of its own: an upload is too long for a transaction. If this ends in the middle, so does the
    // connection, and the lock with it.
    let mut lock = backups.db.acquire().await?.detach();
    let locked = sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "locked!""#, LOCK);
    if !locked.fetch_one(&mut lock).await? {
        let _ = lock.close().await;
        return Err(CopyError::UnderWay);
    }
    let copied = copy_alone(backups, config, clock, id).await;
    // Before the connection: the next in line would still find it held for a moment. One that was lost is nobody's any
    // more.
    let _ = sqlx::query_scalar!("SELECT pg_advisory_unlock($1)", LOCK).fetch_one(&mut lock).await;
    let _ = lock.close().await;
    copied
}

async fn copy_alone(
    backups: &Backups,
    config: &OffsiteConfig,
    clock: &Clock,
    id: BackupId,
) -> Result<Copied, CopyError> {
    let row = queries::to_copy(&mut *backups.db.acquire().await?, id).await?;
    let Some(row) = row else { return Ok(Copied::NotWanted) };
    if row.copied_to.as_deref() == Some(config.place().as_str()) {
        return Ok(Copied::Before);
    }
    let result = async {
        let store = Store::new(config)?;
        let copying = Copying { db: &backups.db, folder: &backups.config.folder, store: &store, id };
        copying.run(row).await?;
        Ok::<_, CopyError>(store)
    }
    .await;
    let mut conn = backups.db.acquire().await?;
    let store = match result {
        Ok(store) => store,
        Err(error) => {
            fail(&mut conn, id, &error.to_string(), clock.now()).await?;
            return Err(error);
        }
    };
    finish(&mut conn, id, &store.place(), clock.now()).await?;
    // The copy is there whatever comes of this; a key may be one that can't delete.
    if let Err(error) = prune(&store, &mut conn, backups.config.keep_days, clock.now()).await {
        tracing::warn!(%error, "the store's old backups could not be looked through");
    }
    Ok(Copied::Now)
}

async fn finish(conn: &mut PgConnection, id: BackupId, place: &str, now: Time) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE backups SET copied_at = $2, copied_to = $3, copy_failing_since = NULL, copy_error = NULL,
                copy_upload = NULL, copy_parts = '{}'
         WHERE id = $1",
        id.0,
        now,
        place
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn fail(conn: &mut PgConnection, id: BackupId, error: &str, now: Time) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE backups SET copy_failing_since = coalesce(copy_failing_since, $3), copy_error = $2 WHERE id = $1",
        id.0,
        error,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The same rule as on the disk: what is older than the settings say goes, but never one of the newest good ones. What
/// should be in the store and is not is no copy any more. Returns how many went.
async fn prune(
    store: &Store,
    conn: &mut PgConnection,
    keep_days: u32,
    now: Time,
) -> Result<usize, CopyError> {
    let stored = store.list().await?;
    let names: Vec<String> = stored.iter().map(|one| one.name.clone()).collect();
    sqlx::query!(
        "UPDATE backups SET copied_at = NULL, copied_to = NULL
         WHERE copied_to = $1 AND NOT (file_name = ANY ($2))",
        store.place(),
        &names
    )
    .execute(&mut *conn)
    .await?;
    let bad = queries::bad_among(conn, &names).await?;
    let oldest = now - time::Duration::days(i64::from(keep_days));
    let (mut good, mut removed) = (0, 0);
    for one in stored {
        let is_good = !bad.contains(&one.name);
        good += usize::from(is_good);
        if one.made_at >= oldest || (is_good && good <= KEPT_AT_LEAST) {
            continue;
        }
        store.remove(&one.name).await?;
        removed += 1;
    }
    Ok(removed)
}
