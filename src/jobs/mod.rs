//! The queue: rows of `jobs`, taken with SKIP LOCKED and held by a lease.
//!
//! A job is stored in the transaction that needs it done, so neither can exist without the other. A worker that
//! dies leaves a lease that runs out, and the job is taken up again: what a job does must be safe to repeat.

pub mod schedule;

use std::time::Duration;

use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use crate::{calendar::Time, ids::JobId, request_id};

/// How long a worker may hold a job before another may take it. A running job's lease is renewed three times as often,
/// so it bounds only how long the jobs of a worker that was killed wait: half a minute, while a customer stands at the
/// counter.
pub const LEASE: Duration = Duration::from_secs(30);

/// How long what only a newer version knows, a kind of job or of notice, is left to it before it is looked at again:
/// while instances are replaced one by one, there is one.
pub const FOR_NEWER: Duration = Duration::from_secs(60);

/// A job to be stored.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub kind: &'static str,
    pub payload: Value,
    /// At most one unfinished job bears a key; storing it again changes nothing.
    pub unique_key: Option<String>,
    pub run_at: Time,
}

/// A job that this worker holds.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    pub payload: Value,
    /// How often it was begun, this time included.
    pub attempts: i32,
    /// Of the request that stored it.
    pub request_id: Option<String>,
}

/// How a run of a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Done,
    /// Not now: run it again after the wait.
    Retry {
        after: Duration,
        error: String,
    },
    /// Never: a person has to look at it.
    Fail {
        error: String,
    },
}

/// The wait before the next attempt: seconds at first, an hour at most.
pub fn backoff(attempts: i32) -> Duration {
    const SECONDS: [u64; 8] = [2, 5, 15, 45, 120, 300, 900, 1800];
    let step = usize::try_from(attempts.saturating_sub(1)).unwrap_or(0);
    Duration::from_secs(SECONDS.get(step).copied().unwrap_or(3600))
}

/// Stores a job in the caller's transaction. A job whose key is already waiting is not stored twice.
pub async fn enqueue(conn: &mut PgConnection, job: &NewJob, now: Time) -> sqlx::Result<()> {
    let request_id = request_id::current();
    sqlx::query!(
        "INSERT INTO jobs (kind, payload, unique_key, run_at, created_at, request_id) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (unique_key) WHERE finished_at IS NULL DO NOTHING",
        job.kind,
        job.payload,
        job.unique_key,
        job.run_at,
        now,
        request_id.as_deref()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes the unfinished job with this key due now, in the caller's transaction. One that is being run is left alone:
/// it is as fast as it can be.
pub async fn hurry(conn: &mut PgConnection, unique_key: &str, now: Time) -> sqlx::Result<()> {
    let hurried = sqlx::query!(
        "UPDATE jobs SET run_at = $2
         WHERE unique_key = $1 AND finished_at IS NULL AND run_at > $2 AND (locked_until IS NULL OR locked_until <= $2)",
        unique_key,
        now
    )
    .execute(&mut *conn)
    .await?;
    if hurried.rows_affected() > 0 {
        sqlx::query!("SELECT pg_notify('jobs', '')").fetch_one(conn).await?;
    }
    Ok(())
}

/// Which kinds of job are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kinds {
    named: Vec<String>,
    are_wanted: bool,
}

impl Kinds {
    /// These and no others.
    pub fn among<'a>(kinds: impl IntoIterator<Item = &'a str>) -> Self {
        Self { named: kinds.into_iter().map(str::to_owned).collect(), are_wanted: true }
    }

    /// All others, also those that nobody knows.
    pub fn all_but<'a>(kinds: impl IntoIterator<Item = &'a str>) -> Self {
        Self { are_wanted: false, ..Self::among(kinds) }
    }
}

/// Takes the oldest due job and holds it for [`LEASE`]; `None` when nothing is due.
pub async fn claim(db: &PgPool, now: Time) -> sqlx::Result<Option<Job>> {
    claim_of(db, &Kinds::all_but([]), now).await
}

