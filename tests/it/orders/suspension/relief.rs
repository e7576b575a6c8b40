//! What comes back when nothing is owed any more, and what stays off.

use axum::http::Method;
use rad_panel::orders::sync;

use super::*;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_the_admin_takes_over_from_a_debtor_comes_back_also_below_zero(db: PgPool) {
    let app = TestApp::start(db).await;
    let orders = sell(&app, 2).await;
    leave(&app, app.reza, -5_000).await;
    leave(&app, app.sara, -5_000).await;
    app.clock.advance(Duration::hours(25));
    assert_eq!(strike(&app).await, 2);
    changes::move_to(&app.db, orders[0], app.sara, app.sara.into(), "نماینده رفت", app.clock.now())
        .await
        .unwrap();
    assert_eq!(relent(&app).await, 1);
    assert_eq!((there(&app, 0), there(&app, 1)), (Status::Active, Status::Disabled));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_the_server_refuses_to_switch_on_is_asked_for_again_once_a_day(db: PgPool) {
    let app = TestApp::start(db).await;
    let orders = sell(&app, 1).await;
    leave(&app, app.reza, -1).await;
    app.clock.advance(Duration::hours(24));
    strike(&app).await;
    app.simulator.mutate("reza_0", |user| user.note = None);
    leave(&app, app.reza, 0).await;
    assert_eq!(relent(&app).await, 1);
    for _ in 0..3 {
        app.clock.advance(Duration::minutes(1));
        assert_eq!(relent(&app).await, 0, "the server has just said no");
    }
    app.clock.advance(Duration::DAY);
    assert_eq!(relent(&app).await, 1);
    assert_eq!(relent(&app).await, 0);
    // Or as soon as the account is found well again.
    app.simulator.mutate("reza_0", |user| user.note = Some(format!("RAD order #{}", orders[0])));
    app.clock.advance(Duration::minutes(30));
    sync::sweep(&app.db, &app.state.server, &app.clock).await.unwrap();
    assert_eq!(relent(&app).await, 1);
    assert_eq!(there(&app, 0), Status::Active);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_accounts_of_whom_the_admin_cuts_off_stay_off_when_the_debt_is_paid(db: PgPool) {
    let app = TestApp::start(db).await;
    sell(&app, 2).await;
    leave(&app, app.reza, -1).await;
    app.clock.advance(Duration::hours(24));
    // The rule has switched one off, and of the other the server has not heard yet.
    app.simulator.drop_before_work_of(Method::PUT, 1);
    strike(&app).await;
    let mut off: Vec<String> = states(&app).await.into_values().collect();
    off.sort();
    assert_eq!(off, ["ACTIVE", "NEGATIVE_CREDIT"]);
    let sara = app.signed_in("sara").await;
    let disabling = format!("/admin/people/{}/disabling", app.reza);
    sara.post(&disabling, &[("accounts", "true")]).await.expect(303);
    for _ in 0..3 {
        app.clock.advance(Duration::minutes(1));
        app.run_jobs().await;
    }
    leave(&app, app.reza, 1).await;
    for _ in 0..3 {
        app.clock.advance(Duration::minutes(1));
        assert_eq!(relent(&app).await, 0);
    }
    assert_eq!(states(&app).await.into_values().collect::<Vec<_>>(), ["BY_ADMIN", "BY_ADMIN"]);
    assert_eq!((there(&app, 0), there(&app, 1)), (Status::Disabled, Status::Disabled));
    app.finish().await;
}
