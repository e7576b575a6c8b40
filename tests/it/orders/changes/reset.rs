//! The volume anew: a gift of the admin's, given once, to accounts that work and to nobody who owes.

use axum::http::Method;
use rad_panel::{
    demo::simulator::user::{NextPlan, Status},
    orders::Unaffordable,
};

use super::*;

async fn reset(app: &TestApp, order: OrderId) -> Result<(), ChangeError> {
    let now = app.clock.now();
    changes::reset(&app.db, order, app.sara.into(), "هدیه", Uuid::new_v4(), now).await.map(|_| ())
}

fn resets(app: &TestApp) -> usize {
    app.simulator.requests().iter().filter(|request| request.path.ends_with("/reset")).count()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_volume_begins_anew_without_money_and_the_days_stay(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    let before = there(&app);
    app.simulator.traffic(NAME, 31 * GB);
    app.simulator.review(app.clock.now());
    assert_eq!(there(&app).status, Status::Limited);
    reset(&app, order).await.unwrap();
    assert_eq!(last(&app, order).await, "RESET WAITING");
    assert!(matches!(disable(&app, order, owner(&app)).await, Err(ChangeError::Busy)));
    assert_eq!(app.run_jobs().await, 1);
    assert_eq!(last(&app, order).await, "RESET DONE");
    let after = there(&app);
    assert_eq!((after.status, after.used_traffic, after.lifetime_used_traffic), (Status::Active, 0, 31 * GB));
    assert_eq!((after.expire, after.data_limit), (before.expire, before.data_limit));
    let used: i64 =
        sqlx::query_scalar("SELECT data_used_bytes FROM marzban_users").fetch_one(&app.db).await.unwrap();
    assert_eq!(used, 0, "and here it is known at once");
    assert_eq!(entries(&app).await, [entry("ORDER_CREATED", -PRICE)]);
    assert_eq!(life(&app, order).await[2..], ["order.reset", "order.begun_anew"]);
    let asked: (i64, String) =
        sqlx::query_as("SELECT actor_id, detail->>'reason' FROM audit_log WHERE action = 'order.reset'")
            .fetch_one(&app.db)
            .await
            .unwrap();
    assert_eq!(asked, (app.sara.0, "هدیه".to_owned()));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_used_after_a_lost_answer_is_not_given_away_too(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    for (committed, left) in [(false, 0), (true, 2 * GB)] {
        app.simulator.traffic(NAME, 5 * GB);
        app.simulator.forget_requests();
        reset(&app, order).await.unwrap();
        if committed {
            app.simulator.drop_after_commit_of(Method::POST, 1);
        } else {
            app.simulator.drop_before_work_of(Method::POST, 1);
        }
        app.run_jobs().await;
        assert_eq!(last(&app, order).await, "RESET WAITING", "{committed}");
        app.simulator.traffic(NAME, 2 * GB);
        assert_eq!(later(&app).await, 1);
        assert_eq!(last(&app, order).await, "RESET DONE", "{committed}");
        assert_eq!(
            (there(&app).used_traffic, resets(&app)),
            (left, 2 - usize::from(committed)),
            "{committed}"
        );
    }
    // With this order of events the second gift begins where the first has ended.
    reset(&app, order).await.unwrap();
    app.run_jobs().await;
    assert_eq!(there(&app).used_traffic, 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_that_was_switched_off_on_the_server_does_not_wake(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    let next = NextPlan { data_limit: GB, expire: None, add_remaining_traffic: false, fire_on_either: true };
    app.simulator.traffic(NAME, GB);
    app.simulator.mutate(NAME, |user| {
        user.status = Status::Disabled;
        user.next_plan = Some(next.clone());
    });
    reset(&app, order).await.unwrap();
    // The answer of the reset that wakes it is lost: it is switched off again at once.
    app.simulator.drop_after_commit_of(Method::POST, 1);
    app.run_jobs().await;
    assert_eq!(last(&app, order).await, "RESET WAITING");
    let user = there(&app);
    assert_eq!((user.status, user.used_traffic, user.next_plan), (Status::Disabled, 0, Some(next)));
    // Were that lost too, the second attempt would find it awake, and its volume anew already.
    app.simulator.mutate(NAME, |user| user.status = Status::Active);
    app.simulator.traffic(NAME, GB);
    later(&app).await;
    assert_eq!(last(&app, order).await, "RESET DONE");
    let user = there(&app);
    assert_eq!((user.status, user.used_traffic, resets(&app)), (Status::Disabled, GB, 1));
    assert_eq!(status(&app, order).await, "ACTIVE", "here nobody switched it off");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_that_waits_for_its_first_connection_is_not_made_endless(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold_as(&app, 0, true).await;
    reset(&app, order).await.unwrap();
    app.run_jobs().await;
    assert_eq!(last(&app, order).await, "RESET DONE", "nothing was used");
    // Connected this moment: the server has not noticed yet.
    app.simulator.traffic(NAME, GB);
    reset(&app, order).await.unwrap();
    app.run_jobs().await;
    assert_eq!(last(&app, order).await, "RESET REFUSED REFUSED");
    assert_eq!((there(&app).status, resets(&app)), (Status::OnHold, 0));
    app.simulator.review(app.clock.now());
    let end = there(&app).expire;
    assert!(end.is_some());
    reset(&app, order).await.unwrap();
    app.run_jobs().await;
    assert_eq!((last(&app, order).await.as_str(), there(&app).expire), ("RESET DONE", end));
    assert_eq!(there(&app).used_traffic, 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn nothing_is_given_to_what_is_switched_off_or_gone_nor_twice_by_one_form(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    let (form, now) = (Uuid::new_v4(), app.clock.now());
    let sent = || changes::reset(&app.db, order, app.sara.into(), "", form, now);
    let first = sent().await.unwrap();
    assert_eq!(sent().await.unwrap(), first);
    assert!(matches!(reset(&app, order).await, Err(ChangeError::Busy)));
    assert_eq!(app.run_jobs().await, 1);
    assert_eq!(sent().await.unwrap(), first);
    assert_eq!(app.run_jobs().await, 0);
    let revoked = changes::revoke(&app.db, order, admin(&app), form, now).await;
    assert!(matches!(revoked, Err(ChangeError::FormUsed { .. })));

    app.simulator.traffic(NAME, GB);
    disable(&app, order, owner(&app)).await.unwrap();
    app.run_jobs().await;
    assert!(matches!(reset(&app, order).await, Err(ChangeError::SwitchedOff)));
    remove_there(&app).await;
    delete(&app, order).await.unwrap();
    app.run_jobs().await;
    assert!(matches!(reset(&app, order).await, Err(ChangeError::WrongStatus { .. })));
    assert!(matches!(reset(&app, OrderId(987_654)).await, Err(ChangeError::NotFound)));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn nothing_is_given_to_an_agent_below_zero(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, 0).await;
    app.simulator.traffic(NAME, GB);
    app.give_credit(app.reza, -1).await;
    let refused = reset(&app, order).await;
    let below = Unaffordable::BelowZero { owed: Toman(1) };
    assert_eq!(refused.unwrap_err().to_string(), ChangeError::from(below).to_string());
    assert_eq!(history(&app, order).await, Vec::new());
    // Below zero only after it was asked for, and before the server had heard of it.
    app.give_credit(app.reza, 1).await;
    reset(&app, order).await.unwrap();
    app.simulator.down().await;
    app.run_jobs().await;
    assert_eq!(last(&app, order).await, "RESET WAITING");
    app.simulator.up().await.unwrap();
    app.give_credit(app.reza, -1).await;
    later(&app).await;
    assert_eq!(last(&app, order).await, "RESET CANCELLED");
    assert_eq!((there(&app).used_traffic, resets(&app)), (GB, 0));
    // The house owes nobody.
    let house = Form::new(app.sara, plan, "house_one").send(&app).await.unwrap();
    app.run_jobs().await;
    assert!(credit(&app, app.sara).await < 0);
    app.simulator.traffic("house_one", GB);
    reset(&app, house).await.unwrap();
    app.run_jobs().await;
    assert_eq!(app.simulator.user("house_one").unwrap().used_traffic, 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_version_that_does_not_know_a_kind_of_change_leaves_it_waiting(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    app.simulator.traffic(NAME, GB);
    reset(&app, order).await.unwrap();
    // To this version it is what RESET is to the one before.
    sqlx::raw_sql(
        "ALTER TABLE order_changes DROP CONSTRAINT order_changes_kind_known;
         UPDATE order_changes SET kind = 'OF_TOMORROW'",
    )
    .execute(&app.db)
    .await
    .unwrap();
    assert_eq!(app.run_jobs().await, 1);
    assert_eq!(later(&app).await, 1);
    assert_eq!(last(&app, order).await, "OF_TOMORROW WAITING");
    assert!(app.simulator.requests().is_empty());
    sqlx::query("UPDATE order_changes SET kind = 'RESET'").execute(&app.db).await.unwrap();
    assert_eq!(later(&app).await, 1);
    assert_eq!((last(&app, order).await.as_str(), there(&app).used_traffic), ("RESET DONE", 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn only_the_admin_finds_it_on_an_orders_page(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    app.simulator.traffic(NAME, GB);
    let (home, path) = (format!("/admin/orders/{order}"), format!("/admin/orders/{order}/reset"));
    let id = Uuid::new_v4().to_string();
    for name in ["reza", "mina", "nima"] {
        let client = app.signed_in(name).await;
        client.get(&path).await.expect(403);
        client.post(&path, &[("request_id", &id)]).await.expect(403);
    }
    let reza = app.signed_in("reza").await;
    let own = reza.get(&format!("/agent/users/{order}")).await.expect(200);
    assert_eq!(own.count("#actions a[href$=reset]"), 0);
    reza.post(&format!("/agent/users/{order}/reset"), &[("request_id", &id)]).await.expect(404);

    let sara = app.signed_in("sara").await;
    assert_eq!(sara.get(&home).await.expect(200).attribute("#actions a[href$=reset]", "href"), path);
    let page = sara.get(&path).await.expect(200);
    let id = page.attribute("input[name=request_id]", "value");
    let long = "د".repeat(301);
    let wrong = sara.post(&path, &[("request_id", &id), ("reason", &long)]).await.expect(422);
    assert_eq!((wrong.count("#reason-error"), wrong.text("#reason")), (1, long));
    assert_eq!(wrong.attribute("input[name=request_id]", "value"), id);
    let sent = sara.post(&path, &[("request_id", &id), ("reason", "قطعی دیروز")]).await.expect(303);
    assert_eq!(sent.location(), home);
    assert_eq!(sara.get(&home).await.expect(200).count("#changing"), 1);
    assert_eq!(sara.get(&path).await.expect(200).count("form[action$=reset]"), 0, "one at a time");
    app.run_jobs().await;
    let done = sara.get(&home).await.expect(200);
    let life = done.text("#life");
    assert!(life.contains("صفر شد") && life.contains("قطعی دیروز"), "{life}");
    let own = reza.get(&format!("/agent/users/{order}")).await.expect(200);
    assert!(own.text("#changes").contains("صفر کردن مصرف"), "{}", own.text("#changes"));

    app.give_credit(app.reza, -5_000).await;
    assert!(sara.get(&path).await.expect(200).text("#trouble").contains("۵٬۰۰۰ تومان"));
    let id = Uuid::new_v4().to_string();
    let refused = sara.post(&path, &[("request_id", &id)]).await.expect(303);
    assert!(sara.get(refused.location()).await.expect(200).text(".flash--bad").contains("بدهکار"));
    app.give_credit(app.reza, 5_000).await;
    sqlx::query("UPDATE marzban_users SET data_limit_bytes = NULL").execute(&app.db).await.unwrap();
    assert_eq!(
        sara.get(&home).await.expect(200).count("#actions a[href$=reset]"),
        0,
        "nothing to begin anew"
    );
    sqlx::query("UPDATE marzban_users SET data_limit_bytes = 1").execute(&app.db).await.unwrap();
    assert_eq!(sara.get(&home).await.expect(200).count("#actions a[href$=reset]"), 1);
    disable(&app, order, admin(&app)).await.unwrap();
    app.run_jobs().await;
    assert!(sara.get(&path).await.expect(200).text("#trouble").contains("اول روشنش کنید"));
    assert_eq!(sara.get(&home).await.expect(200).count("#actions a[href$=reset]"), 0);
    app.finish().await;
}