/// Takes the oldest due job of these kinds and holds it for [`LEASE`]; `None` when none is due.
pub async fn claim_of(db: &PgPool, kinds: &Kinds, now: Time) -> sqlx::Result<Option<Job>> {
    sqlx::query_as!(
        Job,
        r#"UPDATE jobs SET attempts = attempts + 1, locked_until = $2
           WHERE id = (
               SELECT id FROM jobs
               WHERE finished_at IS NULL AND run_at <= $1 AND (locked_until IS NULL OR locked_until <= $1)
                 AND (kind = ANY ($3)) = $4
               ORDER BY run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
           )
           RETURNING id AS "id: JobId", kind, payload, attempts, request_id"#,
        now,
        now + LEASE,
        &kinds.named,
        kinds.are_wanted
    )
    .fetch_optional(db)
    .await
}

/// Holds a job for another [`LEASE`], while its run goes on. `false` when another worker has taken it over.
pub async fn hold(db: &PgPool, job: &Job, now: Time) -> sqlx::Result<bool> {
    let held = sqlx::query!(
        "UPDATE jobs SET locked_until = $3 WHERE id = $1 AND attempts = $2 AND finished_at IS NULL",
        job.id.0,
        job.attempts,
        now + LEASE
    )
    .execute(db)
    .await?;
    Ok(held.rows_affected() == 1)
}

/// Makes jobs of these kinds due that were put off after a failure. One that is being run is left alone. Returns how
/// many.
pub async fn bring_forward(db: &PgPool, kinds: &[&str], now: Time) -> sqlx::Result<u64> {
    let kinds: Vec<String> = kinds.iter().map(|&kind| kind.to_owned()).collect();
    let mut tx = db.begin().await?;
    let moved = sqlx::query!(
        "UPDATE jobs SET run_at = $2
         WHERE finished_at IS NULL AND attempts > 0 AND run_at > $2 AND kind = ANY ($1)
           AND (locked_until IS NULL OR locked_until <= $2)",
        &kinds,
        now
    )
    .execute(&mut *tx)
    .await?;
    if moved.rows_affected() > 0 {
        sqlx::query!("NOTIFY jobs").execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(moved.rows_affected())
}

/// Makes a failed job due again. `false` when it is not a failed one, or the same is waiting already.
pub async fn revive(conn: &mut PgConnection, id: JobId, now: Time) -> sqlx::Result<bool> {
    let revived = sqlx::query!(
        "UPDATE jobs j SET finished_at = NULL, outcome = NULL, run_at = $2, attempts = 0
         WHERE id = $1 AND outcome = 'FAILED' AND NOT EXISTS (
             SELECT FROM jobs other WHERE other.unique_key = j.unique_key AND other.finished_at IS NULL
         )",
        id.0,
        now
    )
    .execute(&mut *conn)
    .await?;
    if revived.rows_affected() == 1 {
        // The trigger that wakes workers watches new rows only.
        sqlx::query!("NOTIFY jobs").execute(conn).await?;
    }
    Ok(revived.rows_affected() == 1)
}

/// Writes down how a run ended. A lease that another worker took over meanwhile is left to that one.
pub async fn settle(db: &PgPool, job: &Job, verdict: &Verdict, now: Time) -> sqlx::Result<()> {
    let (outcome, run_at, error) = match verdict {
        Verdict::Done => (Some("DONE"), now, None),
        Verdict::Retry { after, error } => (None, now + *after, Some(error)),
        Verdict::Fail { error } => (Some("FAILED"), now, Some(error)),
    };
    sqlx::query!(
        "UPDATE jobs SET locked_until = NULL, last_error = $3, outcome = $4, run_at = $5,
                finished_at = CASE WHEN $4::text IS NULL THEN NULL ELSE $6::timestamptz END
         WHERE id = $1 AND attempts = $2 AND finished_at IS NULL",
        job.id.0,
        job.attempts,
        error,
        outcome,
        run_at,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes what was finished before `before`.
pub async fn remove_finished(db: &PgPool, before: Time) -> sqlx::Result<u64> {
    Ok(sqlx::query!("DELETE FROM jobs WHERE finished_at < $1", before).execute(db).await?.rows_affected())
}
