//! TOP: each job kind and the function of its room, the loop that runs the queue, and the schedule.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use sqlx::postgres::PgListener;
use tokio::{
    sync::{Notify, Semaphore, watch},
    task::JoinHandle,
};
use tokio_cron_scheduler::{Job as CronJob, JobScheduler};

use crate::{
    accounts,
    jobs::{self, Job, Verdict},
    orders,
    web::{AppState, session_store::HashedStore},
};

/// How many jobs run at once.
const PARALLEL: usize = 4;
/// How long jobs may go on after the panel was told to stop; then their leases bring them back.
const PATIENCE: Duration = Duration::from_secs(30);
/// The queue is looked at this often even when nobody announced a job.
const POLL: Duration = Duration::from_secs(2);

/// Runs one job: the only place that knows all kinds.
pub async fn run(app: &AppState, job: &Job) -> Verdict {
    match job.kind.as_str() {
        orders::jobs::PROVISION => orders::jobs::provision(&app.db, &app.marzban, &app.clock, job).await,
        orders::changes::JOB => orders::changes::run(&app.db, &app.marzban, &app.clock, job).await,
        other => Verdict::Fail { error: format!("no room knows the job kind {other}") },
    }
}

/// Runs what is due until nothing is, one job after the other. Returns how many ran.
///
/// # Errors
/// When the queue can't be read or written.
pub async fn run_due(app: &AppState) -> sqlx::Result<usize> {
    let mut count = 0;
    while let Some(job) = jobs::claim(&app.db, app.clock.now()).await? {
        settle(app, &job, run(app, &job)).await?;
        count += 1;
    }
    Ok(count)
}

/// Waits for the run of a job and writes down how it ended. A panic is a run to be repeated: it ends neither the
/// worker nor the job, and its text stands with the job.
async fn settle(app: &AppState, job: &Job, run: impl Future<Output = Verdict>) -> sqlx::Result<()> {
    let verdict = AssertUnwindSafe(run).catch_unwind().await.unwrap_or_else(|panic| Verdict::Retry {
        after: jobs::backoff(job.attempts),
        error: format!("the job panicked: {}", panic_text(panic.as_ref())),
    });
    match &verdict {
        Verdict::Done => tracing::info!(job = %job.id, kind = job.kind, attempts = job.attempts, "job done"),
        Verdict::Retry { after, error } => {
            tracing::warn!(job = %job.id, kind = job.kind, attempts = job.attempts, ?after, error, "job put off");
        }
        Verdict::Fail { error } => tracing::error!(job = %job.id, kind = job.kind, error, "job failed"),
    }
    jobs::settle(&app.db, job, &verdict, app.clock.now()).await
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text")
}

/// What runs beside the pages.
pub struct Background {
    stop: watch::Sender<bool>,
    queue: JoinHandle<()>,
    listeners: Vec<JoinHandle<()>>,
    schedule: JobScheduler,
}

impl Background {
    /// Takes no new jobs, waits a while for the running ones, then lets go.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(PATIENCE, &mut self.queue).await.is_err() {
            tracing::warn!("jobs still running are left to the next start");
        }
        for listener in self.listeners {
            listener.abort();
        }
        if let Err(error) = self.schedule.shutdown().await {
            tracing::warn!(%error, "the schedule did not stop");
        }
    }
}

/// Starts the queue, the live changes and the schedule.
///
/// # Errors
/// When the schedule can't be made.
pub async fn start(app: &AppState) -> anyhow::Result<Background> {
    start_with(app, |app: AppState, job: Job| async move { run(&app, &job).await }).await
}

