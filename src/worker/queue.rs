//! One job after another: taking it, running it, writing down how it ended.

use std::{any::Any, panic::AssertUnwindSafe, time::Instant};

use futures_util::FutureExt as _;
use tracing::Instrument as _;

use super::run;
use crate::{
    jobs::{self, Job, Verdict},
    metrics, request_id,
    web::AppState,
};

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
pub(super) async fn settle(
    app: &AppState,
    job: &Job,
    run: impl Future<Output = Verdict>,
) -> sqlx::Result<()> {
    let id = job.request_id.as_deref();
    let span = tracing::info_span!("job", id, job = %job.id, kind = job.kind);
    request_id::within(id, settle_here(app, job, run)).instrument(span).await
}

async fn settle_here(app: &AppState, job: &Job, run: impl Future<Output = Verdict>) -> sqlx::Result<()> {
    let began = Instant::now();
    let run = AssertUnwindSafe(run).catch_unwind();
    let verdict = hold_while(app, job, run).await.unwrap_or_else(|panic| Verdict::Retry {
        after: jobs::backoff(job.attempts),
        error: format!("the job panicked: {}", panic_text(panic.as_ref())),
    });
    let outcome = match &verdict {
        Verdict::Done => {
            tracing::info!(attempts = job.attempts, "job done");
            "done"
        }
        Verdict::Retry { after, error } => {
            tracing::warn!(attempts = job.attempts, ?after, error, "job put off");
            "retried"
        }
        Verdict::Fail { error } => {
            tracing::error!(error, "job failed");
            "failed"
        }
    };
    metrics::job_ended(&job.kind, outcome, began.elapsed());
    jobs::settle(&app.db, job, &verdict, app.clock.now()).await
}

/// Renews the lease while the run goes on, so that a long one is not begun beside itself.
async fn hold_while<T>(app: &AppState, job: &Job, run: impl Future<Output = T>) -> T {
    tokio::pin!(run);
    loop {
        tokio::select! {
            ended = &mut run => return ended,
            () = tokio::time::sleep(jobs::LEASE / 3) => {
                if let Err(error) = jobs::hold(&app.db, job, app.clock.now()).await {
                    tracing::warn!(job = %job.id, %error, "the lease of a job could not be renewed");
                }
            }
        }
    }
}

pub(super) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text")
}
