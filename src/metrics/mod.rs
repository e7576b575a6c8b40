//! What Prometheus is told: the series, and the counting where something ends. Who counts need not know whether
//! anybody listens: before [`install`] nothing is kept.
//!
//! Invariant: a label has few values, all of them written in our code (templates of routes, kinds, outcomes), so that
//! no stranger can make the series grow.

mod series;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

pub use series::*;

/// Seconds: a page should take 0.1, and after 30 its asker is told that it is too slow.
const PAGE_BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// Seconds: a call may take 20, and is repeated for a while.
const CALL_BUCKETS: [f64; 10] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Seconds: a message goes in a moment, a backup takes minutes.
const JOB_BUCKETS: [f64; 10] = [0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];

/// How a run of a job can end.
const JOB_OUTCOMES: [&str; 3] = ["done", "retried", "failed"];

/// What was counted in this process, by all panels in it.
#[derive(Clone, Debug)]
pub struct Counted(PrometheusHandle);

impl Counted {
    /// The series in Prometheus' text format.
    pub fn page(&self) -> String {
        self.0.render()
    }

    /// Sorts what was measured since the last time into its buckets. Until then each single value is kept, so this has
    /// to be done also while nobody scrapes.
    pub fn tidy_up(&self) {
        self.0.run_upkeep();
    }
}

/// From now on what is counted is kept. Later calls give the same: it is one for the process.
///
/// # Errors
/// When another library of this process counts already.
pub fn install() -> Result<Counted, BuildError> {
    static INSTALLED: Mutex<Option<Counted>> = Mutex::new(None);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(counted) = &*installed {
        return Ok(counted.clone());
    }
    let buckets = |series: Series| Matcher::Full(series.name.to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(buckets(HTTP_DURATION), &PAGE_BUCKETS)?
        .set_buckets_for_metric(buckets(SERVER_DURATION), &CALL_BUCKETS)?
        .set_buckets_for_metric(buckets(JOB_DURATION), &JOB_BUCKETS)?
        .install_recorder()?;
    describe(COUNTED);
    // Told from the beginning, also where nobody has asked for anything yet.
    gauge!(HTTP_IN_FLIGHT.name).increment(0.0);
    Ok(installed.insert(Counted(handle)).clone())
}

/// The text of what `set` sets, and of nothing else: a label that is gone leaves no value behind.
pub fn page_of(set: impl FnOnce()) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        describe(LOOKED_UP);
        set();
    });
    recorder.handle().render()
}

fn describe(all: &[Series]) {
    for series in all {
        match series.kind {
            Kind::Counter => metrics::describe_counter!(series.name, series.help),
            Kind::Gauge => metrics::describe_gauge!(series.name, series.help),
            Kind::Histogram => metrics::describe_histogram!(series.name, series.help),
        }
    }
}

/// A request was answered. `route` is the template, as in `/orders/{id}`.
pub fn request_answered(route: &str, method: &'static str, status: u16, took: Duration) {
    let (counted, timed) = (route.to_owned(), route.to_owned());
    counter!(HTTP_REQUESTS.name, "route" => counted, "method" => method, "status" => status.to_string())
        .increment(1);
    histogram!(HTTP_DURATION.name, "route" => timed, "method" => method).record(took);
}

/// A request that waits for its answer, as long as this lives.
#[derive(Debug)]
pub struct UnderWay(());

impl UnderWay {
    /// It has come.
    #[must_use]
    pub fn begin() -> Self {
        gauge!(HTTP_IN_FLIGHT.name).increment(1.0);
        Self(())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        gauge!(HTTP_IN_FLIGHT.name).decrement(1.0);
    }
}

/// These kinds of job will be counted: a series that begins at its first failure would hide it, since Prometheus
/// sees no growth from nothing.
pub fn expect_jobs(kinds: impl Iterator<Item = &'static str>) {
    for kind in kinds {
        for outcome in JOB_OUTCOMES {
            counter!(JOBS.name, "kind" => kind, "outcome" => outcome).increment(0);
        }
    }
}

/// A run of a job ended; `outcome` is done, retried or failed.
pub fn job_ended(kind: &str, outcome: &'static str, took: Duration) {
    counter!(JOBS.name, "kind" => kind.to_owned(), "outcome" => outcome).increment(1);
    histogram!(JOB_DURATION.name, "kind" => kind.to_owned()).record(took);
}

/// A call to the VPN server ended; `outcome` is done or refused.
pub fn call_ended(call: &'static str, outcome: &'static str, took: Duration) {
    counter!(SERVER_CALLS.name, "call" => call, "outcome" => outcome).increment(1);
    histogram!(SERVER_DURATION.name, "call" => call).record(took);
}

/// A call to the VPN server ended, and nobody knows how.
pub fn call_lost(call: &'static str, cause: &'static str, took: Duration) {
    call_ended(call, "unknown", took);
    counter!(SERVER_UNKNOWNS.name, "cause" => cause).increment(1);
}

/// A call to the VPN server was not sent.
pub fn call_held_back(call: &'static str) {
    counter!(SERVER_CALLS.name, "call" => call, "outcome" => "held_back").increment(1);
}
