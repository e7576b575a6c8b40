//! Writing an export: rows flow from one snapshot of the database through a short channel to a thread that writes
//! them down, so neither side holds more than a handful of them.
//!
//! Safe to repeat: an attempt writes its own file, which takes the export's place only when it is whole.

use std::{
    fs::File,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use futures_util::TryStreamExt as _;
use sqlx::PgPool;
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    task::spawn_blocking,
};
use uuid::Uuid;

use super::{Filter, KEPT, Row, files::Files, queries, sheet::ReportBook, workbook::BookError};
use crate::{
    calendar::Clock,
    jobs::{self, Job, Verdict},
    locale::Language,
};

/// The kind of the job; its payload is `{"export": number}`.
pub const EXPORT: &str = "reports.export";

/// Rows that go through the channel together.
const BATCH: usize = 500;
/// Batches that wait in the channel.
const WAITING: usize = 4;
/// How often the progress is written down and the job is held on to.
const TICK: Duration = Duration::from_millis(700);
/// After so many attempts it is given up: a disk that is full stays full.
const ATTEMPTS: i32 = 5;

/// Why an attempt did not finish.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    /// Cancelled, its owner disabled, or taken over by another worker.
    #[error("nobody waits for it any more")]
    Unwanted,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Book(#[from] BookError),
    #[error("the writing thread ended: {0}")]
    Thread(String),
}

struct Task {
    id: i64,
    filter: Filter,
    language: Language,
    description: String,
    key: Uuid,
}

/// What the writing thread is told.
enum Order {
    Rows(Vec<Row>),
    /// There are no more rows; a channel that ends without this was given up.
    Pack,
}

/// Writes one export.
pub async fn export(db: &PgPool, files: &Files, clock: &Clock, job: &Job) -> Verdict {
    let task = match begin(db, job, clock).await {
        Ok(Some(task)) => task,
        // Cancelled meanwhile, or finished by another attempt.
        Ok(None) => return Verdict::Done,
        Err(error) => {
            return Verdict::Retry { after: jobs::backoff(job.attempts), error: error.to_string() };
        }
    };
    let outcome = write(db, files, clock, job, &task).await;
    if outcome.is_err() {
        files.drop_attempt(task.key, job.attempts);
    }
    match outcome {
        Ok(()) | Err(Stopped::Unwanted) => Verdict::Done,
        Err(error) if job.attempts < ATTEMPTS => {
            Verdict::Retry { after: jobs::backoff(job.attempts), error: error.to_string() }
        }
        Err(error) => match give_up(db, &task, clock).await {
            Ok(()) => Verdict::Fail { error: error.to_string() },
            Err(other) => Verdict::Retry { after: jobs::backoff(job.attempts), error: other.to_string() },
        },
    }
}

