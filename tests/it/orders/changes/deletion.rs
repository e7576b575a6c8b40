//! Deleting: what was not used is paid back within a day, when the account is definitely gone, once.

use axum::http::Method;
use futures_util::future::join_all;
use rad_panel::panel::Cause;

use super::*;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_left_of_time_and_volume_is_paid_back_by_the_smaller_share(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    app.clock.advance(time::Duration::hours(12));
    app.simulator.traffic(NAME, 6 * GB);
    // A reset on the server does not bring back what was used.
    app.simulator.mutate(NAME, |user| user.reset());
    delete(&app, order).await.unwrap();
    assert_eq!(credit(&app, app.reza).await, 0, "not before the account is gone");
    assert_eq!(app.run_jobs().await, 1);
    assert!(app.simulator.users().is_empty());
    assert_eq!(status(&app, order).await, "DELETED");
    let refund = PRICE * 24 / 30;
    assert_eq!(entries(&app).await, [entry("ORDER_CREATED", -PRICE), entry("ORDER_REFUND", refund)]);
    assert_eq!(life(&app, order).await[2..], ["order.delete", "order.deleted"]);
    // The name is free again.
    app.give_credit(app.reza, PRICE).await;
    let plan = app.plan("باز", 30, None, PRICE).await;
    Form::new(app.reza, plan, NAME).send(&app).await.unwrap();
    app.run_jobs().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn after_a_day_nothing_is_paid_back(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    app.clock.advance(time::Duration::hours(24));
    delete(&app, order).await.unwrap();
    app.run_jobs().await;
    assert_eq!(status(&app, order).await, "DELETED");
    assert_eq!(entries(&app).await.len(), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn one_that_was_never_connected_is_paid_back_whole_and_its_renewal_is_not(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold_as(&app, PRICE, true).await;
    renew(&app, order, plan).await.unwrap();
    app.run_jobs().await;
    app.clock.advance(time::Duration::hours(23));
    delete(&app, order).await.unwrap();
    app.run_jobs().await;
    assert_eq!(credit(&app, app.reza).await, PRICE);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_days_of_a_renewal_do_not_count_as_left(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE).await;
    app.clock.advance(time::Duration::hours(18));
    renew(&app, order, plan).await.unwrap();
    app.run_jobs().await;
    delete(&app, order).await.unwrap();
    app.run_jobs().await;
    let left = 30 * 24 - 18;
    assert_eq!(credit(&app, app.reza).await, PRICE * left / (30 * 24));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn where_the_server_cannot_be_read_nothing_is_deleted_and_nothing_paid(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    app.simulator.down().await;
    assert!(matches!(delete(&app, order).await, Err(ChangeError::Unreadable(Cause::ConnectFailed))));
    app.simulator.up().await.unwrap();
    app.simulator.answer_500(1000);
    assert!(matches!(delete(&app, order).await, Err(ChangeError::Unreadable(Cause::Server5xx))));
    app.simulator.heal();
    app.simulator.mutate(NAME, |user| user.note = Some("mine".to_owned()));
    assert!(matches!(delete(&app, order).await, Err(ChangeError::NotOurs)));
    assert_eq!(history(&app, order).await, Vec::new());
    assert_eq!((status(&app, order).await.as_str(), app.simulator.users().len()), ("ACTIVE", 1));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_that_is_gone_already_is_deleted_here_without_refund(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    remove_there(&app).await;
    delete(&app, order).await.unwrap();
    app.run_jobs().await;
    assert_eq!(status(&app, order).await, "DELETED");
    assert_eq!(credit(&app, app.reza).await, 0, "nobody knows what was used");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_answer_that_is_lost_before_or_after_the_deletion_pays_once_what_was_fixed(db: PgPool) {
    let app = TestApp::start(db).await;
    for committed in [false, true] {
        let (order, _) = sold(&app, 0).await;
        delete(&app, order).await.unwrap();
        if committed {
            app.simulator.drop_after_commit_of(Method::DELETE, 1);
        } else {
            app.simulator.drop_before_work_of(Method::DELETE, 1);
        }
        app.run_jobs().await;
        assert_eq!(last(&app, order).await, "DELETE WAITING");
        assert_eq!(app.simulator.users().len(), usize::from(!committed));
        assert_eq!(credit(&app, app.reza).await, 0, "not while nobody knows");
        app.clock.advance(time::Duration::hours(30));
        app.run_jobs().await;
        assert_eq!(status(&app, order).await, "DELETED");
        assert_eq!(credit(&app, app.reza).await, PRICE, "reckoned when it was asked for");
        app.give_credit(app.reza, -PRICE).await;
        sqlx::query("UPDATE plans SET name = name || id, status = 'INACTIVE'")
            .execute(&app.db)
            .await
            .unwrap();
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_without_owner_is_out_of_the_core_before_its_refund_is_paid(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    assert!(app.simulator.mutate(NAME, |user| user.admin = None));
    delete(&app, order).await.unwrap();
    // The call that gives it an owner is lost: nothing is deleted, and nothing paid.
    app.simulator.drop_before_work_of(Method::PUT, 1);
    app.run_jobs().await;
    assert_eq!((last(&app, order).await.as_str(), credit(&app, app.reza).await), ("DELETE WAITING", 0));
    assert_eq!(app.simulator.working(), [NAME]);
    later(&app).await;
    assert_eq!((status(&app, order).await.as_str(), credit(&app, app.reza).await), ("DELETED", PRICE));
    assert_eq!(app.simulator.working(), Vec::<String>::new());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_no_after_a_deletion_whose_answer_was_lost_takes_no_refund_away(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    delete(&app, order).await.unwrap();
    app.simulator.drop_after_commit_of(Method::DELETE, 1);
    app.run_jobs().await;
    app.simulator.answer(1000, axum::http::StatusCode::FORBIDDEN);
    assert_eq!(later(&app).await, 1);
    assert_eq!(last(&app, order).await, "DELETE WAITING");
    app.simulator.heal();
    assert_eq!(later(&app).await, 1);
    assert_eq!((status(&app, order).await.as_str(), credit(&app, app.reza).await), ("DELETED", PRICE));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_deletion_that_the_server_refuses_pays_nothing_and_can_be_asked_for_again(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    delete(&app, order).await.unwrap();
    app.simulator.mutate(NAME, |user| user.note = None);
    app.run_jobs().await;
    assert_eq!(last(&app, order).await, "DELETE REFUSED NOT_OURS");
    assert_eq!((status(&app, order).await.as_str(), credit(&app, app.reza).await), ("ACTIVE", 0));
    app.simulator.mutate(NAME, |user| user.note = Some(format!("RAD order #{order}")));
    delete(&app, order).await.unwrap();
    app.run_jobs().await;
    assert_eq!(credit(&app, app.reza).await, PRICE);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn less_than_what_the_form_showed_is_not_paid_without_asking(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    app.simulator.traffic(NAME, 15 * GB);
    let refused = delete_by(&app, order, owner(&app), Some(PRICE)).await;
    assert!(matches!(refused, Err(ChangeError::RefundChanged { now: Toman(now) }) if now == PRICE / 2));
    delete_by(&app, order, owner(&app), Some(PRICE / 2)).await.unwrap();
    app.run_jobs().await;
    assert_eq!(credit(&app, app.reza).await, PRICE / 2);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_same_form_twice_at_once_deletes_once(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    let deletion = Deletion { order, refund_seen: None, request_id: Uuid::new_v4() };
    let now = app.clock.now();
    let delete = || changes::delete(&app.db, &app.state.server, &deletion, owner(&app), now);
    let results = join_all((0..4).map(|_| delete())).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    app.run_jobs().await;
    assert!(delete().await.is_ok(), "and shows the same when it is long done");
    assert_eq!(history(&app, order).await.len(), 1);
    assert_eq!(credit(&app, app.reza).await, PRICE);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_refund_goes_to_the_wallet_that_was_charged_also_after_a_move(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    let now = app.clock.now();
    changes::move_to(&app.db, order, app.mina, app.sara.into(), "رضا رفت", now).await.unwrap();
    delete_by(&app, order, By::Owner(app.mina.into()), None).await.unwrap();
    app.run_jobs().await;
    assert_eq!((credit(&app, app.reza).await, credit(&app, app.mina).await), (PRICE, 0));
    app.finish().await;
}
