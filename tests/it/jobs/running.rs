//! The worker over real time: at once, without announcements, through panics, and until it is told to stop.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rad_panel::{
    jobs::{self, Job, Verdict},
    web::AppState,
    worker::{self, Background},
};
use sqlx::PgPool;
use tokio::sync::Notify;

use super::{Row, job, store};
use crate::support::TestApp;

/// Waits for something that the worker does.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < Duration::from_secs(20), "still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn finished(db: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL").fetch_one(db).await.unwrap()
}

/// A worker whose jobs leave their number in the list.
fn counting_worker(app: &AppState, ran: &Arc<Mutex<Vec<i64>>>) -> Background {
    let ran = Arc::clone(ran);
    let run = move |_: AppState, job: Job| {
        let ran = Arc::clone(&ran);
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            ran.lock().unwrap().push(job.payload["number"].as_i64().unwrap());
            Verdict::Done
        }
    };
    worker::start_with(app, run)
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn two_workers_run_fifty_jobs_each_exactly_once(db: PgPool) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    for number in 0..50 {
        store(&app.db, &job(number, now), now).await;
    }
    let ran = Arc::new(Mutex::new(Vec::new()));
    let first = counting_worker(&app.state, &ran);
    let second = counting_worker(&app.state, &ran);
    eventually("all are finished", async || finished(&app.db).await == 50).await;
    first.stop().await;
    second.stop().await;
    let mut ran = ran.lock().unwrap().clone();
    ran.sort_unstable();
    assert_eq!(ran, (0..50).collect::<Vec<_>>());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_job_runs_at_once_after_its_commit(db: PgPool) {
    let app = TestApp::start(db).await;
    let ran = Arc::new(Mutex::new(Vec::new()));
    let background = counting_worker(&app.state, &ran);
    // Listening begins a moment after the start.
    eventually("the worker listens", async || {
        sqlx::query_scalar("SELECT count(*) >= 2 FROM pg_stat_activity WHERE query ILIKE 'listen%' AND datname = current_database()")
            .fetch_one(&app.db)
            .await
            .unwrap()
    })
    .await;
    let mut fastest = Duration::MAX;
    for number in 1..=5 {
        let now = app.clock.now();
        let began = Instant::now();
        store(&app.db, &job(number, now), now).await;
        eventually("the job ran", async || ran.lock().unwrap().contains(&number)).await;
        fastest = fastest.min(began.elapsed());
    }
    assert!(fastest < Duration::from_millis(700), "{fastest:?} is no faster than looking every two seconds");
    background.stop().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_job_whose_announcement_was_missed_runs_all_the_same(db: PgPool) {
    let app = TestApp::start(db).await;
    sqlx::query("ALTER TABLE jobs DISABLE TRIGGER jobs_announce").execute(&app.db).await.unwrap();
    let ran = Arc::new(Mutex::new(Vec::new()));
    let background = counting_worker(&app.state, &ran);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let now = app.clock.now();
    store(&app.db, &job(7, now), now).await;
    eventually("the job ran", async || *ran.lock().unwrap() == [7]).await;
    background.stop().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn stopping_waits_for_the_running_job_and_begins_no_other(db: PgPool) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    let (begun, release) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let run = {
        let (begun, release) = (Arc::clone(&begun), Arc::clone(&release));
        move |_: AppState, _: Job| {
            let (begun, release) = (Arc::clone(&begun), Arc::clone(&release));
            async move {
                begun.fetch_add(1, Ordering::SeqCst);
                release.notified().await;
                Verdict::Done
            }
        }
    };
    let background = worker::start_with(&app.state, run);
    store(&app.db, &job(1, now), now).await;
    eventually("the job runs", async || begun.load(Ordering::SeqCst) == 1).await;
    let mut stopping = tokio::spawn(background.stop());
    tokio::time::sleep(Duration::from_millis(300)).await;
    store(&app.db, &job(2, now), now).await;
    tokio::time::timeout(Duration::from_secs(3), &mut stopping).await.expect_err("the job still runs");
    assert_eq!(begun.load(Ordering::SeqCst), 1, "no other was begun");
    release.notify_one();
    tokio::time::timeout(Duration::from_secs(5), stopping).await.expect("now it stops").unwrap();
    let outcomes: Vec<Option<String>> =
        sqlx::query_scalar("SELECT outcome FROM jobs ORDER BY id").fetch_all(&app.db).await.unwrap();
    assert_eq!(outcomes, [Some("DONE".to_owned()), None]);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_panic_in_a_job_is_a_retry_and_the_worker_goes_on(db: PgPool) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    for number in 1..=9 {
        store(&app.db, &job(number, now), now).await;
    }
    // More panics than jobs that may run at once, and both before and inside of the future.
    let run = |_: AppState, job: Job| {
        let number = job.payload["number"].as_i64().unwrap();
        assert_ne!(number, 1, "a panic with one job");
        async move {
            assert!(number > 6, "a panic with job {number}");
            Verdict::Done
        }
    };
    let background = worker::start_with(&app.state, run);
    eventually("the others are done", async || finished(&app.db).await == 3).await;
    background.stop().await;
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT attempts, run_at, locked_until, last_error, outcome, finished_at FROM jobs
         WHERE finished_at IS NULL ORDER BY id",
    )
    .fetch_all(&app.db)
    .await
    .unwrap();
    assert_eq!(rows.len(), 6);
    for row in rows {
        let error = row.last_error.expect("its text is kept");
        assert!(error.contains("panicked") && error.contains("a panic with"), "{error}");
        assert_eq!((row.locked_until, row.attempts), (None, 1));
        assert_eq!(row.run_at, now + jobs::backoff(1), "and it is tried again soon");
    }
}
