//! What is found by looking: the server, late orders, failed tasks, accounts that end.

use std::time::Duration as Seconds;

use rad_panel::{
    ids::{OrderId, UserId},
    jobs::schedule::Task,
    marzban,
    notices::watch,
    orders, worker,
};
use sqlx::PgPool;
use time::{Duration, macros::datetime};
use uuid::Uuid;

use super::told;
use crate::support::TestApp;

pub async fn look(app: &TestApp) {
    watch::look(&app.db, None, None, app.clock.now()).await.unwrap();
}

async fn place(app: &TestApp, username: &str) -> i64 {
    place_for(app, app.reza, 90_000, username).await
}

async fn place_for(app: &TestApp, buyer: UserId, price: i64, username: &str) -> i64 {
    let plan = app.plan("ماهانه", 30, Some(30), 90_000).await;
    app.order(buyer, plan, price, username).await.0
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

/// What the admin is told after several looks at a server that is reached so.
async fn told_of_a_server(mut app: TestApp, settings: marzban::Settings) -> (TestApp, String) {
    app.state.server = marzban::server(&settings, app.clock.clone()).unwrap();
    for _ in 0..5 {
        app.clock.advance(Duration::minutes(1));
        worker::tick(&app.state).await;
        app.run_jobs().await;
    }
    assert_eq!(told(&app, app.sara).await, ["SERVER_DOWN"], "once");
    let text = app.signed_in("sara").await.get("/notices").await.expect(200).text("#notices li");
    (app, text)
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn wrong_credentials_are_told_once_and_the_server_is_not_hammered(db: PgPool) {
    let app = TestApp::start(db).await;
    let settings = marzban::Settings {
        retry_for: Seconds::from_millis(300),
        ..marzban::Settings::new(app.simulator.base_url(), app.simulator.username(), "not-the-password")
    };
    let (app, text) = told_of_a_server(app, settings).await;
    assert!(text.contains("نام کاربری یا رمز"), "{text}");
    let sign_ins = app.simulator.requests().iter().filter(|seen| seen.path == "/api/admin/token").count();
    assert!((1..=5).contains(&sign_ins), "{sign_ins}");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn credentials_that_are_wrong_after_an_outage_are_told_once_as_well(db: PgPool) {
    let mut app = TestApp::start(db).await;
    let right = app.state.server.clone();
    let settings = marzban::Settings {
        retry_for: Seconds::from_millis(100),
        ..marzban::Settings::new(app.simulator.base_url(), app.simulator.username(), "changed-meanwhile")
    };
    app.simulator.down().await;
    app.state.server = marzban::server(&settings, app.clock.clone()).unwrap();
    let tick = async |app: &TestApp| {
        for _ in 0..3 {
            app.clock.advance(Duration::minutes(1));
            worker::tick(&app.state).await;
            app.run_jobs().await;
        }
        told(app, app.sara).await
    };
    assert_eq!(tick(&app).await, ["SERVER_DOWN"]);
    app.simulator.up().await.unwrap();
    assert_eq!(tick(&app).await, ["SERVER_DOWN"; 2]);
    let page = app.signed_in("sara").await.get("/notices").await.expect(200);
    let texts = page.texts("#notices li");
    assert!(texts[0].contains("نام کاربری یا رمز") && texts[1].contains("در دسترس نیست"), "{texts:?}");
    // It goes and comes: each cause is told once in an outage.
    app.simulator.down().await;
    tick(&app).await;
    app.simulator.up().await.unwrap();
    assert_eq!(tick(&app).await, ["SERVER_DOWN"; 2]);
    app.state.server = right;
    assert_eq!(tick(&app).await, ["SERVER_DOWN", "SERVER_DOWN", "SERVER_BACK"]);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_proxy_that_fails_is_told_as_the_proxys_doing(db: PgPool) {
    let app = TestApp::start(db).await;
    let none = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let simulator = &app.simulator;
    let settings = marzban::Settings {
        http_proxy: Some(format!("http://{none}")),
        retry_for: Seconds::from_millis(100),
        ..marzban::Settings::new(simulator.base_url(), simulator.username(), simulator.password())
    };
    let (_, text) = told_of_a_server(app, settings).await;
    assert!(text.contains("پراکسی"), "{text}");
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
async fn changes_that_the_server_does_not_carry_out_are_told_of_together(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.reza, 500_000).await;
    let mut made = Vec::new();
    for name in ["reza_one", "reza_two"] {
        made.push(OrderId(place(&app, name).await));
    }
    app.run_jobs().await;
    for order in made {
        let by = orders::changes::By::Owner(app.reza.into());
        orders::changes::disable(&app.db, order, by, Uuid::new_v4(), app.clock.now()).await.unwrap();
    }
    app.clock.advance(Duration::minutes(14));
    look(&app).await;
    assert_eq!(told(&app, app.sara).await, Vec::<String>::new());
    for _ in 0..3 {
        app.clock.advance(Duration::minutes(1));
        look(&app).await;
    }
    assert_eq!(told(&app, app.sara).await, ["CHANGES_LATE"]);
    let sara = app.signed_in("sara").await;
    let text = sara.get("/notices").await.expect(200).text("#notices li");
    assert!(text.contains("۲ تغییر") && text.contains("reza_one"), "{text}");
    let overview = sara.get("/admin").await.expect(200).text("main");
    assert!(overview.contains("۲ تغییر بیش از ۱۵ دقیقه"), "{overview}");
    app.run_jobs().await;
    app.clock.advance(Duration::hours(7));
    look(&app).await;
    assert_eq!(told(&app, app.sara).await, ["CHANGES_LATE"], "they are done");
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
    app.give_credit(app.nima, 900_000).await;
    for username in ["first_one", "second_one", "third_one"] {
        place(&app, username).await;
    }
    place_for(&app, app.nima, 135_000, "of_nima").await;
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
    assert_eq!(told(&app, app.nima).await, ["ORDER_READY", "ACCOUNTS_ENDING"], "customers are told too");
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
