//! What the panel does by the clock, as rows of `scheduled_runs`.
//!
//! Invariant: a due time is one run, however many instances look at the clock, and a task never runs beside itself.
//! Whether a run is due is read from its rows and the clock alone, so a run that was missed while nobody was there
//! is made up at the next look, once.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};

use super::{Job, NewJob, Verdict, backoff, enqueue};
use crate::{
    calendar::Time,
    ids::{RunId, UserId},
};

/// The kind of job that is a run of a task.
pub const RUN: &str = "schedule.run";
/// A run is begun so often before it counts as failed.
const ATTEMPTS: i32 = 3;

/// What is done by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Task {
    /// Reads the accounts' usage from the server.
    Usage,
    /// Removes what nobody needs any more.
    Cleaning,
    /// The 24-hour rule: switches off the accounts of those who owe too long.
    Suspension,
    /// The 24-hour rule: gives back the accounts of those who owe nothing any more.
    Relief,
    /// Makes the day's backup.
    Backup,
    /// Proves the invariants of money over all rows.
    Verification,
    /// Restores a backup into a scratch database.
    RestoreDrill,
    /// Looks for what people have to be told.
    Watch,
    /// Tells which accounts end soon.
    Ends,
}

/// Every so many seconds, counted from `offset` seconds after midnight UTC.
#[derive(Clone, Copy, Debug)]
struct Rhythm {
    every: i64,
    offset: i64,
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Tehran is so far ahead of UTC.
const TEHRAN: i64 = 3 * HOUR + 30 * MINUTE;

impl Task {
    pub const ALL: &[Self] = &[
        Self::Usage,
        Self::Watch,
        Self::Suspension,
        Self::Relief,
        Self::Ends,
        Self::Cleaning,
        Self::Backup,
        Self::Verification,
        Self::RestoreDrill,
    ];

    /// The word for it in our tables and addresses.
    pub fn code(self) -> &'static str {
        match self {
            Self::Usage => "USAGE",
            Self::Cleaning => "CLEANING",
            Self::Suspension => "SUSPENSION",
            Self::Relief => "RELIEF",
            Self::Backup => "BACKUP",
            Self::Verification => "VERIFICATION",
            Self::RestoreDrill => "RESTORE_DRILL",
            Self::Watch => "WATCH",
            Self::Ends => "ENDS",
        }
    }

    /// The task of that word.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|task| task.code() == code)
    }

    fn rhythm(self) -> Rhythm {
        match self {
            Self::Usage => Rhythm { every: 5 * MINUTE, offset: 30 },
            Self::Cleaning => Rhythm { every: HOUR, offset: 17 * MINUTE },
            Self::Suspension => Rhythm { every: HOUR, offset: 5 * MINUTE },
            Self::Relief => Rhythm { every: MINUTE, offset: 10 },
            // 03:00 in Tehran.
            Self::Backup => Rhythm { every: DAY, offset: DAY + 3 * HOUR - TEHRAN },
            // Fridays at 05:00 in Tehran; the count of seconds began on a Thursday.
            Self::RestoreDrill => Rhythm { every: 7 * DAY, offset: DAY + 5 * HOUR - TEHRAN },
            // 04:00 in Tehran, when the day's backup is made.
            Self::Verification => Rhythm { every: DAY, offset: DAY + 4 * HOUR - TEHRAN },
            Self::Watch => Rhythm { every: MINUTE, offset: 45 },
            // 10:00 in Tehran, when shops open.
            Self::Ends => Rhythm { every: DAY, offset: 10 * HOUR - TEHRAN },
        }
    }

    /// A run that takes longer is stuck, and is given up.
    pub fn limit(self) -> Duration {
        let minutes = match self {
            Self::Watch | Self::Relief => 10,
            Self::Usage | Self::Suspension | Self::Ends => 30,
            Self::Cleaning | Self::Verification => 60,
            // By the size of the shop and of its receipts.
            Self::Backup | Self::RestoreDrill => 120,
        };
        Duration::from_secs(minutes * 60)
    }

    /// The latest due time that is not after `now`.
    pub fn last_due(self, now: Time) -> Time {
        let Rhythm { every, offset } = self.rhythm();
        now - Duration::from_nanos(u64::from(now.nanosecond()))
            - seconds((now.unix_timestamp() - offset).rem_euclid(every))
    }

    /// The earliest due time after `now`.
    pub fn next_due(self, now: Time) -> Time {
        self.last_due(now) + seconds(self.rhythm().every)
    }
}

fn seconds(count: i64) -> time::Duration {
    time::Duration::seconds(count)
}

