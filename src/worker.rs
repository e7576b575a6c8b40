//! TOP: each job kind and each task of the clock, and the function of its room.

mod background;
mod queue;

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    accounts, customers,
    jobs::{
        self, Job, Verdict, backoff,
        schedule::{self, Task},
    },
    ledger, orders,
    reports::{self, files::Files},
    web::{AppState, session_store::HashedStore},
};

pub use background::{Background, start, start_with, tick};
pub use queue::run_due;

/// Finished jobs and runs are kept so long, for the page that shows them.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Runs one job: the only place that knows all kinds.
pub async fn run(app: &AppState, job: &Job) -> Verdict {
    match job.kind.as_str() {
        orders::jobs::PROVISION => orders::jobs::provision(&app.db, &app.marzban, &app.clock, job).await,
        schedule::RUN => match run_scheduled(app, job).await {
            Ok(verdict) => verdict,
            Err(error) => Verdict::Retry { after: backoff(job.attempts), error: error.to_string() },
        },
        orders::changes::JOB => orders::changes::run(&app.db, &app.marzban, &app.clock, job).await,
        reports::jobs::EXPORT => {
            reports::jobs::export(&app.db, &Files::beside(&app.receipts), &app.clock, job).await
        }
        other => Verdict::Fail { error: format!("no room knows the job kind {other}") },
    }
}

async fn run_scheduled(app: &AppState, job: &Job) -> sqlx::Result<Verdict> {
    let Some(run) = schedule::begin(&app.db, job, app.clock.now()).await? else { return Ok(Verdict::Done) };
    let result = perform(app, run.task).await;
    schedule::settle(&app.db, run, job, result, app.clock.now()).await
}

/// Does what is due. Each task is safe to repeat; what it returns is shown to the admin.
async fn perform(app: &AppState, task: Task) -> anyhow::Result<Value> {
    match task {
        Task::Usage => {
            let read = orders::usage::refresh_stale(&app.db, &app.marzban, &app.clock).await?;
            Ok(json!({ "accounts": read }))
        }
        Task::Cleaning => clean(app).await.map(|removed| json!({ "removed": removed })),
        Task::Suspension => {
            let orders = orders::suspension::strike(&app.db, app.clock.now()).await?;
            Ok(json!({ "accounts": orders }))
        }
        Task::Relief => {
            let orders = orders::suspension::relent(&app.db, app.clock.now()).await?;
            Ok(json!({ "accounts": orders }))
        }
        Task::Verification => verify(app).await,
    }
}

async fn verify(app: &AppState) -> anyhow::Result<Value> {
    let violations = ledger::verify(&mut *app.db.acquire().await?).await?;
    if let Some(first) = violations.first() {
        anyhow::bail!("{} violations; the first: user {}: {}", violations.len(), first.user, first.rule);
    }
    Ok(json!({ "violations": 0 }))
}

/// Removes what nobody needs any more: expired sessions, old attempts, finished jobs and runs, receipts without
/// payment, exports after their day; cancels orders that were never paid for. Returns how many jobs, runs and receipts
/// went.
///
/// # Errors
/// The first failure; the rest is done at the next hour.
pub async fn clean(app: &AppState) -> anyhow::Result<u64> {
    use tower_sessions::ExpiredDeletion as _;
    let now = app.clock.now();
    HashedStore::new(&app.db)?.delete_expired().await?;
    accounts::forget_attempts(&app.db, now).await?;
    customers::registration::forget_attempts(&app.db, now).await?;
    orders::purchase::cancel_forgotten(&app.db, now).await?;
    let mut rows = jobs::remove_finished(&app.db, now - KEPT).await?;
    rows += schedule::remove_finished(&app.db, now - KEPT).await?;
    let mut conn = app.db.acquire().await?;
    let removed = app.receipts.remove_orphans(&mut conn, now - Duration::from_secs(24 * 3600)).await?;
    app.receipts.discard(&removed).await?;
    drop(conn);
    reports::clean(&app.db, &Files::beside(&app.receipts), now).await?;
    Ok(rows + u64::try_from(removed.len())?)
}
