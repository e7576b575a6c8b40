//! What runs beside the pages: the queue, the live changes, and the look at the clock.

use std::{sync::Arc, time::Duration};

use sqlx::postgres::PgListener;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use tokio_cron_scheduler::{Job as CronJob, JobScheduler};

use super::{backups_of, lanes::Slots, queue::settle, run, server};
use crate::{
    backups,
    jobs::{self, Job, Verdict, schedule},
    notices,
    web::{AppState, answers::MINUTES},
};

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
    background.listeners.push(tokio::spawn(server::watch(app.clone())));
    copy_backups(app).await;
    background.schedule = Some(schedule(app).await?);
    Ok(background)
}

/// The store may be another than at the last start, or its secret be right now.
async fn copy_backups(app: &AppState) {
    let asked = async {
        backups::catch_up(&backups_of(app), app.clock.now()).await?;
        jobs::bring_forward(&app.db, &[backups::COPY], app.clock.now()).await
    };
    if let Err(error) = asked.await {
        tracing::warn!(%error, "copies of backups could not be asked for");
    }
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
    let slots = Slots::new();
    while !*stopped.borrow() {
        match jobs::claim_of(&app.db, &slots.free(), app.clock.now()).await {
            Ok(Some(job)) => {
                let (app, run, wake) = (app.clone(), run.clone(), Arc::clone(&wake));
                // There is one: slots are taken here alone.
                let slot = slots.take(&job.kind);
                tokio::spawn(async move {
                    let held = job.clone();
                    // Called inside of the future, so that a panic before the first await is caught too.
                    let ended = async { run(app.clone(), held).await };
                    if let Err(error) = settle(&app, &job, ended).await {
                        tracing::error!(job = %job.id, %error, "the end of a job could not be written down");
                    }
                    drop(slot);
                    wake.notify_one();
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
        tokio::select! {
            () = wake.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            _ = stopped.changed() => {}
        }
    }
    slots.all_back().await;
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

/// One look at the clock, and at how the pages of this instance do.
pub async fn tick(app: &AppState) {
    let now = app.clock.now();
    if let Err(error) = schedule::announce_due(&app.db, now).await {
        tracing::warn!(%error, "the schedule can't be read");
    }
    let (all, failed) = app.answers.lately(now);
    let answered = notices::errors::Answered { all, failed, minutes: MINUTES };
    if let Err(error) = notices::errors::tell(&app.db, answered, now).await {
        tracing::warn!(%error, "that pages fail often can't be told");
    }
}
