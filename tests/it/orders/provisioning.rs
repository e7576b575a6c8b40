//! Provisioning: done, refused or unknown, and a worker that may die anywhere.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use rad_panel::{
    demo::simulator::user::Status,
    ids::OrderId,
    jobs,
    ledger::Balance,
    money::Toman,
    panel::{Attempt, NewAccount, Server, Validity},
    worker,
};

use super::{Form, PRICE, month, order_entries, status};
use crate::support::TestApp;

const GB: i64 = 1 << 30;

/// An order of Reza's, paid with all he has.
async fn ordered(app: &TestApp, username: &str) -> OrderId {
    app.give_credit(app.reza, PRICE).await;
    Form::new(app.reza, month(app).await, username).send(app).await.unwrap()
}

/// Lets the wait before the next attempt pass, and runs it.
async fn later(app: &TestApp) -> usize {
    app.clock.advance(time::Duration::minutes(11));
    app.run_jobs().await
}

/// The creations that the simulator was asked for.
fn creations(app: &TestApp) -> usize {
    let asked = app.simulator.requests();
    asked.iter().filter(|request| request.method == Method::POST && request.path == "/api/user").count()
}

async fn assert_active_and_paid(app: &TestApp, order: OrderId) {
    assert_eq!(status(app, order).await, "ACTIVE");
    assert_eq!(order_entries(app, app.reza).await, [("ORDER_CREATED".to_owned(), -PRICE)]);
    assert_eq!(app.balance(app.reza).await, Balance::default());
}

