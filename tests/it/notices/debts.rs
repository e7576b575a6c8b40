//! What agents below zero are told: at once, and as their deadline comes near.

use sqlx::PgPool;
use time::Duration;

use super::{told, watch::look};
use crate::support::TestApp;

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
async fn a_deadline_that_is_put_off_after_its_last_warning_is_warned_of_again(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.reza, -50_000).await;
    let begin = app.clock.now();
    let at = async |hours: i64| {
        app.clock.set(begin + Duration::hours(hours));
        look(&app).await;
        look(&app).await;
        told(&app, app.reza).await.len()
    };
    assert_eq!([at(0).await, at(12).await, at(22).await, at(23).await], [1, 2, 3, 3]);
    sqlx::query(
        "UPDATE agents SET deadline_deferred_until = $1, deadline_deferred_reason = 'x' WHERE user_id = $2",
    )
    .bind(begin + Duration::hours(72))
    .bind(app.reza.0)
    .execute(&app.db)
    .await
    .unwrap();
    let warned = [at(24).await, at(59).await, at(60).await, at(69).await, at(70).await, at(71).await];
    assert_eq!(warned, [3, 3, 4, 4, 5, 5]);
    assert_eq!(told(&app, app.sara).await, ["AGENT_BELOW_ZERO"], "the debt is the same");
    app.finish().await;
}
