//! What somebody changed on the server by hand is seen, and settled by the admin.

use rad_panel::{
    demo::simulator::user::Status,
    ids::OrderId,
    orders::{
        changes::{self, By, ChangeError},
        sync,
    },
};
use sqlx::PgPool;
use uuid::Uuid;

use super::{Form, PRICE, month, status};
use crate::support::{Client, TestApp};

const GB: i64 = 1 << 30;

async fn sold(db: PgPool, on_hold: bool) -> (TestApp, OrderId, Client) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, PRICE).await;
    let order = Form { on_hold, ..Form::new(app.reza, plan, "reza_ali") }.send(&app).await.unwrap();
    app.run_jobs().await;
    let sara = app.signed_in("sara").await;
    (app, order, sara)
}

/// Half an hour later.
async fn sweep(app: &TestApp) -> String {
    app.clock.advance(time::Duration::minutes(30));
    sync::sweep(&app.db, &app.state.server, &app.clock).await.unwrap();
    drift(app).await
}

async fn drift(app: &TestApp) -> String {
    sqlx::query_scalar("SELECT array_to_string(drift, ' ') FROM marzban_users")
        .fetch_one(&app.db)
        .await
        .unwrap()
}

async fn settle(app: &TestApp, sara: &Client, order: OrderId, way: &str) {
    sara.post(&format!("/admin/upkeep/drift/{order}/{way}"), &[]).await.expect(303);
    app.run_jobs().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn another_end_and_volume_are_shown_and_set_back_without_touching_what_was_used(db: PgPool) {
    let (app, order, sara) = sold(db, false).await;
    let before = app.simulator.user("reza_ali").unwrap();
    assert!(app.simulator.traffic("reza_ali", GB));
    assert_eq!(sweep(&app).await, "");
    assert!(app.simulator.mutate("reza_ali", |user| {
        user.expire = user.expire.map(|end| end + 10 * 86_400);
        user.data_limit = Some(100 * GB);
    }));
    assert_eq!(sweep(&app).await, "EXPIRY VOLUME");
    assert_eq!(sweep(&app).await, "EXPIRY VOLUME", "looking again does not make it ours");
    let page = sara.get("/admin/upkeep/drift").await.expect(200);
    let text = page.text(&format!("#drift-{order}"));
    assert!(text.contains("۳۰ گیگابایت") && text.contains("۱۰۰ گیگابایت"), "{text}");
    let upkeep = sara.get("/admin/upkeep").await.expect(200);
    assert!(upkeep.text("#server").contains("۱ اکانت با سرور نمی‌خواند"));
    settle(&app, &sara, order, "setting-there").await;
    let after = app.simulator.user("reza_ali").unwrap();
    assert_eq!((after.expire, after.data_limit, after.used_traffic), (before.expire, before.data_limit, GB));
    assert_eq!((drift(&app).await.as_str(), sweep(&app).await.as_str()), ("", ""));
    assert_eq!(sara.get("/admin/upkeep/drift").await.expect(200).count("article"), 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn another_end_is_taken_over_where_the_admin_says_so(db: PgPool) {
    let (app, order, sara) = sold(db, false).await;
    assert!(app.simulator.mutate("reza_ali", |user| user.expire = user.expire.map(|end| end + 86_400)));
    assert_eq!(sweep(&app).await, "EXPIRY");
    settle(&app, &sara, order, "taking-over").await;
    assert_eq!(sweep(&app).await, "", "it is ours now");
    // The same button again settles nothing and breaks nothing.
    settle(&app, &sara, order, "taking-over").await;
    let logged: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE action = 'order.drift_taken_over'")
            .fetch_one(&app.db)
            .await
            .unwrap();
    assert_eq!(logged, 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn one_switched_off_by_hand_is_switched_on_again_or_off_here_too(db: PgPool) {
    let (app, order, sara) = sold(db, false).await;
    let off = || assert!(app.simulator.mutate("reza_ali", |user| user.status = Status::Disabled));
    off();
    assert_eq!(sweep(&app).await, "OFF_THERE");
    assert_eq!(status(&app, order).await, "ACTIVE");
    settle(&app, &sara, order, "setting-there").await;
    assert_eq!(app.simulator.user("reza_ali").unwrap().status, Status::Active);
    off();
    assert_eq!(sweep(&app).await, "OFF_THERE");
    settle(&app, &sara, order, "taking-over").await;
    assert_eq!(status(&app, order).await, "DISABLED");
    assert_eq!(sweep(&app).await, "");
    // And the other way round.
    assert!(app.simulator.mutate("reza_ali", |user| user.status = Status::Active));
    assert_eq!(sweep(&app).await, "ON_THERE");
    settle(&app, &sara, order, "setting-there").await;
    assert_eq!(app.simulator.user("reza_ali").unwrap().status, Status::Disabled);
    assert!(app.simulator.mutate("reza_ali", |user| user.status = Status::Active));
    assert_eq!(sweep(&app).await, "ON_THERE");
    settle(&app, &sara, order, "taking-over").await;
    assert_eq!((status(&app, order).await.as_str(), sweep(&app).await.as_str()), ("ACTIVE", ""));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_the_24_hour_rule_switched_off_does_not_come_back_by_taking_over(db: PgPool) {
    let (app, order, sara) = sold(db, false).await;
    sqlx::query("UPDATE orders SET status = 'DISABLED', disabled_reason = 'NEGATIVE_CREDIT'")
        .execute(&app.db)
        .await
        .unwrap();
    assert_eq!(sweep(&app).await, "ON_THERE");
    let page = sara.get("/admin/upkeep/drift").await.expect(200);
    assert_eq!(page.count("form[action$='taking-over']"), 0);
    settle(&app, &sara, order, "taking-over").await;
    assert_eq!(status(&app, order).await, "DISABLED");
    settle(&app, &sara, order, "setting-there").await;
    assert_eq!(app.simulator.user("reza_ali").unwrap().status, Status::Disabled);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn one_that_is_gone_is_made_again_with_what_was_left(db: PgPool) {
    let (app, order, sara) = sold(db, false).await;
    let end = app.simulator.user("reza_ali").unwrap().expire;
    assert!(app.simulator.traffic("reza_ali", 5 * GB));
    assert_eq!(sweep(&app).await, "");
    assert!(app.state.server.delete_account("reza_ali").await.done().is_some());
    assert_eq!(sweep(&app).await, "MISSING");
    // The server is away at the first try; the answer to the second is lost.
    app.simulator.down().await;
    settle(&app, &sara, order, "setting-there").await;
    let page = sara.get("/admin/upkeep/drift").await.expect(200);
    assert_eq!((page.count(".badge--info"), page.count("article form")), (1, 0), "under way");
    // A call on its way would undo what is asked for now.
    let off = async || {
        let (by, request) = (By::Owner(app.reza.into()), uuid::Uuid::new_v4());
        changes::disable(&app.db, order, by, request, app.clock.now()).await
    };
    assert!(matches!(off().await, Err(ChangeError::Busy)));
    app.simulator.up().await.unwrap();
    app.simulator.drop_after_commit(1);
    for _ in 0..2 {
        app.clock.advance(time::Duration::minutes(1));
        app.run_jobs().await;
    }
    let made = app.simulator.user("reza_ali").unwrap();
    assert_eq!((made.expire, made.data_limit, made.status), (end, Some(25 * GB), Status::Active));
    assert_eq!((sweep(&app).await.as_str(), status(&app, order).await.as_str()), ("", "ACTIVE"));
    // The server has forgotten the 5 GB that were used before; the refund has not.
    let refund = changes::estimate(&app.db, &app.state.server, order, app.clock.now()).await.unwrap().refund;
    assert_eq!(refund.0, PRICE * 25 / 30);
    off().await.unwrap();
    app.run_jobs().await;
    assert_eq!(app.simulator.user("reza_ali").unwrap().status, Status::Disabled);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn one_that_was_gone_before_its_first_connection_is_made_again_and_waits_for_it(db: PgPool) {
    let (app, order, sara) = sold(db, true).await;
    let days = app.simulator.user("reza_ali").unwrap().on_hold_expire_duration;
    assert_eq!(days, Some(30 * 86_400));
    assert!(app.state.server.delete_account("reza_ali").await.done().is_some());
    assert_eq!(sweep(&app).await, "MISSING");
    let page = sara.get("/admin/upkeep/drift").await.expect(200);
    assert_eq!(page.count("form[action$='setting-there']"), 1);
    // The answer to the first try is lost.
    app.simulator.drop_after_commit(1);
    settle(&app, &sara, order, "setting-there").await;
    app.clock.advance(time::Duration::minutes(1));
    app.run_jobs().await;
    let made = app.simulator.user("reza_ali").unwrap();
    assert_eq!((made.status, made.expire, made.on_hold_expire_duration), (Status::OnHold, None, days));
    assert_eq!(made.data_limit, Some(30 * GB));
    assert_eq!((drift(&app).await.as_str(), sweep(&app).await.as_str()), ("", ""));

    // One that is switched off here waits switched off.
    changes::disable(&app.db, order, By::Owner(app.reza.into()), Uuid::new_v4(), app.clock.now())
        .await
        .unwrap();
    app.run_jobs().await;
    assert!(app.state.server.delete_account("reza_ali").await.done().is_some());
    assert_eq!(sweep(&app).await, "MISSING");
    settle(&app, &sara, order, "setting-there").await;
    let made = app.simulator.user("reza_ali").unwrap();
    assert_eq!((made.status, made.on_hold_expire_duration), (Status::Disabled, days));
    assert_eq!((status(&app, order).await.as_str(), sweep(&app).await.as_str()), ("DISABLED", ""));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn one_that_never_was_to_end_is_not_made_again(db: PgPool) {
    let (app, order, sara) = sold(db, true).await;
    sqlx::query("UPDATE marzban_users SET on_hold_seconds = NULL").execute(&app.db).await.unwrap();
    assert!(app.state.server.delete_account("reza_ali").await.done().is_some());
    assert_eq!(sweep(&app).await, "MISSING");
    let page = sara.get("/admin/upkeep/drift").await.expect(200);
    assert_eq!(page.count("form[action$='setting-there']"), 0);
    settle(&app, &sara, order, "setting-there").await;
    assert!(app.simulator.users().is_empty());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn one_that_is_gone_counts_as_deleted_without_refund_where_the_admin_says_so(db: PgPool) {
    let (app, order, sara) = sold(db, false).await;
    assert!(app.state.server.delete_account("reza_ali").await.done().is_some());
    assert_eq!(sweep(&app).await, "MISSING");
    settle(&app, &sara, order, "taking-over").await;
    assert_eq!(status(&app, order).await, "DELETED");
    assert_eq!(app.balance(app.reza).await.total().0, 0, "nothing is paid back");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_of_another_note_tells_nothing_and_is_left_to_the_admins_eyes(db: PgPool) {
    let (app, order, sara) = sold(db, false).await;
    assert!(app.simulator.mutate("reza_ali", |user| {
        user.note = Some("someone else".to_owned());
        user.data_limit = Some(1);
    }));
    assert_eq!(sweep(&app).await, "FOREIGN");
    let page = sara.get("/admin/upkeep/drift").await.expect(200);
    assert!(page.text("article").contains(&format!("RAD order #{order}")) && page.count("article form") == 0);
    settle(&app, &sara, order, "setting-there").await;
    assert_eq!(app.simulator.user("reza_ali").unwrap().data_limit, Some(1));
    assert!(app.simulator.mutate("reza_ali", |user| {
        user.note = Some(format!("RAD order #{order}"));
        user.data_limit = Some(30 * GB);
    }));
    assert_eq!(sweep(&app).await, "");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_first_connection_is_no_drift_and_an_end_given_by_hand_is(db: PgPool) {
    let (app, order, sara) = sold(db, true).await;
    assert_eq!(sweep(&app).await, "");
    assert!(app.simulator.traffic("reza_ali", GB));
    app.simulator.review(app.clock.now());
    assert!(app.simulator.user("reza_ali").unwrap().expire.is_some());
    assert_eq!(sweep(&app).await, "");

    assert!(app.simulator.mutate("reza_ali", |user| user.expire = None));
    assert_eq!(sweep(&app).await, "EXPIRY", "without an end it would never be paid again");
    settle(&app, &sara, order, "setting-there").await;
    assert!(app.simulator.user("reza_ali").unwrap().expire.is_some());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn only_admins_see_and_settle_it(db: PgPool) {
    let (app, order, _) = sold(db, false).await;
    assert!(app.simulator.mutate("reza_ali", |user| user.data_limit = None));
    assert_eq!(sweep(&app).await, "VOLUME");
    for name in ["reza", "mina", "nima"] {
        let client = app.signed_in(name).await;
        client.get("/admin/upkeep/drift").await.expect(403);
        client.post(&format!("/admin/upkeep/drift/{order}/taking-over"), &[]).await.expect(403);
    }
    assert_eq!(app.stranger().get("/admin/upkeep/drift").await.status, 303);
    let sara = app.signed_in("sara").await;
    sara.post("/admin/upkeep/drift/nonsense/taking-over", &[]).await.expect(404);
    sara.post("/admin/upkeep/drift/999999/taking-over", &[]).await.expect(303);
    assert_eq!(drift(&app).await, "VOLUME");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_orders_own_page_shows_what_differs_and_settles_it_there(db: PgPool) {
    let (app, order, sara) = sold(db, false).await;
    let home = format!("/admin/orders/{order}");
    let card = format!("#drift-{order}");
    assert_eq!(sara.get(&home).await.expect(200).count(&card), 0);
    assert!(app.simulator.mutate("reza_ali", |user| user.data_limit = Some(100 * GB)));
    assert_eq!(sweep(&app).await, "VOLUME");
    let page = sara.get(&home).await.expect(200);
    assert!(page.text(&card).contains("۱۰۰ گیگابایت"), "{}", page.text(&card));
    let way = page.attributes(&format!("{card} form"), "action").remove(1);
    assert!(way.ends_with("/taking-over"), "{way}");
    assert_eq!(sara.post(&way, &[("back", "order")]).await.expect(303).location(), home);
    assert_eq!(drift(&app).await, "");
    assert_eq!(sara.get(&home).await.expect(200).count(&card), 0);
    let elsewhere = sara.post(&way, &[("back", "//evil.example")]).await.expect(303);
    assert_eq!(elsewhere.location(), "/admin/upkeep/drift");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_somebody_gave_by_hand_is_still_told_of_after_another_change(db: PgPool) {
    let (app, order, _) = sold(db, false).await;
    assert!(app.simulator.mutate("reza_ali", |user| user.data_limit = Some(100 * GB)));
    let by = || (By::Owner(app.reza.into()), Uuid::new_v4(), app.clock.now());
    // Once before it is seen, and once after.
    for seen in [false, true] {
        let (owner, request, now) = by();
        changes::revoke(&app.db, order, owner, request, now).await.unwrap();
        app.run_jobs().await;
        assert_eq!(drift(&app).await, if seen { "VOLUME" } else { "" });
        assert_eq!(sweep(&app).await, "VOLUME", "{seen}");
    }
    // What the change itself settles is settled.
    assert!(app.simulator.mutate("reza_ali", |user| user.status = Status::Disabled));
    assert_eq!(sweep(&app).await, "OFF_THERE VOLUME");
    let (owner, request, now) = by();
    changes::disable(&app.db, order, owner, request, now).await.unwrap();
    app.run_jobs().await;
    assert_eq!((drift(&app).await.as_str(), sweep(&app).await.as_str()), ("VOLUME", "VOLUME"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn one_that_is_being_made_again_does_not_count_as_deleted(db: PgPool) {
    let (app, order, sara) = sold(db, false).await;
    assert!(app.state.server.delete_account("reza_ali").await.done().is_some());
    assert_eq!(sweep(&app).await, "MISSING");
    app.simulator.drop_after_commit(1);
    settle(&app, &sara, order, "setting-there").await;
    // From a list that was loaded before.
    settle(&app, &sara, order, "taking-over").await;
    assert_eq!(status(&app, order).await, "ACTIVE");
    app.clock.advance(time::Duration::minutes(1));
    app.run_jobs().await;
    assert_eq!((drift(&app).await.as_str(), status(&app, order).await.as_str()), ("", "ACTIVE"));
    assert_eq!(app.simulator.users().len(), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_given_by_hand_just_before_an_account_is_switched_on_again_is_seen(db: PgPool) {
    let (app, order, sara) = sold(db, false).await;
    assert!(app.simulator.mutate("reza_ali", |user| user.status = Status::Disabled));
    assert_eq!(sweep(&app).await, "OFF_THERE");
    assert!(app.simulator.mutate("reza_ali", |user| user.data_limit = None));
    settle(&app, &sara, order, "setting-there").await;
    assert_eq!(app.simulator.user("reza_ali").unwrap().status, Status::Active);
    assert_eq!(sweep(&app).await, "VOLUME");
    // One that became somebody else's meanwhile is not touched.
    assert!(app.simulator.mutate("reza_ali", |user| user.status = Status::Disabled));
    assert_eq!(sweep(&app).await, "OFF_THERE VOLUME");
    assert!(app.simulator.mutate("reza_ali", |user| user.note = None));
    settle(&app, &sara, order, "setting-there").await;
    assert_eq!(app.simulator.user("reza_ali").unwrap().status, Status::Disabled);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_no_that_is_not_about_the_account_tells_nothing_of_it(db: PgPool) {
    let (app, _, _) = sold(db, false).await;
    app.simulator.answer(1000, axum::http::StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(sweep(&app).await, "");
    app.simulator.heal();
    assert_eq!(sweep(&app).await, "");
    app.finish().await;
}