async fn assert_failed_and_refunded(app: &TestApp, order: OrderId, reason: &str) {
    let row = sqlx::query!("SELECT status, failure_reason FROM orders WHERE id = $1", order.0)
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!((row.status.as_str(), row.failure_reason.as_deref()), ("FAILED", Some(reason)));
    let expected = [("ORDER_CREATED".to_owned(), -PRICE), ("ORDER_REFUND".to_owned(), PRICE)];
    assert_eq!(order_entries(app, app.reza).await, expected);
    assert_eq!(app.balance(app.reza).await.confirmed, Toman(PRICE));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_account_has_the_days_the_volume_and_the_note_of_its_order(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let order = ordered(&app, "reza_ali").await;
    app.clock.advance(time::Duration::minutes(3));
    assert_eq!(app.run_jobs().await, 1);
    let made = app.simulator.user("reza_ali").unwrap();
    let end = app.clock.now() + time::Duration::days(30);
    assert_eq!(made.expire, Some(end.unix_timestamp()), "the days count from the making, not from the order");
    assert_eq!(made.data_limit, Some(30 * GB));
    assert_eq!(made.note.as_deref(), Some(format!("RAD order #{order}").as_str()), "and nothing personal");
    assert_eq!(made.status, Status::Active);

    let kept = sqlx::query!(
        "SELECT username, subscription_url, expire_at, data_limit_bytes, status FROM marzban_users WHERE order_id = $1",
        order.0
    )
    .fetch_one(&app.db)
    .await
    .unwrap();
    assert_eq!((kept.username.as_str(), kept.status.as_str()), ("reza_ali", "ACTIVE"));
    assert_eq!(kept.expire_at.unwrap().unix_timestamp(), end.unix_timestamp());
    assert_eq!(kept.data_limit_bytes, Some(30 * GB));
    let link = reqwest::get(&kept.subscription_url).await.unwrap();
    assert_eq!(link.status(), 200, "{}", kept.subscription_url);
    assert_active_and_paid(&app, order).await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_on_hold_has_its_days_from_the_first_connection_and_no_limit_is_no_limit(
    db: sqlx::PgPool,
) {
    let app = TestApp::start(db).await;
    let plan = app.plan("بی‌پایان", 90, None, PRICE).await;
    app.give_credit(app.reza, PRICE).await;
    let order = Form { on_hold: true, ..Form::new(app.reza, plan, "reza_hold") }.send(&app).await.unwrap();
    app.run_jobs().await;
    let made = app.simulator.user("reza_hold").unwrap();
    assert_eq!((made.status, made.expire, made.data_limit), (Status::OnHold, None, None));
    assert_eq!(made.on_hold_expire_duration, Some(90 * 24 * 3600));
    let kept = sqlx::query!(
        "SELECT expire_at, on_hold_seconds, data_limit_bytes, status FROM marzban_users WHERE order_id = $1",
        order.0
    )
    .fetch_one(&app.db)
    .await
    .unwrap();
    assert_eq!((kept.expire_at, kept.on_hold_seconds), (None, Some(90 * 24 * 3600)));
    assert_eq!((kept.data_limit_bytes, kept.status.as_str()), (None, "ON_HOLD"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_made_behind_a_broken_connection_is_adopted(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let order = ordered(&app, "reza_ali").await;
    app.simulator.drop_after_commit(1);
    assert_eq!(app.run_jobs().await, 1);
    assert_eq!(status(&app, order).await, "PROVISIONING");
    let made = app.simulator.user("reza_ali").unwrap();
    assert_eq!(app.balance(app.reza).await, Balance::default(), "no refund on an unknown outcome");
    assert_eq!(later(&app).await, 1);
    assert_active_and_paid(&app, order).await;
    assert_eq!(creations(&app), 1, "looked for before it is made again");
    assert_eq!(app.simulator.user("reza_ali").unwrap().expire, made.expire, "taken as it was made");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_order_survives_whatever_the_server_does_before_the_work(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let order = ordered(&app, "reza_ali").await;
    for trouble in ["dropped", "500", "429", "408", "slow", "down", "restarted"] {
        match trouble {
            "dropped" => app.simulator.drop_before_work(1),
            "500" => app.simulator.answer_500(1000),
            "429" => app.simulator.answer(1000, StatusCode::TOO_MANY_REQUESTS),
            "408" => app.simulator.answer(1000, StatusCode::REQUEST_TIMEOUT),
            "slow" => app.simulator.slow(Duration::from_secs(8)),
            "down" => app.simulator.down().await,
            _ => app.simulator.restart().await.unwrap(),
        }
        if trouble == "restarted" {
            app.simulator.down().await;
        }
        assert_eq!(later(&app).await, 1, "{trouble}");
        assert_eq!(status(&app, order).await, "PROVISIONING", "{trouble}");
        assert_eq!(
            app.balance(app.reza).await,
            Balance::default(),
            "{trouble}: no refund on an unknown outcome"
        );
        app.simulator.heal();
        app.simulator.up().await.unwrap();
    }
    assert!(app.simulator.users().is_empty());
    assert_eq!(later(&app).await, 1);
    assert_active_and_paid(&app, order).await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_order_waits_for_more_than_a_day(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let order = ordered(&app, "reza_ali").await;
    app.simulator.down().await;
    for hour in 0..30 {
        app.clock.advance(time::Duration::HOUR);
        assert_eq!(app.run_jobs().await, 1, "after {hour} hours");
    }
    assert_eq!(status(&app, order).await, "PROVISIONING");
    app.simulator.up().await.unwrap();
    assert_eq!(later(&app).await, 1);
    assert_active_and_paid(&app, order).await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_name_that_somebody_else_has_on_the_server_gives_the_money_back_once(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let stranger = NewAccount {
        username: "reza_ali".to_owned(),
        validity: Validity::For { seconds: 3600 },
        data_limit_bytes: None,
        order: OrderId(999_999),
    };
    let marzban: &Server = &app.state.server;
    let theirs = marzban.create_account(&stranger, Attempt::First).await.done().unwrap();
    let order = ordered(&app, "reza_ali").await;
    app.run_jobs().await;
    assert_failed_and_refunded(&app, order, "USERNAME_TAKEN").await;
    assert_eq!(app.simulator.user("reza_ali").unwrap().note, theirs.note, "theirs is left alone");

    // The name is free again among our orders, and the job again finds nothing to do.
    run_again(&app, order).await;
    assert_failed_and_refunded(&app, order, "USERNAME_TAKEN").await;
    let plan = month(&app).await;
    Form::new(app.reza, plan, "reza_mahsa").send(&app).await.unwrap();
    app.run_jobs().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_definite_no_gives_the_money_back_once(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let order = ordered(&app, "reza_ali").await;
    // Signing in and the list of protocols go well; what is refused is the account.
    assert!(app.state.server.account("nobody").await.done().is_some());
    app.simulator.set_inbounds(Vec::new());
    app.run_jobs().await;
    let after = status(&app, order).await;
    assert!(after == "FAILED" || after == "PROVISIONING", "{after}");
    if after == "PROVISIONING" {
        app.simulator.set_inbounds(rad_panel::demo::simulator::state::Inbound::recorded());
        app.simulator.answer(1, StatusCode::FORBIDDEN);
        later(&app).await;
    }
    assert_failed_and_refunded(&app, order, "REFUSED").await;
    run_again(&app, order).await;
    assert_failed_and_refunded(&app, order, "REFUSED").await;
    app.finish().await;
}

/// Runs the order's job once more, as after a crash between its work and its end.
async fn run_again(app: &TestApp, order: OrderId) {
    let changed = sqlx::query!(
        "UPDATE jobs SET finished_at = NULL, outcome = NULL WHERE payload = jsonb_build_object('order', $1::bigint)",
        order.0
    );
    assert_eq!(changed.execute(&app.db).await.unwrap().rows_affected(), 1);
    assert_eq!(app.run_jobs().await, 1);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_worker_that_dies_leaves_its_order_to_the_next(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let order = ordered(&app, "reza_ali").await;
    // Dies with the job in hand, after the server has made the account.
    let held = jobs::claim(&app.db, app.clock.now()).await.unwrap().unwrap();
    let new = NewAccount {
        username: "reza_ali".to_owned(),
        validity: Validity::For { seconds: 30 * 24 * 3600 },
        data_limit_bytes: Some(30 << 30),
        order,
    };
    assert!(app.state.server.create_account(&new, Attempt::First).await.done().is_some());
    assert_eq!(app.run_jobs().await, 0, "the lease still holds");
    app.clock.advance(time::Duration::try_from(jobs::LEASE).unwrap() + time::Duration::SECOND);
    assert_eq!(app.run_jobs().await, 1);
    assert_active_and_paid(&app, order).await;
    assert_eq!((creations(&app), app.simulator.users().len()), (1, 1));
    // The dead one comes back late with its own end: it changes nothing.
    let verdict = jobs::Verdict::Retry { after: Duration::ZERO, error: "late".to_owned() };
    jobs::settle(&app.db, &held, &verdict, app.clock.now()).await.unwrap();
    assert_eq!(app.run_jobs().await, 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn two_workers_with_one_order_make_one_account(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    for round in 0..10 {
        app.give_credit(app.reza, PRICE).await;
        let name = format!("reza_{round}");
        let order = Form::new(app.reza, plan, &name).send(&app).await.unwrap();
        let first = jobs::claim(&app.db, app.clock.now()).await.unwrap().unwrap();
        let second = jobs::Job { attempts: first.attempts + round % 2, ..first.clone() };
        let (a, b) = tokio::join!(worker::run(&app.state, &first), worker::run(&app.state, &second));
        assert_eq!((a, b), (jobs::Verdict::Done, jobs::Verdict::Done), "round {round}");
        jobs::settle(&app.db, &first, &jobs::Verdict::Done, app.clock.now()).await.unwrap();
        assert_eq!(status(&app, order).await, "ACTIVE");
    }
    assert_eq!(app.simulator.users().len(), 10);
    assert_eq!(app.balance(app.reza).await, Balance::default());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn two_workers_refused_give_the_money_back_once(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let order = ordered(&app, "reza_ali").await;
    assert!(app.state.server.account("nobody").await.done().is_some());
    let job = jobs::claim(&app.db, app.clock.now()).await.unwrap().unwrap();
    let stranger = NewAccount {
        username: "reza_ali".to_owned(),
        validity: Validity::For { seconds: 3600 },
        data_limit_bytes: None,
        order: OrderId(999_999),
    };
    assert!(app.state.server.create_account(&stranger, Attempt::First).await.done().is_some());
    let (a, b) = tokio::join!(worker::run(&app.state, &job), worker::run(&app.state, &job));
    assert_eq!((a, b), (jobs::Verdict::Done, jobs::Verdict::Done));
    jobs::settle(&app.db, &job, &jobs::Verdict::Done, app.clock.now()).await.unwrap();
    assert_failed_and_refunded(&app, order, "USERNAME_TAKEN").await;
    app.finish().await;
}
