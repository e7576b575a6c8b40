//! One run of a task of the clock. Whatever happens to it, it ends, and so is told of: a panic is a failure, a run that
//! takes too long is given up, and so is one that killed its worker again and again.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use serde_json::Value;

use super::queue::panic_text;
use crate::{
    jobs::{
        Job, Verdict, backoff,
        schedule::{self, End, Task},
    },
    web::AppState,
};

/// Runs the task of this job with `perform`, for as long as `limit` lets it.
pub async fn run_task<P, F>(app: &AppState, job: &Job, limit: fn(Task) -> Duration, perform: P) -> Verdict
where
    P: FnOnce(Task) -> F + Send,
    F: Future<Output = anyhow::Result<Value>> + Send,
{
    match begin_and_end(app, job, limit, perform).await {
        Ok(verdict) => verdict,
        Err(error) => Verdict::Retry { after: backoff(job.attempts), error: error.to_string() },
    }
}

async fn begin_and_end<P, F>(
    app: &AppState,
    job: &Job,
    limit: fn(Task) -> Duration,
    perform: P,
) -> sqlx::Result<Verdict>
where
    P: FnOnce(Task) -> F + Send,
    F: Future<Output = anyhow::Result<Value>> + Send,
{
    let Some(run) = schedule::begin(&app.db, job, app.clock.now()).await? else { return Ok(Verdict::Done) };
    let end = if schedule::is_worn_out(job) {
        let begun = job.attempts - 1;
        End::GivenUp(format!("begun {begun} times without an end: the panel stopped or was killed meanwhile"))
    } else {
        // Called inside of the future, so that a panic before the first await is caught too.
        within(limit(run.task), async { perform(run.task).await }).await
    };
    schedule::settle(&app.db, run, job, end, app.clock.now()).await
}

/// What a task that is given up had begun is dropped with it; programs that it had started are killed.
async fn within(limit: Duration, task: impl Future<Output = anyhow::Result<Value>>) -> End {
    match tokio::time::timeout(limit, AssertUnwindSafe(task).catch_unwind()).await {
        Ok(Ok(Ok(report))) => End::Done(report),
        Ok(Ok(Err(error))) => End::Failed(format!("{error:#}")),
        Ok(Err(panic)) => End::Failed(format!("the task panicked: {}", panic_text(panic.as_ref()))),
        Err(_) => End::GivenUp(format!("not done within {limit:?}")),
    }
}
