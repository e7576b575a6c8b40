//! Switching off and on, and a new link: no money moves, and the server and we agree in the end.

use axum::http::Method;
use rad_panel::{demo::simulator::user::Status, orders::Unaffordable};

use super::*;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_is_switched_off_and_on_again_without_money(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    disable(&app, order, owner(&app)).await.unwrap();
    assert_eq!(status(&app, order).await, "ACTIVE", "until the server says so");
    app.run_jobs().await;
    assert_eq!((status(&app, order).await.as_str(), there(&app).status), ("DISABLED", Status::Disabled));
    assert!(matches!(disable(&app, order, owner(&app)).await, Err(ChangeError::WrongStatus { .. })));
    enable(&app, order, owner(&app)).await.unwrap();
    app.run_jobs().await;
    assert_eq!((status(&app, order).await.as_str(), there(&app).status), ("ACTIVE", Status::Active));
    let expected = [entry("ORDER_CREATED", -PRICE), entry("ORDER_DISABLED", 0), entry("ORDER_ENABLED", 0)];
    assert_eq!(entries(&app).await, expected);
    let expected = ["order.disable", "order.disabled", "order.enable", "order.enabled"];
    assert_eq!(life(&app, order).await[2..], expected);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_server_that_breaks_off_before_or_after_the_work_ends_in_the_same(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    for committed in [false, true] {
        for (off, expected) in [(true, "DISABLED"), (false, "ACTIVE")] {
            if off {
                disable(&app, order, owner(&app)).await.unwrap();
            } else {
                enable(&app, order, owner(&app)).await.unwrap();
            }
            if committed {
                app.simulator.drop_after_commit_of(Method::PUT, 1);
            } else {
                app.simulator.drop_before_work_of(Method::PUT, 1);
            }
            app.run_jobs().await;
            assert!(last(&app, order).await.ends_with("WAITING"));
            assert_ne!(status(&app, order).await, expected, "only what was told is marked");
            later(&app).await;
            assert_eq!(status(&app, order).await, expected);
        }
    }
    assert_eq!(entries(&app).await.len(), 5, "one row for each");
    app.finish().await;
}

/// The panel may only where a day's debt says so; it is paid afterwards.
async fn switch_off(app: &TestApp, order: OrderId, by: By) {
    let owed = i64::from(matches!(by, By::Panel));
    if owed > 0 {
        app.give_credit(app.reza, -owed).await;
        app.clock.advance(time::Duration::hours(24));
    }
    disable(app, order, by).await.unwrap();
    app.run_jobs().await;
    if owed > 0 {
        app.give_credit(app.reza, owed).await;
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn each_switches_on_only_what_is_hers_to_switch_on(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    let (reza, sara, panel) = (owner(&app), admin(&app), By::Panel);
    for (off, on, not) in [
        (reza, reza, vec![panel]),
        (reza, sara, vec![panel]),
        (sara, sara, vec![reza, panel]),
        (panel, panel, vec![reza, sara]),
    ] {
        switch_off(&app, order, off).await;
        for by in not {
            let refused = enable(&app, order, by).await;
            assert!(matches!(refused, Err(ChangeError::NotAllowed)), "{off:?} {by:?}");
        }
        enable(&app, order, on).await.unwrap();
        app.run_jobs().await;
        assert_eq!(status(&app, order).await, "ACTIVE");
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn nothing_of_an_agent_below_zero_is_switched_on(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    for by in [owner(&app), By::Panel] {
        switch_off(&app, order, by).await;
        app.give_credit(app.reza, -1).await;
        let refused = enable(&app, order, by).await;
        let below = Unaffordable::BelowZero { owed: Toman(1) };
        assert_eq!(refused.unwrap_err().to_string(), ChangeError::from(below).to_string());
        app.give_credit(app.reza, 1).await;
        enable(&app, order, by).await.unwrap();
        app.run_jobs().await;
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_on_hold_goes_back_on_hold(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold_as(&app, 0, true).await;
    disable(&app, order, owner(&app)).await.unwrap();
    app.run_jobs().await;
    assert_eq!(there(&app).status, Status::Disabled);
    enable(&app, order, owner(&app)).await.unwrap();
    app.run_jobs().await;
    let user = there(&app);
    assert_eq!((user.status, user.on_hold_expire_duration), (Status::OnHold, Some(30 * 24 * 3600)));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_the_server_refuses_leaves_the_order_as_it_was(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    remove_there(&app).await;
    disable(&app, order, owner(&app)).await.unwrap();
    app.run_jobs().await;
    assert_eq!(last(&app, order).await, "DISABLE REFUSED NOT_FOUND");
    assert_eq!(status(&app, order).await, "ACTIVE");
    assert_eq!(entries(&app).await.len(), 1);
    app.finish().await;
}

async fn link(app: &TestApp, order: OrderId) -> String {
    sqlx::query_scalar!("SELECT subscription_url FROM marzban_users WHERE order_id = $1", order.0)
        .fetch_one(&app.db)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_new_link_works_and_the_old_one_is_dead(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    let old = link(&app, order).await;
    // Links are dated to the second.
    let whole =
        time::Duration::seconds(60) - time::Duration::nanoseconds(app.clock.now().nanosecond().into());
    app.clock.advance(whole);
    for lost in [false, true] {
        let revoked = changes::revoke(&app.db, order, owner(&app), Uuid::new_v4(), app.clock.now()).await;
        revoked.unwrap();
        if lost {
            app.simulator.drop_after_commit(1);
            app.run_jobs().await;
            assert_eq!(last(&app, order).await, "REVOKE WAITING");
            app.clock.advance(time::Duration::minutes(11));
        }
        app.run_jobs().await;
        assert_eq!(last(&app, order).await, "REVOKE DONE");
        let new = link(&app, order).await;
        assert_ne!(new, old);
        assert_eq!(reqwest::get(&new).await.unwrap().status(), 200);
        assert_eq!(reqwest::get(&old).await.unwrap().status(), 404);
    }
    assert_eq!(status(&app, order).await, "ACTIVE");
    assert_eq!(entries(&app).await.len(), 1);
    app.finish().await;
}
