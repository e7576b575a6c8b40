//! What is found by looking: the server, late orders, debts, failed tasks, accounts that end.

use rad_panel::{jobs::schedule::Task, money::Toman, notices::watch, orders, worker};
use sqlx::PgPool;
use time::{Duration, macros::datetime};
use uuid::Uuid;

use super::told;
use crate::support::TestApp;

async fn look(app: &TestApp) {
    watch::look(&app.db, None, app.clock.now()).await.unwrap();
}

async fn place(app: &TestApp, username: &str) -> i64 {
    let plan = app.plan("ماهانه", 30, Some(30), 90_000).await;
    let (price_seen, request_id) = (Toman(90_000), Uuid::new_v4());
    let (buyer, now) = (app.reza, app.clock.now());
    let new = orders::NewOrder {
        buyer,
        plan,
        price_seen,
        username,
        alias: "",
        note: "",
        on_hold: false,
        request_id,
    };
    orders::place(&app.db, &new, now).await.unwrap().0
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_server_that_is_away_is_told_of_after_two_looks_and_when_it_is_back(db: PgPool) {
    let app = TestApp::start(db).await;
    let tick = async || {
        app.clock.advance(Duration::minutes(1));
        worker::tick(&app.state).await;
        app.run_jobs().await;
    };
    tick().await;
    app.simulator.down().await;
    tick().await;
    assert_eq!(told(&app, app.sara).await, Vec::<String>::new(), "one miss is no outage");
    for _ in 0..3 {
        tick().await;
    }
    assert_eq!(told(&app, app.sara).await, ["SERVER_DOWN"]);
    app.simulator.up().await.unwrap();
    tick().await;
    tick().await;
    assert_eq!(told(&app, app.sara).await, ["SERVER_DOWN", "SERVER_BACK"]);
    let page = app.signed_in("sara").await.get("/notices").await.expect(200);
    assert!(page.text("#notices li").contains("پس از ۳ دقیقه"), "{}", page.text("#notices li"));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_order_that_waits_longer_than_a_quarter_is_told_of_once(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.reza, 500_000).await;
    place(&app, "late_one").await;
    app.clock.advance(Duration::minutes(14));
    look(&app).await;
    assert_eq!(told(&app, app.sara).await, Vec::<String>::new());
    app.clock.advance(Duration::minutes(1));
    for _ in 0..3 {
        look(&app).await;
        app.clock.advance(Duration::minutes(1));
    }
    assert_eq!(told(&app, app.sara).await, ["ORDER_LATE"]);
    app.run_jobs().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_debt_is_told_at_once_and_at_twelve_and_twenty_two_hours_once_in_each_period(db: PgPool) {
    let app = TestApp::start(db).await;
    let begin = app.clock.now();
    let at = async |hours: f64, expected: usize| {
        app.clock.set(begin + Duration::seconds_f64(hours * 3600.0));
        look(&app).await;
        look(&app).await;
        assert_eq!(told(&app, app.reza).await, vec!["BELOW_ZERO"; expected], "after {hours} h");
    };
    at(0.0, 0).await;
    app.give_credit(app.reza, -50_000).await;
    for (hours, expected) in [(0.01, 1), (11.9, 1), (12.0, 2), (21.9, 2), (22.0, 3), (30.0, 3)] {
        at(hours, expected).await;
    }
    assert_eq!(told(&app, app.sara).await, ["AGENT_BELOW_ZERO"]);
    app.give_credit(app.reza, 50_000).await;
    at(31.0, 3).await;
    app.give_credit(app.reza, -10_000).await;
    at(32.0, 4).await;
    assert_eq!(told(&app, app.sara).await.len(), 2);
    // The admin's own wallet may be below zero, and a look that comes late tells only what still matters.
    app.give_credit(app.sara, -10_000).await;
    app.give_credit(app.mina, -10_000).await;
    app.clock.advance(Duration::hours(23));
    look(&app).await;
    assert_eq!(told(&app, app.mina).await, ["BELOW_ZERO"]);
    assert_eq!(told(&app, app.sara).await.len(), 3);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_deadline_that_was_put_off_is_warned_of_by_its_new_time(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.reza, -50_000).await;
    look(&app).await;
    sqlx::query(
        "UPDATE agents SET deadline_deferred_until = $1, deadline_deferred_reason = 'x' WHERE user_id = $2",
    )
    .bind(app.clock.now() + Duration::hours(72))
    .bind(app.reza.0)
    .execute(&app.db)
    .await
    .unwrap();
    for (hours, expected) in [(13, 1), (45, 1), (3, 2), (10, 3)] {
        app.clock.advance(Duration::hours(hours));
        look(&app).await;
        assert_eq!(told(&app, app.reza).await.len(), expected);
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_task_that_fails_is_told_of_once_until_it_has_gone_well(db: PgPool) {
    let app = TestApp::start(db).await;
    app.clock.set(datetime!(2026-11-24 12:20 UTC));
    let run = async |outcome: &str| {
        app.clock.advance(Duration::hours(1));
        sqlx::query(
            "INSERT INTO scheduled_runs (task, due_at, started_at, finished_at, outcome, error)
             VALUES ('CLEANING', $1, $1, $1, $2, 'disk <full>')",
        )
        .bind(app.clock.now())
        .bind(outcome)
        .execute(&app.db)
        .await
        .unwrap();
        look(&app).await;
        told(&app, app.sara).await.len()
    };
    let mut counts = Vec::new();
    for outcome in ["FAILED", "FAILED", "DONE", "DONE", "FAILED"] {
        counts.push(run(outcome).await);
    }
    assert_eq!(counts, [1, 1, 1, 1, 2]);
    let page = app.signed_in("sara").await.get("/notices").await.expect(200);
    let text = page.text("#notices li");
    assert!(text.contains("نظافت") && text.contains("disk <full>"), "{text}");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn accounts_that_end_within_three_days_are_told_once_a_day(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.reza, 900_000).await;
    for username in ["first_one", "second_one", "third_one"] {
        place(&app, username).await;
    }
    app.run_jobs().await;
    sqlx::query("UPDATE marzban_users SET expire_at = $1 WHERE username <> 'third_one'")
        .bind(app.clock.now() + Duration::hours(60))
        .execute(&app.db)
        .await
        .unwrap();
    for _ in 0..2 {
        watch::look_at_ends(&app.db, app.clock.now()).await.unwrap();
    }
    assert_eq!(told(&app, app.reza).await, ["ACCOUNTS_ENDING"]);
    let page = app.signed_in("reza").await.get("/notices").await.expect(200);
    let text = page.text("#notices li");
    assert!(
        text.contains('۲') && text.contains("first_one، second_one") && !text.contains("third"),
        "{text}"
    );
    app.clock.advance(Duration::days(1));
    watch::look_at_ends(&app.db, app.clock.now()).await.unwrap();
    assert_eq!(told(&app, app.reza).await.len(), 2);
    app.clock.advance(Duration::days(2));
    watch::look_at_ends(&app.db, app.clock.now()).await.unwrap();
    assert_eq!(told(&app, app.reza).await.len(), 2, "what has ended is no news");
    assert!(Task::ALL.contains(&Task::Ends) && Task::ALL.contains(&Task::Watch));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_backup_that_was_not_made_is_told_of_each_night_and_leads_to_the_backups(db: PgPool) {
    let app = TestApp::start(db).await;
    let night = async |outcome: Option<&str>| {
        app.clock.advance(Duration::days(1));
        sqlx::query(
            "INSERT INTO scheduled_runs (task, due_at, started_at, finished_at, outcome, error)
             VALUES ('BACKUP', $1, $1, CASE WHEN $2::text IS NULL THEN NULL ELSE $1 END, $2, 'disk <full>')",
        )
        .bind(app.clock.now())
        .bind(outcome)
        .execute(&app.db)
        .await
        .unwrap();
        look(&app).await;
        look(&app).await;
        told(&app, app.sara).await.len()
    };
    assert_eq!(
        [night(Some("DONE")).await, night(Some("FAILED")).await, night(Some("FAILED")).await],
        [0, 1, 2]
    );
    assert_eq!(night(None).await, 2, "it is tried again");
    assert_eq!(told(&app, app.sara).await, ["BACKUP_FAILED", "BACKUP_FAILED"]);
    assert_eq!(told(&app, app.reza).await, Vec::<String>::new());
    let sara = app.signed_in("sara").await;
    let page = sara.get("/notices").await.expect(200);
    assert!(page.text("#notices li").contains("disk <full>"), "{}", page.text("#notices li"));
    let opening = page.attribute("#notices form[action$=opening]", "action");
    assert_eq!(sara.post(&opening, &[]).await.expect(303).location(), "/admin/backups");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn news_of_an_order_leads_the_admin_to_the_order(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.reza, 500_000).await;
    let order = place(&app, "late_one").await;
    app.clock.advance(Duration::minutes(16));
    look(&app).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/notices").await.expect(200);
    let opening = page.attribute("#notices form[action$=opening]", "action");
    let there = sara.post(&opening, &[]).await.expect(303).location().to_owned();
    assert_eq!(there, format!("/admin/orders/{order}"));
    sara.get(&there).await.expect(200);
    app.run_jobs().await;
    app.finish().await;
}
