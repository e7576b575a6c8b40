//! Reads for the owner's page of what the panel does by itself.

use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    calendar::Time,
    ids::{JobId, UserId},
    jobs::schedule::Task,
    ledger::Balance,
    money::Toman,
};

/// A task as it stands: its open run, and the last one that ended.
pub struct TaskRow {
    pub task: Task,
    /// An unfinished run waits or goes on.
    pub is_open: bool,
    /// What went wrong in the open run so far.
    pub open_error: Option<String>,
    pub last: Option<LastRun>,
    /// How many runs in a row failed.
    pub failures: i64,
}

/// A run that ended.
pub struct LastRun {
    pub started_at: Time,
    pub finished_at: Time,
    pub is_done: bool,
    pub report: Value,
    pub error: Option<String>,
}

/// All tasks, in their order.
///
/// # Errors
/// When the database fails.
pub async fn tasks(conn: &mut PgConnection) -> sqlx::Result<Vec<TaskRow>> {
    let codes: Vec<String> = Task::ALL.iter().map(|task| task.code().to_owned()).collect();
    let rows = sqlx::query!(
        r#"SELECT t.code AS "code!", open.id IS NOT NULL AS "is_open!", open.error AS "open_error?",
                  last.started_at AS "started_at?", last.finished_at AS "finished_at?", last.outcome AS "outcome?",
                  last.report AS "report?", last.error AS "error?",
                  (SELECT count(*) FROM scheduled_runs f WHERE f.task = t.code AND f.outcome = 'FAILED'
                   AND f.due_at > coalesce((SELECT max(d.due_at) FROM scheduled_runs d
                                            WHERE d.task = t.code AND d.outcome = 'DONE'), '-infinity')) AS "failures!"
           FROM unnest($1::text[]) WITH ORDINALITY AS t (code, place)
           LEFT JOIN scheduled_runs open ON open.task = t.code AND open.finished_at IS NULL
           LEFT JOIN LATERAL (
               SELECT coalesce(r.started_at, r.finished_at) AS started_at, r.finished_at, r.outcome, r.report, r.error
               FROM scheduled_runs r WHERE r.task = t.code AND r.finished_at IS NOT NULL
               ORDER BY r.due_at DESC LIMIT 1
           ) last ON true
           ORDER BY t.place"#,
        &codes
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let last = match (row.started_at, row.finished_at) {
                (Some(started_at), Some(finished_at)) => Some(LastRun {
                    started_at,
                    finished_at,
                    is_done: row.outcome.as_deref() == Some("DONE"),
                    report: row.report.unwrap_or_default(),
                    error: row.error,
                }),
                _ => None,
            };
            Some(TaskRow {
                task: Task::from_code(&row.code)?,
                is_open: row.is_open,
                open_error: row.open_error,
                last,
                failures: row.failures,
            })
        })
        .collect())
}

/// The queue in figures.
pub struct QueueFigures {
    /// Due and not begun.
    pub due: i64,
    /// Due since then, at the earliest.
    pub oldest: Option<Time>,
    /// Waits for its next attempt.
    pub put_off: i64,
}

/// How full the queue is.
///
/// # Errors
/// When the database fails.
pub async fn queue(conn: &mut PgConnection, now: Time) -> sqlx::Result<QueueFigures> {
    sqlx::query_as!(
        QueueFigures,
        r#"SELECT count(*) FILTER (WHERE run_at <= $1) AS "due!", min(run_at) FILTER (WHERE run_at <= $1) AS oldest,
                  count(*) FILTER (WHERE run_at > $1 AND attempts > 0) AS "put_off!"
           FROM jobs WHERE finished_at IS NULL"#,
        now
    )
    .fetch_one(conn)
    .await
}

/// A job that somebody has to look at.
pub struct JobRow {
    pub id: JobId,
    pub kind: String,
    pub payload: Value,
    pub attempts: i32,
    pub last_error: String,
    /// Unfinished jobs: the next attempt.
    pub run_at: Time,
    pub is_failed: bool,
}

/// The newest failed jobs, and those that were put off.
///
/// # Errors
/// When the database fails.
pub async fn troubled_jobs(conn: &mut PgConnection) -> sqlx::Result<Vec<JobRow>> {
    sqlx::query_as!(
        JobRow,
        r#"(SELECT id AS "id!: JobId", kind AS "kind!", payload AS "payload!", attempts AS "attempts!",
                   coalesce(last_error, '') AS "last_error!", run_at AS "run_at!", true AS "is_failed!"
            FROM jobs WHERE outcome = 'FAILED' ORDER BY finished_at DESC LIMIT 20)
           UNION ALL
           (SELECT id, kind, payload, attempts, coalesce(last_error, ''), run_at, false
            FROM jobs WHERE finished_at IS NULL AND last_error IS NOT NULL ORDER BY run_at LIMIT 30)"#
    )
    .fetch_all(conn)
    .await
}

/// How many accounts live here, of those that the server should have.
///
/// # Errors
/// When the database fails.
pub async fn accounts_here(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM orders WHERE status IN ('ACTIVE', 'DISABLED')"#)
        .fetch_one(conn)
        .await
}

/// An agent below zero, and what the rule does or did to her accounts.
pub struct Debtor {
    pub agent: UserId,
    pub username: String,
    /// Toman.
    pub owed: Toman,
    pub since: Time,
    /// When her accounts are switched off, UTC.
    pub deadline: Time,
    /// Accounts that would be switched off.
    pub active: i64,
    /// Accounts that the rule has switched off.
    pub suspended: i64,
}

/// Everybody below zero, the nearest deadline first.
///
/// # Errors
/// When the database fails.
pub async fn debtors(conn: &mut PgConnection) -> sqlx::Result<Vec<Debtor>> {
    let rows = sqlx::query!(
        r#"SELECT u.id AS "agent: UserId", u.username, w.confirmed AS "confirmed: Toman", w.pending AS "pending: Toman",
                  w.negative_since AS "since!", a.deadline_deferred_until,
                  count(o.id) FILTER (WHERE o.status = 'ACTIVE') AS "active!",
                  count(o.id) FILTER (WHERE o.disabled_reason = 'NEGATIVE_CREDIT') AS "suspended!"
           FROM wallets w JOIN users u ON u.id = w.user_id JOIN agents a ON a.user_id = u.id
           LEFT JOIN orders o ON o.user_id = u.id AND o.status IN ('ACTIVE', 'DISABLED')
           WHERE w.negative_since IS NOT NULL
           GROUP BY u.id, w.user_id, a.user_id
           ORDER BY greatest(w.negative_since + interval '24 hours', a.deadline_deferred_until), u.id"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let balance =
                Balance { confirmed: row.confirmed, pending: row.pending, negative_since: Some(row.since) };
            Some(Debtor {
                agent: row.agent,
                username: row.username,
                owed: -balance.total(),
                since: row.since,
                deadline: balance.deadline(row.deadline_deferred_until)?,
                active: row.active,
                suspended: row.suspended,
            })
        })
        .collect())
}
