//! The 24-hour rule: everything off once the time is up, and exactly that back once nothing is owed.

mod relief;

use std::collections::BTreeMap;

use rad_panel::{
    agents,
    demo::simulator::user::Status,
    ids::{OrderId, UserId},
    jobs::schedule::{self, Task},
    ledger::{self, EntryType, Posting, Reference},
    money::Toman,
    orders::{
        changes::{self, By, ChangeError},
        suspension,
    },
    worker,
};
use sqlx::PgPool;
use time::Duration;
use uuid::Uuid;

use super::{Form, PRICE, month, status};
use crate::support::TestApp;

/// Accounts of Reza's that work.
async fn sell(app: &TestApp, count: usize) -> Vec<OrderId> {
    let plan = month(app).await;
    app.give_credit(app.reza, PRICE * i64::try_from(count).unwrap()).await;
    let mut orders = Vec::new();
    for number in 0..count {
        orders.push(Form::new(app.reza, plan, &format!("reza_{number}")).send(app).await.unwrap());
    }
    app.run_jobs().await;
    orders
}

/// Takes credit by hand, so that this is what is left.
async fn leave(app: &TestApp, user: UserId, toman: i64) {
    let mut tx = app.db.begin().await.unwrap();
    let total = app.balance(user).await.total().0;
    let posting = Posting {
        user,
        entry_type: EntryType::ChargeManual,
        confirmed: Toman(toman - total),
        pending: Toman(0),
        reference: Reference::Manual,
        notes: "a correction".to_owned(),
        by: Some(app.sara),
    };
    ledger::post(&mut tx, &posting, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn strike(app: &TestApp) -> usize {
    let asked = suspension::strike(&app.db, app.clock.now()).await.unwrap();
    app.run_jobs().await;
    asked
}

async fn relent(app: &TestApp) -> usize {
    let asked = suspension::relent(&app.db, app.clock.now()).await.unwrap();
    app.run_jobs().await;
    asked
}

/// Each order's state and why it is off.
async fn states(app: &TestApp) -> BTreeMap<i64, String> {
    sqlx::query_as::<_, (i64, String, Option<String>)>("SELECT id, status, disabled_reason FROM orders")
        .fetch_all(&app.db)
        .await
        .unwrap()
        .into_iter()
        .map(|(id, status, reason)| (id, reason.unwrap_or(status)))
        .collect()
}

fn there(app: &TestApp, number: usize) -> Status {
    app.simulator.user(&format!("reza_{number}")).unwrap().status
}

async fn effects(app: &TestApp) -> Vec<(String, i64)> {
    sqlx::query_as(
        "SELECT type, confirmed_delta FROM transactions WHERE type IN ('ORDER_DISABLED', 'ORDER_ENABLED', 'ORDER_REFUND')
         ORDER BY id",
    )
    .fetch_all(&app.db)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_rule_strikes_after_24_hours_and_exactly_what_it_took_comes_back(db: PgPool) {
    let app = TestApp::start(db).await;
    let orders = sell(&app, 3).await;
    // One that he switched off himself stays off, whatever the rule does.
    changes::disable(&app.db, orders[2], By::Owner(app.reza.into()), Uuid::new_v4(), app.clock.now())
        .await
        .unwrap();
    app.run_jobs().await;
    leave(&app, app.reza, -1).await;
    app.clock.advance(Duration::hours(24) - Duration::seconds(1));
    assert_eq!(strike(&app).await, 0, "a second too early");
    app.clock.advance(Duration::seconds(1));
    assert_eq!(strike(&app).await, 2);
    let off = "NEGATIVE_CREDIT".to_owned();
    assert_eq!(
        states(&app).await.into_values().collect::<Vec<_>>(),
        [off.clone(), off, "BY_OWNER".to_owned()]
    );
    assert_eq!((there(&app, 0), there(&app, 1)), (Status::Disabled, Status::Disabled));
    assert_eq!(strike(&app).await, 0, "once is enough");
    assert_eq!(relent(&app).await, 0, "he still owes");
    // Neither he nor the admin opens a side door.
    for by in [By::Owner(app.reza.into()), By::Admin(app.sara.into())] {
        let refused = changes::enable(&app.db, orders[0], by, Uuid::new_v4(), app.clock.now()).await;
        assert!(matches!(refused, Err(ChangeError::NotAllowed)), "{refused:?}");
    }
    leave(&app, app.reza, 0).await;
    assert_eq!(relent(&app).await, 2);
    assert_eq!(
        states(&app).await.into_values().collect::<Vec<_>>(),
        ["ACTIVE".to_owned(), "ACTIVE".to_owned(), "BY_OWNER".to_owned()]
    );
    assert_eq!((there(&app, 0), there(&app, 2)), (Status::Active, Status::Disabled));
    let off = ("ORDER_DISABLED".to_owned(), 0);
    let on = ("ORDER_ENABLED".to_owned(), 0);
    assert_eq!(effects(&app).await, [off.clone(), off.clone(), off, on.clone(), on], "no refund");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_deadline_that_was_put_off_holds(db: PgPool) {
    let app = TestApp::start(db).await;
    sell(&app, 1).await;
    leave(&app, app.reza, -5_000).await;
    let until = app.clock.now() + Duration::hours(30);
    agents::put_off(&app.db, app.reza, Some((until, "جمعه بانک بسته است")), app.sara.into(), app.clock.now())
        .await
        .unwrap();
    app.clock.advance(Duration::hours(29));
    assert_eq!(strike(&app).await, 0);
    app.clock.advance(Duration::hours(1));
    assert_eq!(strike(&app).await, 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_that_marzban_could_not_be_told_about_is_not_marked_and_told_later(db: PgPool) {
    let app = TestApp::start(db).await;
    let orders = sell(&app, 2).await;
    leave(&app, app.reza, -5_000).await;
    app.clock.advance(Duration::hours(25));
    app.simulator.down().await;
    assert_eq!(strike(&app).await, 2);
    assert_eq!(
        (status(&app, orders[0]).await, status(&app, orders[1]).await),
        ("ACTIVE".into(), "ACTIVE".into())
    );
    app.clock.advance(Duration::hours(1));
    assert_eq!(strike(&app).await, 0, "it is asked for already");
    app.simulator.up().await.unwrap();
    app.clock.advance(Duration::minutes(11));
    app.run_jobs().await;
    assert!(states(&app).await.into_values().all(|state| state == "NEGATIVE_CREDIT"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_marzban_has_not_heard_of_is_called_off_when_the_debt_is_paid(db: PgPool) {
    let app = TestApp::start(db).await;
    sell(&app, 2).await;
    leave(&app, app.reza, -5_000).await;
    app.clock.advance(Duration::hours(25));
    app.simulator.down().await;
    assert_eq!(strike(&app).await, 2);
    leave(&app, app.reza, 5_000).await;
    assert_eq!(relent(&app).await, 2);
    app.simulator.up().await.unwrap();
    app.clock.advance(Duration::minutes(11));
    app.run_jobs().await;
    assert!(states(&app).await.into_values().all(|state| state == "ACTIVE"));
    assert_eq!((there(&app, 0), there(&app, 1)), (Status::Active, Status::Active));
    assert_eq!(effects(&app).await, [], "nothing happened to them");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_answer_that_was_lost_ends_as_switched_off_and_comes_back_after_paying(db: PgPool) {
    let app = TestApp::start(db).await;
    sell(&app, 1).await;
    leave(&app, app.reza, -5_000).await;
    app.clock.advance(Duration::hours(25));
    app.simulator.drop_after_commit_of(reqwest::Method::PUT, 1);
    strike(&app).await;
    leave(&app, app.reza, 0).await;
    assert_eq!(relent(&app).await, 0, "whether it is off is not known yet");
    app.clock.advance(Duration::minutes(11));
    app.run_jobs().await;
    assert_eq!(there(&app, 0), Status::Disabled);
    assert_eq!(relent(&app).await, 1);
    assert_eq!(there(&app, 0), Status::Active);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_strike_that_died_in_the_middle_is_taken_up_where_it_ended(db: PgPool) {
    let app = TestApp::start(db).await;
    sell(&app, 40).await;
    leave(&app, app.reza, -5_000).await;
    app.clock.advance(Duration::hours(25));
    let under_way = tokio::spawn({
        let (db, now) = (app.db.clone(), app.clock.now());
        async move { suspension::strike(&db, now).await }
    });
    let asked = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM order_changes").fetch_one(&app.db).await.unwrap()
    };
    while asked().await < 5 {
        tokio::task::yield_now().await;
    }
    under_way.abort();
    let _ = under_way.await;
    let before = asked().await;
    assert!(before < 40, "it was too fast to be caught");
    assert_eq!(i64::try_from(strike(&app).await).unwrap() + before, 40);
    assert!(states(&app).await.into_values().all(|state| state == "NEGATIVE_CREDIT"));
    assert_eq!(effects(&app).await.len(), 40, "each is told of once");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn two_strikes_at_once_and_a_payment_between_reading_and_locking_do_no_harm(db: PgPool) {
    let app = TestApp::start(db).await;
    let orders = sell(&app, 6).await;
    leave(&app, app.reza, -5_000).await;
    app.clock.advance(Duration::hours(25));
    let now = app.clock.now();
    let (a, b) = tokio::join!(suspension::strike(&app.db, now), suspension::strike(&app.db, now));
    assert_eq!(a.unwrap() + b.unwrap(), 6);
    app.run_jobs().await;
    leave(&app, app.reza, 0).await;
    relent(&app).await;
    let refused = changes::disable(&app.db, orders[0], By::Panel, Uuid::new_v4(), app.clock.now()).await;
    assert!(matches!(refused, Err(ChangeError::NotAllowed)), "{refused:?}");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_clock_does_both_and_the_admin_sees_who_is_next(db: PgPool) {
    let app = TestApp::start(db).await;
    sell(&app, 2).await;
    leave(&app, app.reza, -7_000).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/upkeep/debts").await.expect(200);
    let row = page.text(&format!("#debtor-{}", app.reza));
    assert!(row.contains("۷٬۰۰۰") && row.contains("۲ فعال"), "{row}");
    // Which ones: the list of those that work, and of nobody else's.
    let plan = app.plan("دیگر", 30, None, PRICE).await;
    app.give_credit(app.mina, PRICE).await;
    Form::new(app.mina, plan, "mina_1").send(&app).await.unwrap();
    app.run_jobs().await;
    let link = format!("#debtor-{} td:last-child a", app.reza);
    let list = page.attribute(&link, "href");
    let named = sara.get(&list).await.expect(200).texts("#orders td:first-child a");
    assert_eq!(named, ["reza_1", "reza_0"]);
    app.clock.advance(Duration::hours(26));
    worker::tick(&app.state).await;
    app.run_jobs().await;
    let page = sara.get("/admin/upkeep/debts").await.expect(200);
    let row = page.text(&format!("#debtor-{}", app.reza));
    assert!(row.contains("۲ خاموش‌شده"), "{row}");
    assert_eq!(page.count(&link), 0, "nothing is left to be switched off");
    leave(&app, app.reza, 0).await;
    app.clock.advance(Duration::minutes(1));
    worker::tick(&app.state).await;
    app.run_jobs().await;
    assert!(states(&app).await.into_values().all(|state| state == "ACTIVE"));
    assert_eq!(sara.get("/admin/upkeep/debts").await.expect(200).count("tbody tr"), 0);
    assert!(schedule::announce_due(&app.db, app.clock.now()).await.unwrap() == 0);
    assert_eq!(Task::Suspension.next_due(app.clock.now()).minute(), 5, "hourly");
    app.finish().await;
}

/// What Reza was told by the rule, with its counts, oldest first.
async fn told(app: &TestApp) -> Vec<(String, i64)> {
    sqlx::query_as(
        "SELECT kind, (data ->> 'count')::bigint FROM notices WHERE user_id = $1 AND kind LIKE 'ACCOUNTS_%' ORDER BY id",
    )
    .bind(app.reza.0)
    .fetch_all(&app.db)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_agent_is_told_once_that_his_accounts_are_off_and_once_that_they_are_back(db: PgPool) {
    let app = TestApp::start(db).await;
    sell(&app, 3).await;
    leave(&app, app.reza, -1).await;
    app.clock.advance(Duration::hours(24));
    app.simulator.down().await;
    strike(&app).await;
    assert!(told(&app).await.is_empty(), "nothing is off yet");
    app.simulator.up().await.unwrap();
    app.clock.advance(Duration::minutes(11));
    app.run_jobs().await;
    let off = ("ACCOUNTS_DISABLED".to_owned(), 3);
    assert_eq!(told(&app).await, std::slice::from_ref(&off));
    app.clock.advance(Duration::hours(1));
    strike(&app).await;
    assert_eq!(told(&app).await, std::slice::from_ref(&off), "once in a period");
    leave(&app, app.reza, 0).await;
    relent(&app).await;
    relent(&app).await;
    let back = ("ACCOUNTS_BACK".to_owned(), 3);
    assert_eq!(told(&app).await, [off.clone(), back.clone()]);
    let reza = app.signed_in("reza").await;
    let text = reza.get("/notices").await.expect(200).text("#notices");
    assert!(text.contains('۳'), "{text}");
    // The next period is told of anew.
    leave(&app, app.reza, -1).await;
    app.clock.advance(Duration::hours(25));
    strike(&app).await;
    leave(&app, app.reza, 0).await;
    relent(&app).await;
    assert_eq!(told(&app).await, [off.clone(), back.clone(), off, back]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_that_the_server_refuses_does_not_keep_the_news_of_the_others(db: PgPool) {
    let app = TestApp::start(db).await;
    sell(&app, 3).await;
    leave(&app, app.reza, -1).await;
    app.clock.advance(Duration::hours(24));
    app.state.server.delete_account("reza_2").await.done().unwrap();
    strike(&app).await;
    assert_eq!(told(&app).await, [("ACCOUNTS_DISABLED".to_owned(), 2)]);
    app.state.server.delete_account("reza_1").await.done().unwrap();
    leave(&app, app.reza, 0).await;
    relent(&app).await;
    assert_eq!(told(&app).await[1..], [("ACCOUNTS_BACK".to_owned(), 1)]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_he_switches_himself_is_no_news_of_the_rule(db: PgPool) {
    let app = TestApp::start(db).await;
    let orders = sell(&app, 1).await;
    for by in [By::Owner(app.reza.into()), By::Admin(app.sara.into())] {
        changes::disable(&app.db, orders[0], by, Uuid::new_v4(), app.clock.now()).await.unwrap();
        app.run_jobs().await;
        changes::enable(&app.db, orders[0], by, Uuid::new_v4(), app.clock.now()).await.unwrap();
        app.run_jobs().await;
    }
    assert!(told(&app).await.is_empty());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_deadline_that_is_put_off_while_the_server_is_away_calls_off_what_it_has_not_heard_of(db: PgPool) {
    let app = TestApp::start(db).await;
    let orders = sell(&app, 2).await;
    leave(&app, app.reza, -5_000).await;
    app.clock.advance(Duration::hours(25));
    app.simulator.down().await;
    assert_eq!(suspension::strike(&app.db, app.clock.now()).await.unwrap(), 2);
    let until = app.clock.now() + Duration::hours(48);
    agents::put_off(&app.db, app.reza, Some((until, "شنبه می‌پردازد")), app.sara.into(), app.clock.now())
        .await
        .unwrap();
    assert_eq!(suspension::relent(&app.db, app.clock.now()).await.unwrap(), 2);
    app.simulator.up().await.unwrap();
    app.clock.advance(Duration::hours(1));
    assert_eq!(strike(&app).await, 0);
    assert_eq!((there(&app, 0), there(&app, 1)), (Status::Active, Status::Active));
    assert_eq!(status(&app, orders[0]).await, "ACTIVE");
    app.clock.advance(Duration::hours(48));
    assert_eq!(strike(&app).await, 2, "then the time is up");
    assert_eq!(there(&app, 0), Status::Disabled);
    app.finish().await;
}