/// Stores a run, and the job that does it, for each task that is due by now and has none yet. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn announce_due(db: &PgPool, now: Time) -> sqlx::Result<usize> {
    // What a clock that was ahead has stored for later does not count: it would stop the task until then.
    let known = sqlx::query!(
        r#"SELECT task, max(due_at) AS "due_at!" FROM scheduled_runs WHERE due_at <= $1 GROUP BY task"#,
        now
    )
    .fetch_all(db)
    .await?;
    let mut stored = 0;
    for &task in Task::ALL {
        let due = task.last_due(now);
        if known.iter().any(|row| row.task == task.code() && row.due_at >= due) {
            continue;
        }
        let mut tx = db.begin().await?;
        stored += usize::from(store(&mut tx, task, due, None, now).await?);
        tx.commit().await?;
    }
    Ok(stored)
}

/// Stores a run that an admin asks for, in her transaction. `false` when the task is under way already.
pub async fn ask_for(conn: &mut PgConnection, task: Task, by: UserId, now: Time) -> sqlx::Result<bool> {
    store(conn, task, now, Some(by), now).await
}

async fn store(
    conn: &mut PgConnection,
    task: Task,
    due: Time,
    by: Option<UserId>,
    now: Time,
) -> sqlx::Result<bool> {
    let run = sqlx::query_scalar!(
        r#"INSERT INTO scheduled_runs (task, due_at, asked_by) VALUES ($1, $2, $3)
           ON CONFLICT DO NOTHING RETURNING id AS "id: RunId""#,
        task.code(),
        due,
        by.map(|by| by.0)
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(run) = run else { return Ok(false) };
    let job = NewJob { kind: RUN, payload: json!({ "run": run }), unique_key: None, run_at: now };
    enqueue(conn, &job, now).await?;
    Ok(true)
}

/// A run that is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub id: RunId,
    pub task: Task,
}

/// Begins, or begins again, the run of this job; `None` when it ended before.
///
/// # Errors
/// When the database fails.
pub async fn begin(db: &PgPool, job: &Job, now: Time) -> sqlx::Result<Option<Run>> {
    let Some(id) = job.payload.get("run").and_then(Value::as_i64) else { return Ok(None) };
    sqlx::query_as!(
        Run,
        r#"UPDATE scheduled_runs SET started_at = coalesce(started_at, $2)
           WHERE id = $1 AND finished_at IS NULL RETURNING id AS "id: RunId", task AS "task: Task""#,
        id,
        now
    )
    .fetch_optional(db)
    .await
}

/// Whether the run of this job was begun as often as it may be, and never lived to see how it ended.
pub fn is_worn_out(job: &Job) -> bool {
    job.attempts > ATTEMPTS
}

/// How a run went.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// What it tells the admin.
    Done(Value),
    /// It may go well the next time.
    Failed(String),
    /// The same would only happen again.
    GivenUp(String),
}

/// Writes down how a run went; a failure is tried again twice before the run counts as failed.
///
/// # Errors
/// When the database fails.
pub async fn settle(db: &PgPool, run: Run, job: &Job, end: End, now: Time) -> sqlx::Result<Verdict> {
    let (error, may_go_well) = match end {
        End::Done(report) => {
            finish(db, run.id, "DONE", &report, None, now).await?;
            return Ok(Verdict::Done);
        }
        End::Failed(error) => (error, job.attempts < ATTEMPTS),
        End::GivenUp(error) => (error, false),
    };
    if may_go_well {
        sqlx::query!("UPDATE scheduled_runs SET error = $2 WHERE id = $1", run.id.0, error)
            .execute(db)
            .await?;
        return Ok(Verdict::Retry { after: backoff(job.attempts + 2), error });
    }
    finish(db, run.id, "FAILED", &json!({}), Some(&error), now).await?;
    Ok(Verdict::Fail { error })
}

async fn finish(
    db: &PgPool,
    run: RunId,
    outcome: &str,
    report: &Value,
    error: Option<&str>,
    now: Time,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE scheduled_runs SET finished_at = $2, outcome = $3, report = $4, error = $5
         WHERE id = $1 AND finished_at IS NULL",
        run.0,
        now,
        outcome,
        report,
        error
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes runs that finished before `before`, but never the last of a task.
pub async fn remove_finished(db: &PgPool, before: Time) -> sqlx::Result<u64> {
    let removed = sqlx::query!(
        "DELETE FROM scheduled_runs r WHERE finished_at < $1
         AND EXISTS (SELECT FROM scheduled_runs later WHERE later.task = r.task AND later.due_at > r.due_at)",
        before
    )
    .execute(db)
    .await?;
    Ok(removed.rows_affected())
}
