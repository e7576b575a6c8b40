//! TOP: each job kind and each task of the clock, and the function of its room.

mod background;
mod lanes;
mod queue;
mod scheduled;
mod server;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    accounts,
    backups::{self, Backups},
    customers,
    jobs::{
        self, Job, Verdict,
        schedule::{self, Task},
    },
    notices, orders,
    reports::{self, files::Files},
    verification,
    web::{AppState, session_store::HashedStore},
};

pub use background::{Background, start, start_with, tick};
pub use lanes::kinds;
pub use queue::run_due;
pub use scheduled::run_task;

/// Finished jobs and runs are kept so long, for the page that shows them.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Notices are kept so long, read or not.
const NOTICES_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
/// What was read of the server, to be brought in, is kept so long.
const IMPORTS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// A job of a kind that nobody knows is looked at so often, for a day in all.
const STRANGE_ATTEMPTS: i32 = 24 * 60;

/// The kinds of job that wait for the server while it is away.
const WAITING_FOR_SERVER: [&str; 5] = [
    orders::jobs::PROVISION,
    orders::changes::JOB,
    orders::settlement::RESTORE,
    orders::import::READ,
    orders::import::TAKE,
];

/// Runs one job: the only place that knows all kinds.
pub async fn run(app: &AppState, job: &Job) -> Verdict {
    match job.kind.as_str() {
        orders::jobs::PROVISION => orders::jobs::provision(&app.db, &app.server, &app.clock, job).await,
        notices::jobs::DELIVER => notices::jobs::deliver(&app.db, &app.couriers, &app.clock, job).await,
        notices::jobs::SEND_CODE => notices::jobs::send_code(&app.db, &app.couriers, &app.clock, job).await,
        notices::jobs::POLL => notices::jobs::poll(&app.db, &app.couriers, &app.clock, job).await,
        orders::changes::JOB => orders::changes::run(&app.db, &app.server, &app.clock, job).await,
        orders::changes::CUT_OFF => orders::changes::carry_out(&app.db, &app.clock, job).await,
        orders::settlement::RESTORE => {
            orders::settlement::restore(&app.db, &app.server, &app.clock, job).await
        }
        orders::import::READ => orders::import::reading::read(&app.db, &app.server, &app.clock, job).await,
        orders::import::TAKE => orders::import::taking::take(&app.db, &app.server, &app.clock, job).await,
        // In a box: on its way through the layers below, so large a future would be moved from stack to stack.
        schedule::RUN => run_task(app, job, Task::limit, |task| Box::pin(perform(app, task))).await,
        backups::COPY => backups::run_copy(&backups_of(app), &app.clock, job).await,
        reports::jobs::EXPORT => {
            reports::jobs::export(&app.db, &Files::beside(&app.receipts), &app.clock, job).await
        }
        other => {
            let error = format!("no room knows the job kind {other}");
            if job.attempts < STRANGE_ATTEMPTS {
                Verdict::Retry { after: jobs::FOR_NEWER, error }
            } else {
                Verdict::Fail { error }
            }
        }
    }
}

/// Does what is due. Each task is safe to repeat; what it returns is shown to the admin.
async fn perform(app: &AppState, task: Task) -> anyhow::Result<Value> {
    match task {
        Task::Usage => {
            let swept = orders::sync::sweep(&app.db, &app.server, &app.clock).await?;
            Ok(json!({ "accounts": swept.read, "drifted": swept.drifted, "unread": swept.unread }))
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
        Task::Backup => {
            let made = backups::create(&backups_of(app), &app.clock, false).await?;
            Ok(json!({ "bytes": made.size, "receipts": made.receipts }))
        }
        Task::RestoreDrill => {
            let drilled = backups::drill(&backups_of(app), &app.clock).await?;
            Ok(json!({ "drilled": u8::from(drilled.is_some()) }))
        }
        Task::Verification => verify(app).await,
        Task::Watch => {
            let server = app.server.health().await.problem.map(|cause| format!("{cause:?}"));
            let store = app.backups.place();
            let found = notices::watch::look(&app.db, server, store.as_deref(), app.clock.now()).await?;
            Ok(json!({ "found": found }))
        }
        Task::Ends => {
            let people = notices::watch::look_at_ends(&app.db, app.clock.now()).await?;
            Ok(json!({ "people": people }))
        }
    }
}

fn backups_of(app: &AppState) -> Backups {
    Backups::new(app.db.clone(), app.receipts.clone(), Arc::clone(&app.backups))
}

async fn verify(app: &AppState) -> anyhow::Result<Value> {
    let report = verification::of_all(&mut *app.db.acquire().await?, &app.receipts).await?;
    anyhow::ensure!(report.is_clean(), "{}", report.summary());
    Ok(json!({ "violations": 0 }))
}

/// Removes what nobody needs any more: expired sessions, old attempts, finished jobs and runs, receipts without
/// payment, files of receipts without row, exports after their day, old notices; cancels orders that were never paid
/// for. Returns how many jobs, runs, notices and receipts went.
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
    rows += notices::forget(&app.db, now - NOTICES_KEPT).await?;
    rows += orders::import::choice::forget(&app.db, now - IMPORTS_KEPT).await?;
    rows += orders::history::thin(&app.db, now).await?;
    let mut conn = app.db.acquire().await?;
    let removed = app.receipts.remove_orphans(&mut conn, now - Duration::from_secs(24 * 3600)).await?;
    app.receipts.discard(&removed).await?;
    let strays = match backups::was_restored_lately(&mut conn, now).await? {
        // The only word of what was paid since the backup.
        true => 0,
        false => app.receipts.remove_strays(&mut conn, now - Duration::from_secs(24 * 3600)).await?,
    };
    drop(conn);
    reports::clean(&app.db, &Files::beside(&app.receipts), now).await?;
    backups::catch_up(&backups_of(app), now).await?;
    Ok(rows + u64::try_from(removed.len() + strays)?)
}
