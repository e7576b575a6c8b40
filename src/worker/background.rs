//! What runs beside the pages: the queue, the live changes, and the look at the clock.

use std::{sync::Arc, time::Duration};

use sqlx::postgres::PgListener;
use tokio::{
    sync::{Notify, Semaphore, watch},
    task::JoinHandle,
};
use tokio_cron_scheduler::{Job as CronJob, JobScheduler};

use super::{queue::settle, run};
use crate::{
    jobs::{self, Job, Verdict, schedule},
    web::AppState,
};

/// How many jobs run at once.
const PARALLEL: usize = 4;
/// How long jobs may go on after the panel was told to stop; then their leases bring them back.
const PATIENCE: Duration = Duration::from_secs(30);
/// The queue is looked at this often even when nobody announced a job.
const POLL: Duration = Duration::from_secs(2);
/// When the clock is looked at: which tasks are due is the schedule's to say.
const LOOK: &str = "*/15 * * * * *";

/// What runs beside the pages.
pub struct Background {
    stop: watch::Sender<bool>,
    queue: JoinHandle<()>,
    listeners: Vec<JoinHandle<()>>,
    schedule: Option<JobScheduler>,
}

impl Background {
    /// Takes no new jobs, waits a while for the running ones, then lets go.
    pub async fn stop(mut self) {
        if let Some(mut schedule) = self.schedule
            && let Err(error) = schedule.shutdown().await
        {
            tracing::warn!(%error, "the schedule did not stop");
        }
        let _ = self.stop.send(true);
        if tokio::time::timeout(PATIENCE, &mut self.queue).await.is_err() {
            tracing::warn!("jobs still running are left to the next start");
        }
        for listener in self.listeners {
            listener.abort();
        }
    }
}

/// Starts the queue, the live changes and the schedule.
///
/// # Errors
/// When the schedule can't be made.
pub async fn start(app: &AppState) -> anyhow::Result<Background> {
    let mut background = start_with(app, |app: AppState, job: Job| async move { run(&app, &job).await });
    background.schedule = Some(schedule(app).await?);
    Ok(background)
}

/// The queue alone, with another meaning of the job kinds.
pub fn start_with<R, F>(app: &AppState, run: R) -> Background
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
    Background { stop, queue, listeners, schedule: None }
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

/// Looks at the clock now and from then on. Several instances may all look: a due time is one run.
async fn schedule(app: &AppState) -> anyhow::Result<JobScheduler> {
    tick(app).await;
    let scheduler = JobScheduler::new().await?;
    let app = app.clone();
    let look = CronJob::new_async(LOOK, move |_, _| {
        let app = app.clone();
        Box::pin(async move { tick(&app).await })
    })?;
    scheduler.add(look).await?;
    scheduler.start().await?;
    Ok(scheduler)
}

/// One look at the clock.
pub async fn tick(app: &AppState) {
    if let Err(error) = schedule::announce_due(&app.db, app.clock.now()).await {
        tracing::warn!(%error, "the schedule can't be read");
    }
}