/// Takes up an export that still waits. One whose owner may no longer have it is given up.
async fn begin(db: &PgPool, job: &Job, clock: &Clock) -> anyhow::Result<Option<Task>> {
    let Some(id) = job.payload["export"].as_i64() else { return Ok(None) };
    cancel_disowned(db, id, clock).await?;
    let row = sqlx::query!(
        r#"UPDATE exports SET status = 'RUNNING', rows_done = 0 WHERE id = $1 AND status IN ('WAITING', 'RUNNING')
           RETURNING filter, language AS "language: Language", description, file_key"#,
        id
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let filter = serde_json::from_value(row.filter)?;
    Ok(Some(Task { id, filter, language: row.language, description: row.description, key: row.file_key }))
}

/// Gives up an export whose owner was disabled.
async fn cancel_disowned(db: &PgPool, id: i64, clock: &Clock) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE exports e SET status = 'CANCELLED', finished_at = $2
         WHERE id = $1 AND status IN ('WAITING', 'RUNNING') AND NOT EXISTS (
             SELECT FROM users u WHERE u.id = e.owner_id AND u.status = 'ACTIVE' AND u.role = 'ADMIN')",
        id,
        clock.now()
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn write(db: &PgPool, files: &Files, clock: &Clock, job: &Job, task: &Task) -> Result<(), Stopped> {
    let (orders, taken) = mpsc::channel(WAITING);
    let done = AtomicI64::new(0);
    let thread = {
        let (files, view, language) = (files.clone(), task.filter.view, task.language);
        let (key, attempt, description) = (task.key, job.attempts, task.description.clone());
        spawn_blocking(move || {
            let file = files.create(key, attempt).map_err(BookError::from)?;
            let folder = files.folder().map_err(BookError::from)?;
            let rows = pack(ReportBook::begin(view, language, folder)?, taken, &description, &file)?;
            Ok((rows, files.keep(key, attempt, &file).map_err(BookError::from)?))
        })
    };
    let written = async {
        let sent = read(db, &task.filter, orders, &done).await;
        let packed = thread.await.map_err(|error| Stopped::Thread(error.to_string()))?;
        // A thread that ended early closed the channel; its reason is the better one.
        packed.and_then(|packed| sent.map(|()| packed))
    };
    let (rows, size) = tokio::select! {
        written = written => written?,
        stopped = watch(db, clock, job, task, &done) => return Err(stopped),
    };
    finish(db, files, clock, task, rows, size).await
}

/// Sends all rows to the writing thread.
async fn read(db: &PgPool, filter: &Filter, orders: Sender<Order>, done: &AtomicI64) -> Result<(), Stopped> {
    let mut snapshot = queries::snapshot(db).await?;
    let mut rows = queries::rows(&mut snapshot, filter, None, i64::MAX).try_chunks(BATCH);
    while let Some(batch) = rows.try_next().await.map_err(|error| error.1)? {
        let count = batch.len() as i64;
        orders.send(Order::Rows(batch)).await.map_err(|_| Stopped::Unwanted)?;
        done.fetch_add(count, Ordering::Relaxed);
    }
    drop(rows);
    snapshot.commit().await?;
    orders.send(Order::Pack).await.map_err(|_| Stopped::Unwanted)
}

/// On a thread of its own: writes the rows as they come, then packs the workbook. Returns how many rows there were.
fn pack(
    mut book: ReportBook,
    mut taken: Receiver<Order>,
    description: &str,
    file: &File,
) -> Result<i64, Stopped> {
    loop {
        match taken.blocking_recv() {
            Some(Order::Rows(rows)) => rows.iter().try_for_each(|row| book.add(row))?,
            Some(Order::Pack) => break,
            None => return Err(Stopped::Unwanted),
        }
    }
    let rows = book.rows();
    book.write(description, file)?;
    Ok(rows)
}

/// Writes the progress down and holds on to the job, until it is not wanted any more.
async fn watch(db: &PgPool, clock: &Clock, job: &Job, task: &Task, done: &AtomicI64) -> Stopped {
    loop {
        tokio::time::sleep(TICK).await;
        match tick(db, clock, job, task, done.load(Ordering::Relaxed)).await {
            Ok(true) => {}
            Ok(false) => return Stopped::Unwanted,
            Err(error) => return error.into(),
        }
    }
}

async fn tick(db: &PgPool, clock: &Clock, job: &Job, task: &Task, done: i64) -> sqlx::Result<bool> {
    let wanted = sqlx::query!(
        "UPDATE exports e SET rows_done = least($2, rows_total) WHERE id = $1 AND status = 'RUNNING' AND EXISTS (
             SELECT FROM users u WHERE u.id = e.owner_id AND u.status = 'ACTIVE' AND u.role = 'ADMIN')",
        task.id,
        done
    )
    .execute(db)
    .await?
    .rows_affected()
        > 0;
    if !wanted {
        cancel_disowned(db, task.id, clock).await?;
        return Ok(false);
    }
    jobs::hold(db, job, clock.now()).await
}

async fn finish(
    db: &PgPool,
    files: &Files,
    clock: &Clock,
    task: &Task,
    rows: i64,
    size: u64,
) -> Result<(), Stopped> {
    let now = clock.now();
    let finished = sqlx::query!(
        "UPDATE exports e SET status = 'DONE', rows_total = $2, rows_done = $2, size_bytes = $3, finished_at = $4,
                expires_at = $5
         WHERE id = $1 AND status = 'RUNNING' AND EXISTS (
             SELECT FROM users u WHERE u.id = e.owner_id AND u.status = 'ACTIVE' AND u.role = 'ADMIN')",
        task.id,
        rows,
        i64::try_from(size).unwrap_or(i64::MAX),
        now,
        now + KEPT
    )
    .execute(db)
    .await?;
    if finished.rows_affected() == 0 {
        let (files, key) = (files.clone(), task.key);
        // Best effort: what stays is found by the cleaning.
        let _ = spawn_blocking(move || files.remove(key)).await;
    }
    Ok(())
}

async fn give_up(db: &PgPool, task: &Task, clock: &Clock) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE exports SET status = 'FAILED', finished_at = $2 WHERE id = $1 AND status IN ('WAITING', 'RUNNING')",
        task.id,
        clock.now()
    )
    .execute(db)
    .await?;
    Ok(())
}
