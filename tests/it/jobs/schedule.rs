//! What is done by the clock: each due time once, missed ones made up, failures known.

use rad_panel::{
    calendar::Time,
    jobs::{
        self,
        schedule::{self, Task},
    },
    worker,
};
use sqlx::PgPool;
use time::{Duration, macros::datetime};

use crate::support::TestApp;

async fn runs(db: &PgPool, task: Task) -> Vec<(Time, Option<String>)> {
    sqlx::query_as("SELECT due_at, outcome FROM scheduled_runs WHERE task = $1 ORDER BY due_at")
        .bind(task.code())
        .fetch_all(db)
        .await
        .unwrap()
}

/// A panel whose accounts are read without anybody asking.
async fn at(db: PgPool, now: Time) -> TestApp {
    let app = TestApp::start(db).await;
    app.clock.set(now);
    app
}

#[test]
fn due_times_follow_the_clock_of_tehran() {
    let now = datetime!(2026-11-24 00:29:59.5 UTC);
    assert_eq!(Task::Verification.last_due(now), datetime!(2026-11-23 00:30 UTC));
    assert_eq!(Task::Verification.next_due(now), datetime!(2026-11-24 00:30 UTC));
    assert_eq!(Task::Verification.last_due(datetime!(2026-11-24 00:30 UTC)), datetime!(2026-11-24 00:30 UTC));
    assert_eq!(Task::Cleaning.last_due(datetime!(2026-11-24 12:16:59 UTC)), datetime!(2026-11-24 11:17 UTC));
    assert_eq!(Task::Usage.next_due(datetime!(2026-11-24 12:00:30 UTC)), datetime!(2026-11-24 12:05:30 UTC));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_due_time_is_one_run_however_many_instances_look(db: PgPool) {
    let app = at(db, datetime!(2026-11-24 12:20 UTC)).await;
    let looks = (0..8).map(|_| schedule::announce_due(&app.db, app.clock.now()));
    let stored: usize =
        futures_util::future::join_all(looks).await.into_iter().map(|stored| stored.unwrap()).sum();
    assert_eq!(stored, Task::ALL.len());
    assert_eq!(app.run_jobs().await, Task::ALL.len());
    worker::tick(&app.state).await;
    assert_eq!(app.run_jobs().await, 0, "nothing is due twice");
    for &task in Task::ALL {
        assert_eq!(
            runs(&app.db, task).await,
            [(task.last_due(app.clock.now()), Some("DONE".to_owned()))],
            "{task:?}"
        );
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_was_missed_while_nobody_was_there_is_made_up_once(db: PgPool) {
    let app = at(db, datetime!(2026-11-24 12:20 UTC)).await;
    worker::tick(&app.state).await;
    app.run_jobs().await;
    app.clock.advance(Duration::hours(3));
    worker::tick(&app.state).await;
    app.run_jobs().await;
    let due: Vec<Time> = runs(&app.db, Task::Cleaning).await.into_iter().map(|(due, _)| due).collect();
    assert_eq!(due, [datetime!(2026-11-24 12:17 UTC), datetime!(2026-11-24 15:17 UTC)]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_run_that_died_with_its_worker_is_taken_up_again_and_never_runs_beside_itself(db: PgPool) {
    let app = at(db, datetime!(2026-11-24 12:20 UTC)).await;
    worker::tick(&app.state).await;
    // The worker takes the jobs and dies.
    while jobs::claim(&app.db, app.clock.now()).await.unwrap().is_some() {}
    app.clock.advance(Duration::hours(1));
    worker::tick(&app.state).await;
    let open = runs(&app.db, Task::Cleaning).await;
    assert_eq!(open, [(datetime!(2026-11-24 12:17 UTC), None)], "the next waits until this one has ended");
    assert_eq!(app.run_jobs().await, Task::ALL.len(), "the leases ran out");
    worker::tick(&app.state).await;
    app.run_jobs().await;
    assert_eq!(runs(&app.db, Task::Cleaning).await.len(), 2);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_failing_task_is_tried_three_times_and_then_told_of(db: PgPool) {
    let app = at(db, datetime!(2026-11-24 12:20 UTC)).await;
    sqlx::query("ALTER TABLE login_attempts RENAME TO elsewhere").execute(&app.db).await.unwrap();
    worker::tick(&app.state).await;
    for expected in [None, None, Some("FAILED".to_owned())] {
        app.run_jobs().await;
        let [(_, outcome)] = &runs(&app.db, Task::Cleaning).await[..] else { panic!("not one run") };
        assert_eq!(*outcome, expected);
        app.clock.advance(Duration::minutes(4));
    }
    let error: String = sqlx::query_scalar("SELECT error FROM scheduled_runs WHERE task = 'CLEANING'")
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert!(error.contains("login_attempts"), "{error}");
    sqlx::query("ALTER TABLE elsewhere RENAME TO login_attempts").execute(&app.db).await.unwrap();
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/upkeep").await.expect(200);
    assert_eq!(page.text("#task-CLEANING .badge--bad"), "۱ بار پشت سر هم نشد");
    sara.post("/admin/upkeep/tasks/CLEANING/runs", &[]).await.expect(303);
    app.run_jobs().await;
    let page = sara.get("/admin/upkeep").await.expect(200);
    assert_eq!(page.count("#task-CLEANING .badge--ok"), 1);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn books_that_disagree_make_the_nightly_proof_fail(db: PgPool) {
    let app = at(db, datetime!(2026-11-24 12:20 UTC)).await;
    app.give_credit(app.reza, 50_000).await;
    sqlx::raw_sql(
        "ALTER TABLE wallets DISABLE TRIGGER USER; UPDATE wallets SET confirmed = 60000 WHERE confirmed = 50000;
         ALTER TABLE wallets ENABLE TRIGGER USER;",
    )
    .execute(&app.db)
    .await
    .unwrap();
    worker::tick(&app.state).await;
    for _ in 0..3 {
        app.run_jobs().await;
        app.clock.advance(Duration::minutes(4));
    }
    let (outcome, error): (String, String) =
        sqlx::query_as("SELECT outcome, error FROM scheduled_runs WHERE task = 'VERIFICATION'")
            .fetch_one(&app.db)
            .await
            .unwrap();
    assert_eq!(outcome, "FAILED");
    assert!(error.contains(&format!("user {}", app.reza)), "{error}");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_held_job_is_not_taken_by_another_worker(db: PgPool) {
    let app = at(db, datetime!(2026-11-24 12:20 UTC)).await;
    worker::tick(&app.state).await;
    let job = jobs::claim(&app.db, app.clock.now()).await.unwrap().expect("a job");
    while jobs::claim(&app.db, app.clock.now()).await.unwrap().is_some() {}
    let lease = Duration::try_from(jobs::LEASE).unwrap();
    app.clock.advance(lease - Duration::seconds(1));
    assert!(jobs::hold(&app.db, &job, app.clock.now()).await.unwrap());
    app.clock.advance(Duration::seconds(2));
    let mut taken = Vec::new();
    while let Some(other) = jobs::claim(&app.db, app.clock.now()).await.unwrap() {
        taken.push(other.id);
    }
    assert!(!taken.contains(&job.id) && taken.len() == Task::ALL.len() - 1, "{taken:?}");
    app.clock.advance(lease);
    let again = jobs::claim(&app.db, app.clock.now()).await.unwrap().expect("its lease ran out");
    assert_eq!(again.id, job.id);
    assert!(!jobs::hold(&app.db, &job, app.clock.now()).await.unwrap(), "it is another worker's now");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_clock_that_was_ahead_for_a_moment_stops_nothing(db: PgPool) {
    let now = datetime!(2026-11-24 12:20 UTC);
    let ahead = now + Duration::hours(30);
    let app = at(db, ahead).await;
    worker::tick(&app.state).await;
    app.run_jobs().await;
    app.clock.set(now);
    worker::tick(&app.state).await;
    // But for what is done once a week.
    let due = Task::ALL.iter().filter(|task| task.last_due(now) != task.last_due(ahead));
    assert_eq!(app.run_jobs().await, due.count());
    for &task in Task::ALL {
        let right = (task.last_due(now), Some("DONE".to_owned()));
        assert!(runs(&app.db, task).await.contains(&right), "{task:?}");
    }
    // When that time has really come, what ran then is not run again.
    app.clock.set(ahead);
    assert_eq!(schedule::announce_due(&app.db, app.clock.now()).await.unwrap(), 0);
    app.finish().await;
}
