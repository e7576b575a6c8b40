//! Renewing: the price once, the new end once, whatever the server does in between.

use axum::http::Method;
use rad_panel::{
    demo::simulator::user::{NextPlan, Status},
    ids::ChangeId,
    jobs::Job,
    orders::changes,
};

use super::*;

const MONTH: i64 = 30 * 24 * 3600;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_gets_more_days_from_its_end_and_its_volume_anew(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 150_000).await;
    let end = there(&app).expire.unwrap();
    app.clock.advance(time::Duration::days(10));
    app.simulator.traffic(NAME, 5 * GB);
    let other = app.plan("دوماهه", 60, Some(80), 150_000).await;
    let renewal = Renewal { price_seen: Toman(150_000), ..renewal(order, other) };
    changes::renew(&app.db, &renewal, owner(&app), app.clock.now()).await.unwrap();
    assert_eq!(last(&app, order).await, "RENEW WAITING");
    assert_eq!(credit(&app, app.reza).await, 0, "charged at once");
    assert_eq!(app.run_jobs().await, 1);
    assert_eq!(last(&app, order).await, "RENEW DONE");

    let now = there(&app);
    assert_eq!((now.status, now.expire), (Status::Active, Some(end + 2 * MONTH)));
    assert_eq!((now.used_traffic, now.data_limit), (0, Some(80 * GB)));
    assert_eq!(now.lifetime_used_traffic, 5 * GB, "refunds are reckoned from it");
    assert_eq!(expire_at(&app.db, order).await, now.expire);
    let row = sqlx::query!(
        "SELECT amount, plan_name, days, renewed_plan_name, renewed_days, renewed_data_limit_gb FROM orders WHERE id = $1",
        order.0
    )
    .fetch_one(&app.db)
    .await
    .unwrap();
    assert_eq!((row.amount, row.days), (PRICE, 30), "what was first bought stays");
    assert_eq!(row.renewed_plan_name.as_deref(), Some("دوماهه"));
    assert_eq!((row.renewed_days, row.renewed_data_limit_gb), (Some(60), Some(80)));
    assert_eq!(entries(&app).await, [entry("ORDER_CREATED", -PRICE), entry("ORDER_RENEWED", -150_000)]);
    assert_eq!(life(&app, order).await, ["order.place", "order.activate", "order.renew", "order.renewed"]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_that_has_ended_begins_anew_today(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, 2 * PRICE).await;
    app.clock.advance(time::Duration::days(40));
    app.simulator.review(app.clock.now());
    assert_eq!(there(&app).status, Status::Expired);
    renew(&app, order, plan).await.unwrap();
    app.run_jobs().await;
    let now = app.clock.now().unix_timestamp();
    assert_eq!((there(&app).status, there(&app).expire), (Status::Active, Some(now + MONTH)));

    app.simulator.traffic(NAME, 31 * GB);
    app.simulator.review(app.clock.now());
    assert_eq!(there(&app).status, Status::Limited);
    renew(&app, order, plan).await.unwrap();
    app.run_jobs().await;
    let user = there(&app);
    assert_eq!((user.status, user.used_traffic, user.expire), (Status::Active, 0, Some(now + 2 * MONTH)));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_plan_without_limit_takes_the_limit_away_and_one_with_it_brings_it_back(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, 2 * PRICE).await;
    let endless = app.plan("بی‌پایان", 30, None, PRICE).await;
    renew(&app, order, endless).await.unwrap();
    app.run_jobs().await;
    assert_eq!(there(&app).data_limit, None);
    renew(&app, order, plan).await.unwrap();
    app.run_jobs().await;
    assert_eq!(there(&app).data_limit, Some(30 * GB));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn whatever_is_lost_on_the_way_the_end_is_the_one_that_was_fixed_first(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, 4 * PRICE).await;
    let mut end = there(&app).expire.unwrap();
    // An account that has ended: its new end would move with each attempt if it were reckoned anew.
    for (committed, method) in
        [(false, Method::PUT), (true, Method::PUT), (false, Method::POST), (true, Method::POST)]
    {
        app.clock.set(rad_panel::calendar::Time::from_unix_timestamp(end).unwrap() + time::Duration::days(1));
        app.simulator.traffic(NAME, 5 * GB);
        app.simulator.review(app.clock.now());
        end = app.clock.now().unix_timestamp() + MONTH;
        renew(&app, order, plan).await.unwrap();
        if committed {
            app.simulator.drop_after_commit_of(method.clone(), 1);
        } else {
            app.simulator.drop_before_work_of(method.clone(), 1);
        }
        assert_eq!(app.run_jobs().await, 1);
        assert_eq!(last(&app, order).await, "RENEW WAITING", "{method} {committed}");
        assert_eq!(later(&app).await, 1);
        assert_eq!(last(&app, order).await, "RENEW DONE", "{method} {committed}");
        let user = there(&app);
        assert_eq!((user.expire, user.used_traffic), (Some(end), 0), "{method} {committed}");
        assert_eq!(user.status, Status::Active);
    }
    assert_eq!(entries(&app).await.len(), 5, "each renewal charged once");
    assert_eq!(credit(&app, app.reza).await, 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_renewal_waits_for_a_server_that_is_down_and_nothing_is_given_back(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE).await;
    let end = there(&app).expire.unwrap();
    app.simulator.down().await;
    renew(&app, order, plan).await.unwrap();
    for _ in 0..30 {
        app.clock.advance(time::Duration::HOUR);
        assert_eq!(app.run_jobs().await, 1);
    }
    assert_eq!(last(&app, order).await, "RENEW WAITING");
    assert_eq!(credit(&app, app.reza).await, 0);
    app.simulator.up().await.unwrap();
    for fault in [500, 429] {
        app.simulator.answer(1000, axum::http::StatusCode::from_u16(fault).unwrap());
        assert_eq!(later(&app).await, 1);
        assert_eq!(last(&app, order).await, "RENEW WAITING");
        app.simulator.heal();
    }
    assert_eq!(later(&app).await, 1);
    assert_eq!(there(&app).expire, Some(end + MONTH));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_renewal_is_written_down_though_the_clock_was_ahead_before(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE).await;
    let end = there(&app).expire.unwrap();
    sqlx::query("UPDATE marzban_users SET last_synced_at = $1")
        .bind(app.clock.now() + time::Duration::HOUR)
        .execute(&app.db)
        .await
        .unwrap();
    renew(&app, order, plan).await.unwrap();
    app.run_jobs().await;
    assert_eq!(expire_at(&app.db, order).await, Some(end + MONTH));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_no_after_an_answer_that_was_lost_is_no_refusal(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE).await;
    let end = there(&app).expire.unwrap();
    renew(&app, order, plan).await.unwrap();
    app.simulator.drop_after_commit_of(Method::PUT, 1);
    app.run_jobs().await;
    assert_eq!(there(&app).expire, Some(end + MONTH), "it was carried out");
    // Something before the server says no, or somebody has written another note: neither tells of that request.
    app.simulator.answer(1000, axum::http::StatusCode::FORBIDDEN);
    assert_eq!(later(&app).await, 1);
    app.simulator.heal();
    app.simulator.mutate(NAME, |user| user.note = None);
    assert_eq!(later(&app).await, 1);
    assert_eq!(last(&app, order).await, "RENEW WAITING");
    assert_eq!(credit(&app, app.reza).await, 0, "nothing is paid back while nobody knows");
    app.simulator.mutate(NAME, |user| user.note = Some(format!("RAD order #{order}")));
    assert_eq!(later(&app).await, 1);
    assert_eq!(last(&app, order).await, "RENEW DONE");
    assert_eq!((there(&app).expire, credit(&app, app.reza).await), (Some(end + MONTH), 0));

    // One that is gone has no use of what was paid.
    app.give_credit(app.reza, PRICE).await;
    renew(&app, order, plan).await.unwrap();
    app.simulator.drop_after_commit_of(Method::PUT, 1);
    app.run_jobs().await;
    remove_there(&app).await;
    assert_eq!(later(&app).await, 1);
    assert_eq!(last(&app, order).await, "RENEW REFUSED NOT_FOUND");
    assert_eq!(credit(&app, app.reza).await, PRICE);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_renewal_that_the_server_refuses_is_paid_back_once(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE).await;
    app.simulator.mutate(NAME, |user| user.note = Some("RAD order #999999".to_owned()));
    let request = renewal(order, plan);
    changes::renew(&app.db, &request, owner(&app), app.clock.now()).await.unwrap();
    app.run_jobs().await;
    assert_eq!(last(&app, order).await, "RENEW REFUSED NOT_OURS");
    assert_eq!(credit(&app, app.reza).await, PRICE);
    // The same form shows the same result, and takes nothing.
    changes::renew(&app.db, &request, owner(&app), app.clock.now()).await.unwrap();
    assert_eq!(app.run_jobs().await, 0);
    app.simulator.mutate(NAME, |user| user.note = Some(format!("RAD order #{order}")));

    remove_there(&app).await;
    renew(&app, order, plan).await.unwrap();
    app.run_jobs().await;
    assert_eq!(last(&app, order).await, "RENEW REFUSED NOT_FOUND");
    let (taken, back) = (entry("ORDER_RENEWED", -PRICE), entry("ORDER_REFUND", PRICE));
    let expected = [entry("ORDER_CREATED", -PRICE), taken.clone(), back.clone(), taken, back];
    assert_eq!(entries(&app).await, expected);
    assert_eq!(status(&app, order).await, "ACTIVE");
    assert!(life(&app, order).await.contains(&"order.change_refused".to_owned()));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_run_that_comes_late_or_twice_changes_nothing(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE).await;
    let id = changes::renew(&app.db, &renewal(order, plan), owner(&app), app.clock.now()).await.unwrap();
    let job = Job {
        id: rad_panel::ids::JobId(0),
        kind: changes::JOB.to_owned(),
        payload: serde_json::json!({ "change": ChangeId(id.0) }),
        attempts: 1,
        request_id: None,
    };
    let run = || changes::run(&app.db, &app.state.server, &app.clock, &job);
    let (first, second, third) = tokio::join!(run(), run(), run());
    assert!([first, second, third].iter().all(|verdict| *verdict == rad_panel::jobs::Verdict::Done));
    let end = there(&app).expire;
    app.clock.advance(time::Duration::days(1));
    assert_eq!(run().await, rad_panel::jobs::Verdict::Done);
    assert_eq!(app.run_jobs().await, 1, "the stored job itself finds nothing to do");
    assert_eq!(there(&app).expire, end);
    assert_eq!(entries(&app).await.len(), 2);
    assert_eq!(life(&app, order).await.iter().filter(|action| *action == "order.renewed").count(), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_on_hold_gets_its_days_and_stays_on_hold(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold_as(&app, PRICE, true).await;
    renew(&app, order, plan).await.unwrap();
    app.simulator.drop_after_commit(1);
    app.run_jobs().await;
    assert_eq!(later(&app).await, 1);
    let user = there(&app);
    assert_eq!((user.status, user.expire), (Status::OnHold, None));
    assert_eq!(user.on_hold_expire_duration, Some(2 * MONTH), "added once");
    assert!(app.simulator.requests().iter().all(|request| !request.path.ends_with("/reset")));
    let kept = sqlx::query!(
        "SELECT expire_at, on_hold_seconds, status FROM marzban_users WHERE order_id = $1",
        order.0
    )
    .fetch_one(&app.db)
    .await
    .unwrap();
    assert_eq!((kept.expire_at, kept.on_hold_seconds), (None, Some(2 * MONTH)));
    assert_eq!(kept.status, "ON_HOLD");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_connected_while_its_renewal_is_on_its_way_gets_the_days(db: PgPool) {
    connected_while_waiting(db, false).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_renewed_and_then_connected_before_we_know_gets_the_days_once(db: PgPool) {
    connected_while_waiting(db, true).await;
}

async fn connected_while_waiting(db: PgPool, was_renewed: bool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold_as(&app, PRICE, true).await;
    renew(&app, order, plan).await.unwrap();
    if was_renewed {
        app.simulator.drop_after_commit(1);
    } else {
        app.simulator.drop_before_work(1);
    }
    app.run_jobs().await;
    assert_eq!(last(&app, order).await, "RENEW WAITING");
    app.clock.advance(time::Duration::minutes(3));
    app.simulator.traffic(NAME, GB);
    app.simulator.review(app.clock.now());
    let connected = app.clock.now().unix_timestamp();
    assert_eq!(there(&app).status, Status::Active);
    // Lost once more, so that the end fixed anew is asked for twice.
    app.simulator.drop_after_commit_of(Method::PUT, 1);
    later(&app).await;
    assert_eq!(last(&app, order).await, "RENEW WAITING");
    later(&app).await;
    assert_eq!(last(&app, order).await, "RENEW DONE");
    let user = there(&app);
    assert_eq!((user.status, user.expire), (Status::Active, Some(connected + 2 * MONTH)));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_that_was_switched_off_on_the_server_is_renewed_and_stays_off(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE).await;
    let end = there(&app).expire.unwrap();
    app.simulator.traffic(NAME, GB);
    app.simulator.mutate(NAME, |user| user.status = Status::Disabled);
    renew(&app, order, plan).await.unwrap();
    // The answer of the reset that wakes it is lost: it is switched off again at once.
    app.simulator.drop_after_commit_of(Method::POST, 1);
    app.run_jobs().await;
    assert_eq!(there(&app).status, Status::Disabled);
    assert_eq!(last(&app, order).await, "RENEW WAITING");
    // Were that lost too, the second attempt would find it awake.
    app.simulator.mutate(NAME, |user| user.status = Status::Active);
    later(&app).await;
    assert_eq!(last(&app, order).await, "RENEW DONE");
    let user = there(&app);
    assert_eq!((user.status, user.used_traffic, user.expire), (Status::Disabled, 0, Some(end + MONTH)));
    assert_eq!(status(&app, order).await, "ACTIVE", "here nobody switched it off");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_next_plan_and_an_account_without_end_survive(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE).await;
    let next = NextPlan { data_limit: GB, expire: None, add_remaining_traffic: false, fire_on_either: true };
    app.simulator.traffic(NAME, GB);
    app.simulator.mutate(NAME, |user| {
        user.next_plan = Some(next.clone());
        user.expire = None;
    });
    renew(&app, order, plan).await.unwrap();
    app.run_jobs().await;
    let user = there(&app);
    assert_eq!((user.next_plan, user.expire), (Some(next), None));
    assert_eq!((user.status, user.used_traffic), (Status::Active, 0));
    app.finish().await;
}
