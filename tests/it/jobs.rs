//! The queue and the worker: each job once, none lost, whatever dies or panics on the way.

mod lanes;
mod running;
mod runs;
mod schedule;

use std::time::Duration;

use rad_panel::{
    calendar::Time,
    jobs::{self, NewJob, Verdict},
    worker,
};
use serde_json::json;
use sqlx::PgPool;

use crate::support::TestApp;

fn job(number: i64, run_at: Time) -> NewJob {
    NewJob { kind: "tests.count", payload: json!({ "number": number }), unique_key: None, run_at }
}

async fn store(db: &PgPool, job: &NewJob, now: Time) {
    jobs::enqueue(&mut db.acquire().await.unwrap(), job, now).await.unwrap();
}

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Row {
    attempts: i32,
    run_at: Time,
    locked_until: Option<Time>,
    last_error: Option<String>,
    outcome: Option<String>,
    finished_at: Option<Time>,
}

async fn row(db: &PgPool) -> Row {
    sqlx::query_as(
        "SELECT attempts, run_at, locked_until, last_error, outcome, finished_at FROM jobs ORDER BY id",
    )
    .fetch_one(db)
    .await
    .unwrap()
}

async fn count(db: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM jobs").fetch_one(db).await.unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn many_claims_at_once_hand_out_no_job_twice(db: PgPool) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    for number in 0..20 {
        store(&app.db, &job(number, now), now).await;
    }
    let claims = (0..30).map(|_| {
        let db = app.db.clone();
        tokio::spawn(async move { jobs::claim(&db, now).await.unwrap() })
    });
    let claimed = futures_util::future::join_all(claims).await;
    let mut numbers: Vec<i64> = claimed
        .into_iter()
        .filter_map(Result::unwrap)
        .map(|job| job.payload["number"].as_i64().unwrap())
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    // SKIP LOCKED may leave one for the next look, but gives none to two.
    assert!(numbers.len() >= 15, "{numbers:?}");
    let begun: Vec<i32> = sqlx::query_scalar("SELECT attempts FROM jobs WHERE locked_until IS NOT NULL")
        .fetch_all(&app.db)
        .await
        .unwrap();
    assert_eq!(begun, vec![1; numbers.len()]);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_lease_that_ran_out_is_taken_over_and_the_late_worker_changes_nothing(db: PgPool) {
    let app = TestApp::start(db).await;
    let start = app.clock.now();
    store(&app.db, &job(1, start), start).await;
    let first = jobs::claim(&app.db, start).await.unwrap().expect("the job is due");
    let just_before = start + jobs::LEASE - Duration::from_secs(1);
    assert!(jobs::claim(&app.db, just_before).await.unwrap().is_none(), "it is still held");
    let later = start + jobs::LEASE;
    let second = jobs::claim(&app.db, later).await.unwrap().expect("its lease ran out");
    assert_eq!((first.id, first.attempts, second.id, second.attempts), (second.id, 1, first.id, 2));

    let held = row(&app.db).await;
    for verdict in [
        Verdict::Done,
        Verdict::Fail { error: "late".to_owned() },
        Verdict::Retry { after: Duration::ZERO, error: "late".to_owned() },
    ] {
        jobs::settle(&app.db, &first, &verdict, later).await.unwrap();
        assert_eq!(row(&app.db).await, held, "{verdict:?} of the first worker");
    }
    jobs::settle(&app.db, &second, &Verdict::Done, later).await.unwrap();
    let done = row(&app.db).await;
    jobs::settle(&app.db, &first, &Verdict::Fail { error: "later".to_owned() }, later).await.unwrap();
    assert_eq!(row(&app.db).await, done);
    assert_eq!(done.outcome.as_deref(), Some("DONE"));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_verdict_is_written_down_in_full(db: PgPool) {
    let app = TestApp::start(db).await;
    let start = app.clock.now();
    store(&app.db, &job(1, start), start).await;
    assert_eq!(
        row(&app.db).await,
        Row {
            attempts: 0,
            run_at: start,
            locked_until: None,
            last_error: None,
            outcome: None,
            finished_at: None
        }
    );
    let held = jobs::claim(&app.db, start).await.unwrap().unwrap();
    assert_eq!(row(&app.db).await.locked_until, Some(start + jobs::LEASE));
    let wait = Duration::from_secs(45);
    let verdict = Verdict::Retry { after: wait, error: "no answer".to_owned() };
    jobs::settle(&app.db, &held, &verdict, start).await.unwrap();
    let put_off = row(&app.db).await;
    assert_eq!(
        put_off,
        Row {
            attempts: 1,
            run_at: start + wait,
            locked_until: None,
            last_error: Some("no answer".to_owned()),
            outcome: None,
            finished_at: None,
        }
    );
    assert!(jobs::claim(&app.db, start + wait - Duration::from_secs(1)).await.unwrap().is_none(), "not yet");
    let again = jobs::claim(&app.db, start + wait).await.unwrap().unwrap();
    assert_eq!(again.attempts, 2);
    let end = start + wait;
    jobs::settle(&app.db, &again, &Verdict::Fail { error: "no such order".to_owned() }, end).await.unwrap();
    let failed = row(&app.db).await;
    assert_eq!((failed.outcome.as_deref(), failed.finished_at), (Some("FAILED"), Some(end)));
    assert_eq!((failed.last_error.as_deref(), failed.locked_until), (Some("no such order"), None));
    assert!(
        jobs::claim(&app.db, end + jobs::LEASE * 10).await.unwrap().is_none(),
        "a failed job is left alone"
    );

    // A success clears what went wrong before.
    sqlx::query("DELETE FROM jobs").execute(&app.db).await.unwrap();
    store(&app.db, &job(2, start), start).await;
    let held = jobs::claim(&app.db, start).await.unwrap().unwrap();
    jobs::settle(&app.db, &held, &verdict, start).await.unwrap();
    let held = jobs::claim(&app.db, start + wait).await.unwrap().unwrap();
    jobs::settle(&app.db, &held, &Verdict::Done, end).await.unwrap();
    let done = row(&app.db).await;
    assert_eq!((done.outcome.as_deref(), done.last_error), (Some("DONE"), None));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_key_is_waiting_once_and_free_again_when_its_job_is_finished(db: PgPool) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    let keyed = |key: &str| NewJob { unique_key: Some(key.to_owned()), ..job(1, now) };
    store(&app.db, &keyed("order:1"), now).await;
    store(&app.db, &keyed("order:1"), now).await;
    store(&app.db, &keyed("order:2"), now).await;
    assert_eq!(count(&app.db).await, 2);
    let held = jobs::claim(&app.db, now).await.unwrap().unwrap();
    store(&app.db, &keyed("order:1"), now).await;
    assert_eq!(count(&app.db).await, 2, "also while it is running");
    jobs::settle(&app.db, &held, &Verdict::Done, now).await.unwrap();
    store(&app.db, &keyed("order:1"), now).await;
    assert_eq!(count(&app.db).await, 3);
    // Without a key nothing is the same.
    store(&app.db, &job(1, now), now).await;
    store(&app.db, &job(1, now), now).await;
    assert_eq!(count(&app.db).await, 5);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_oldest_due_job_comes_first_and_one_of_the_future_waits(db: PgPool) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    let minute = Duration::from_secs(60);
    for (number, run_at) in [(3, now), (1, now - minute * 2), (2, now - minute), (4, now + minute)] {
        store(&app.db, &job(number, run_at), now).await;
    }
    let mut order = Vec::new();
    while let Some(held) = jobs::claim(&app.db, now).await.unwrap() {
        order.push(held.payload["number"].as_i64().unwrap());
    }
    assert_eq!(order, [1, 2, 3]);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_job_of_a_transaction_that_was_rolled_back_does_not_exist(db: PgPool) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    let mut tx = app.db.begin().await.unwrap();
    jobs::enqueue(&mut tx, &job(1, now), now).await.unwrap();
    assert!(jobs::claim(&app.db, now).await.unwrap().is_none(), "nobody sees it before the commit");
    tx.rollback().await.unwrap();
    assert_eq!(count(&app.db).await, 0);
}

#[test]
fn the_wait_grows_from_seconds_to_an_hour_and_no_further() {
    let waits: Vec<u64> = (1..=40).map(|attempts| jobs::backoff(attempts).as_secs()).collect();
    assert!(waits[0] <= 5, "the first retry comes soon");
    assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]), "{waits:?}");
    assert_eq!(waits.iter().max(), Some(&3600));
    assert_eq!(jobs::backoff(i32::MAX), Duration::from_secs(3600));
    assert!(jobs::backoff(0) <= Duration::from_secs(5));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn finished_jobs_are_removed_after_their_time_and_no_others(db: PgPool) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    let day = Duration::from_secs(24 * 3600);
    for (number, finished) in [(1, now - day * 8), (2, now - day)] {
        store(&app.db, &job(number, now - day * 9), now).await;
        let held = jobs::claim(&app.db, now - day * 9).await.unwrap().unwrap();
        jobs::settle(&app.db, &held, &Verdict::Done, finished).await.unwrap();
    }
    store(&app.db, &job(3, now - day * 9), now).await;
    worker::clean(&app.state).await.unwrap();
    let left: Vec<i64> = sqlx::query_scalar("SELECT (payload->>'number')::bigint FROM jobs ORDER BY id")
        .fetch_all(&app.db)
        .await
        .unwrap();
    assert_eq!(left, [2, 3]);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_job_of_a_kind_that_no_room_knows_waits_a_day_for_a_newer_panel(db: PgPool) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    store(&app.db, &job(1, now), now).await;
    assert_eq!(app.run_jobs().await, 1);
    let waits = row(&app.db).await;
    assert_eq!(waits.outcome, None);
    assert!(waits.last_error.unwrap().contains("tests.count"));
    sqlx::query("UPDATE jobs SET attempts = 1439").execute(&app.db).await.unwrap();
    app.clock.advance(time::Duration::minutes(1));
    assert_eq!(app.run_jobs().await, 1);
    assert_eq!(row(&app.db).await.outcome.as_deref(), Some("FAILED"));
}
