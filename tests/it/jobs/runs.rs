//! Runs of tasks that end badly: with a panic, with their worker, or not at all. Each is told of.

use std::{fs, time::Duration};

use rad_panel::{
    backups, jobs,
    jobs::{
        Job, Verdict,
        schedule::{self, Task},
    },
    notices::watch,
    worker,
};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::running::eventually;
use crate::support::TestApp;

/// A backup that sara asked for, as the job of a worker.
async fn asked_for(app: &TestApp) -> Job {
    let now = app.clock.now();
    let mut conn = app.db.acquire().await.unwrap();
    assert!(schedule::ask_for(&mut conn, Task::Backup, app.sara, now).await.unwrap());
    jobs::claim(&app.db, now).await.unwrap().expect("its job")
}

async fn claim_again(app: &TestApp, wait: Duration) -> Option<Job> {
    app.clock.advance(wait.try_into().unwrap());
    jobs::claim(&app.db, app.clock.now()).await.unwrap()
}

/// How the run ended and why, and the kinds of what the admin is told then.
async fn told_of(app: &TestApp) -> (Option<String>, String, Vec<String>) {
    watch::look(&app.db, None, None, app.clock.now()).await.unwrap();
    let (outcome, error) = sqlx::query_as("SELECT outcome, coalesce(error, '') FROM scheduled_runs")
        .fetch_one(&app.db)
        .await
        .unwrap();
    let told = sqlx::query_scalar("SELECT kind FROM notices WHERE user_id = $1 ORDER BY id")
        .bind(app.sara.0)
        .fetch_all(&app.db)
        .await
        .unwrap();
    (outcome, error, told)
}

/// A new run may begin after one that ended.
async fn another_may_begin(app: &TestApp) -> bool {
    app.clock.advance(time::Duration::seconds(1));
    let mut conn = app.db.acquire().await.unwrap();
    schedule::ask_for(&mut conn, Task::Backup, app.sara, app.clock.now()).await.unwrap()
}

fn an_hour(_: Task) -> Duration {
    Duration::from_secs(3600)
}

async fn good(_: Task) -> anyhow::Result<Value> {
    Ok(json!({ "bytes": 1 }))
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_task_that_panics_three_times_has_failed_and_is_told_of(db: PgPool) {
    let app = TestApp::start(db).await;
    let mut job = asked_for(&app).await;
    for attempt in 1..=3 {
        let verdict =
            worker::run_task(&app.state, &job, an_hour, |_| async { panic!("a wrong index") }).await;
        jobs::settle(&app.db, &job, &verdict, app.clock.now()).await.unwrap();
        if attempt < 3 {
            assert!(matches!(verdict, Verdict::Retry { .. }), "{verdict:?}");
            assert_eq!(told_of(&app).await.0, None);
            job = claim_again(&app, Duration::from_secs(600)).await.expect("it is tried again");
        }
    }
    let (outcome, error, told) = told_of(&app).await;
    assert_eq!((outcome.as_deref(), &told[..]), (Some("FAILED"), &["BACKUP_FAILED".to_owned()][..]));
    assert!(error.contains("panicked: a wrong index"), "{error}");
    assert!(claim_again(&app, jobs::LEASE * 100).await.is_none(), "and not tried for ever");
    assert!(another_may_begin(&app).await);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_task_whose_worker_dies_three_times_has_failed_and_is_told_of(db: PgPool) {
    let app = TestApp::start(db).await;
    let mut job = asked_for(&app).await;
    for _ in 0..3 {
        // The worker begins the run and dies.
        assert!(schedule::begin(&app.db, &job, app.clock.now()).await.unwrap().is_some());
        job = claim_again(&app, jobs::LEASE).await.expect("its lease ran out");
    }
    let mut has_begun = false;
    let verdict = worker::run_task(&app.state, &job, an_hour, |task| {
        has_begun = true;
        good(task)
    })
    .await;
    jobs::settle(&app.db, &job, &verdict, app.clock.now()).await.unwrap();
    assert!(!has_begun && matches!(verdict, Verdict::Fail { .. }), "{verdict:?}");
    let (outcome, error, told) = told_of(&app).await;
    assert_eq!((outcome.as_deref(), &told[..]), (Some("FAILED"), &["BACKUP_FAILED".to_owned()][..]));
    assert!(error.contains("begun 3 times"), "{error}");
    assert!(another_may_begin(&app).await);
    let job = jobs::claim(&app.db, app.clock.now()).await.unwrap().expect("the next");
    assert_eq!(worker::run_task(&app.state, &job, an_hour, good).await, Verdict::Done);
}

/// The programs that this test has running.
fn children(name: &str) -> usize {
    let parent = format!("PPid:\t{}", std::process::id());
    let is_ours = |status: &String| {
        status.starts_with(&format!("Name:\t{name}\n")) && status.lines().any(|line| line == parent)
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok()).filter(is_ours).count()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_backup_that_hangs_is_given_up_with_its_programs_and_told_of(db: PgPool) {
    let app = TestApp::start(db).await;
    let job = asked_for(&app).await;
    // pg_dump waits for this lock, and would for ever.
    let mut lock = app.db.begin().await.unwrap();
    sqlx::query("LOCK TABLE plans IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    let backups = crate::backups::of(&app);
    let clock = app.clock.clone();
    let running = {
        let (state, job) = (app.state.clone(), job.clone());
        tokio::spawn(async move {
            let perform = async |_: Task| {
                backups::create(&backups, &clock, false).await?;
                Ok(json!({}))
            };
            worker::run_task(&state, &job, |_| Duration::from_secs(8), perform).await
        })
    };
    eventually("it dumps", async || children("pg_dump") == 1).await;
    let verdict = running.await.unwrap();
    jobs::settle(&app.db, &job, &verdict, app.clock.now()).await.unwrap();
    assert!(matches!(verdict, Verdict::Fail { .. }), "{verdict:?}");
    eventually("its program is gone", async || children("pg_dump") == 0).await;
    let (outcome, error, told) = told_of(&app).await;
    assert_eq!((outcome.as_deref(), &told[..]), (Some("FAILED"), &["BACKUP_FAILED".to_owned()][..]));
    assert_eq!(error, "not done within 8s");
    drop(lock);
    assert!(another_may_begin(&app).await);
    app.run_jobs().await;
    let made: i64 = sqlx::query_scalar("SELECT count(*) FROM backups WHERE outcome = 'DONE'")
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!(made, 1, "the next is made");
}

#[test]
fn every_task_has_time_enough_and_no_more_than_a_few_hours() {
    for &task in Task::ALL {
        let limit = task.limit();
        assert!(
            (Duration::from_secs(600)..=Duration::from_secs(4 * 3600)).contains(&limit),
            "{task:?}: {limit:?}"
        );
    }
    assert_eq!(Task::Backup.limit(), Duration::from_secs(2 * 3600));
}