/// The same with another meaning of the job kinds.
///
/// # Errors
/// When the schedule can't be made.
pub async fn start_with<R, F>(app: &AppState, run: R) -> anyhow::Result<Background>
where
    R: Fn(AppState, Job) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Verdict> + Send + 'static,
{
    let (stop, stopped) = watch::channel(false);
    let wake = Arc::new(Notify::new());
    let queue = tokio::spawn(work(app.clone(), run, Arc::clone(&wake), stopped));
    let listeners = vec![
        tokio::spawn(app.live.clone().listen(app.db.clone())),
        tokio::spawn(wake_on_new_jobs(app.clone(), wake)),
    ];
    let schedule = schedule(app).await?;
    Ok(Background { stop, queue, listeners, schedule })
}

async fn work<R, F>(app: AppState, run: R, wake: Arc<Notify>, mut stopped: watch::Receiver<bool>)
where
    R: Fn(AppState, Job) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Verdict> + Send + 'static,
{
    let mut readable = true;
    let permits = Arc::new(Semaphore::new(PARALLEL));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        if *stopped.borrow() {
            break;
        }
        match jobs::claim(&app.db, app.clock.now()).await {
            Ok(Some(job)) => {
                let (app, run) = (app.clone(), run.clone());
                tokio::spawn(async move {
                    let held = job.clone();
                    // Called inside of the future, so that a panic before the first await is caught too.
                    let ended = async { run(app.clone(), held).await };
                    if let Err(error) = settle(&app, &job, ended).await {
                        tracing::error!(job = %job.id, %error, "the end of a job could not be written down");
                    }
                    drop(permit);
                });
                continue;
            }
            Ok(None) => readable = true,
            // Told once: the log of an outage is not filled with it.
            Err(error) if readable => {
                readable = false;
                tracing::warn!(%error, "the queue can't be read");
            }
            Err(_) => {}
        }
        drop(permit);
        tokio::select! {
            () = wake.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            _ = stopped.changed() => {}
        }
    }
    // All permits back means that all jobs have ended.
    let _ = permits.acquire_many(u32::try_from(PARALLEL).unwrap_or(1)).await;
}

async fn wake_on_new_jobs(app: AppState, wake: Arc<Notify>) {
    loop {
        if let Ok(mut listener) = PgListener::connect_with(&app.db).await
            && listener.listen("jobs").await.is_ok()
        {
            while let Ok(Some(_)) = listener.try_recv().await {
                wake.notify_one();
            }
        }
        tokio::time::sleep(POLL).await;
    }
}

/// What happens by the clock. Each run is safe to repeat, so several instances may all run it.
async fn schedule(app: &AppState) -> anyhow::Result<JobScheduler> {
    let schedule = JobScheduler::new().await?;
    let hourly = app.clone();
    schedule
        .add(CronJob::new_async("0 17 * * * *", move |_, _| {
            let app = hourly.clone();
            Box::pin(async move {
                if let Err(error) = clean(&app).await {
                    tracing::warn!(%error, "cleaning failed");
                }
            })
        })?)
        .await?;
    let often = app.clone();
    schedule
        .add(CronJob::new_async("30 */5 * * * *", move |_, _| {
            let app = often.clone();
            Box::pin(async move {
                if let Err(error) = orders::usage::refresh_stale(&app.db, &app.marzban, &app.clock).await {
                    tracing::warn!(%error, "the accounts' usage could not be refreshed");
                }
            })
        })?)
        .await?;
    schedule.start().await?;
    Ok(schedule)
}

/// Removes what nobody needs any more: expired sessions, old attempts, finished jobs, receipts without payment.
///
/// # Errors
/// The first failure; the rest is done at the next hour.
pub async fn clean(app: &AppState) -> anyhow::Result<()> {
    use tower_sessions::ExpiredDeletion as _;
    let now = app.clock.now();
    HashedStore::new(&app.db)?.delete_expired().await?;
    accounts::forget_attempts(&app.db, now).await?;
    jobs::remove_finished(&app.db, now - Duration::from_secs(7 * 24 * 3600)).await?;
    let mut conn = app.db.acquire().await?;
    let removed = app.receipts.remove_orphans(&mut conn, now - Duration::from_secs(24 * 3600)).await?;
    app.receipts.discard(&removed).await?;
    Ok(())
}
