//! Placing: what is charged, what is refused, what is sent twice.

use futures_util::future::join_all;
use rad_panel::{
    accounts,
    ids::{OrderId, PaymentId, UserId},
    ledger::{self, EntryType, Posting, Reference},
    money::Toman,
    orders::{PlaceError, UsernameError},
};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::{Form, PRICE, month, order_count, order_entries};
use crate::support::TestApp;

/// A panel with many connections; the pool that a test is given has few.
async fn crowd(connect: PgConnectOptions) -> TestApp {
    TestApp::start(PgPoolOptions::new().max_connections(25).connect_with(connect).await.unwrap()).await
}

/// Its connections must be gone before the database can be removed.
async fn finish_crowd(app: TestApp) {
    let db = app.db.clone();
    app.finish().await;
    db.close().await;
}

/// A payment that waits for the admin.
async fn claim(app: &TestApp, user: UserId, toman: i64) {
    let mut tx = app.db.begin().await.unwrap();
    let payment = sqlx::query_scalar!(
        r#"WITH method AS (
               INSERT INTO payment_methods (type, alias, holder, card_number)
               VALUES ('CARD', 'a card', 'a holder', '6037997512345670') RETURNING id
           ), receipt AS (
               INSERT INTO receipts (storage_key, uploaded_by, content_type, size_bytes, sha256, created_at)
               VALUES (gen_random_uuid(), $1, 'image/png', 1, decode(repeat('ab', 32), 'hex'), $3) RETURNING id
           )
           INSERT INTO payments (user_id, payment_method_id, receipt_id, amount, request_id, created_at)
           SELECT $1, method.id, receipt.id, $2, gen_random_uuid(), $3 FROM method, receipt
           RETURNING id AS "id: PaymentId""#,
        user.0,
        toman,
        app.clock.now()
    )
    .fetch_one(&mut *tx)
    .await
    .unwrap();
    let posting = Posting {
        user,
        entry_type: EntryType::ChargePending,
        confirmed: Toman::ZERO,
        pending: Toman(toman),
        reference: Reference::Payment(payment),
        notes: String::new(),
        by: Some(user),
    };
    ledger::post(&mut tx, &posting, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn fifty_orders_at_once_on_credit_for_ten_make_ten(_: PgPoolOptions, connect: PgConnectOptions) {
    let app = crowd(connect).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, 10 * PRICE).await;
    let forms: Vec<Form> = (0..50).map(|n| Form::new(app.reza, plan, &format!("reza_{n:02}"))).collect();
    let results = join_all(forms.iter().map(|form| form.send(&app))).await;
    let placed = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(placed, 10);
    for result in results.iter().filter_map(|result| result.as_ref().err()) {
        assert!(matches!(result, PlaceError::NotEnough { missing: Toman(PRICE) }), "{result:?}");
    }
    assert_eq!(order_count(&app).await, 10);
    assert_eq!(app.balance(app.reza).await.total(), Toman::ZERO);
    assert_eq!(app.run_jobs().await, 10);
    assert_eq!(app.simulator.users().len(), 10);
    finish_crowd(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_same_form_many_times_at_once_is_one_order(_: PgPoolOptions, connect: PgConnectOptions) {
    let app = crowd(connect).await;
    let form = Form::new(app.reza, month(&app).await, "reza_ali");
    app.give_credit(app.reza, 10 * PRICE).await;
    let results = join_all((0..10).map(|_| form.send(&app))).await;
    let first = *results[0].as_ref().unwrap();
    assert!(results.iter().all(|result| *result.as_ref().unwrap() == first));
    assert_eq!(order_entries(&app, app.reza).await, [("ORDER_CREATED".to_owned(), -PRICE)]);
    app.run_jobs().await;
    assert_eq!(form.send(&app).await.unwrap(), first, "also when the account exists");
    assert_eq!(app.run_jobs().await, 0);
    finish_crowd(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_form_that_was_changed_after_it_was_sent_makes_no_silent_order(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let form = Form::new(app.reza, month(&app).await, "reza_ali");
    app.give_credit(app.reza, 10 * PRICE).await;
    let first = form.send(&app).await.unwrap();
    let changed = Form { username: "reza_mahsa".to_owned(), ..form };
    assert!(matches!(changed.send(&app).await, Err(PlaceError::FormUsed { order }) if order == first));
    assert_eq!(order_count(&app).await, 1);
    app.run_jobs().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn one_name_for_two_agents_at_once_is_one_order(_: PgPoolOptions, connect: PgConnectOptions) {
    let app = crowd(connect).await;
    let plan = month(&app).await;
    for round in 0..10 {
        app.give_credit(app.reza, PRICE).await;
        app.give_credit(app.mina, PRICE).await;
        let name = format!("shared_{round}");
        let (reza, mina) = (Form::new(app.reza, plan, &name), Form::new(app.mina, plan, &name));
        let (reza, mina) = tokio::join!(reza.send(&app), mina.send(&app));
        let (winner, loser) = if reza.is_ok() { (reza, mina) } else { (mina, reza) };
        assert!(winner.is_ok() && matches!(loser, Err(PlaceError::UsernameTaken)), "{winner:?} {loser:?}");
    }
    assert_eq!(app.balance(app.reza).await.total() + app.balance(app.mina).await.total(), Toman(10 * PRICE));
    app.run_jobs().await;
    finish_crowd(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_order_too_dear_is_told_what_is_missing(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let form = Form::new(app.reza, month(&app).await, "reza_ali");
    app.give_credit(app.reza, PRICE - 1).await;
    assert!(matches!(form.send(&app).await, Err(PlaceError::NotEnough { missing: Toman(1) })));
    app.give_credit(app.reza, 1).await;
    form.send(&app).await.unwrap();
    assert_eq!(app.balance(app.reza).await.confirmed, Toman::ZERO);
    app.run_jobs().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_agent_below_zero_orders_nothing(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let form = Form::new(app.reza, month(&app).await, "reza_ali");
    app.give_credit(app.reza, -25_000).await;
    assert!(matches!(form.send(&app).await, Err(PlaceError::BelowZero { owed: Toman(25_000) })));
    assert_eq!(order_count(&app).await, 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_agent_spends_pending_credit_up_to_the_ceiling_and_an_end_user_none(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    sqlx::query!("UPDATE agents SET pending_ceiling = $2 WHERE user_id = $1", app.reza.0, 2 * PRICE + 1)
        .execute(&app.db)
        .await
        .unwrap();
    claim(&app, app.reza, 10 * PRICE).await;
    for name in ["reza_1", "reza_2"] {
        Form::new(app.reza, plan, name).send(&app).await.unwrap();
    }
    let third = Form::new(app.reza, plan, "reza_3").send(&app).await;
    assert!(
        matches!(third, Err(PlaceError::NotEnough { missing }) if missing == Toman(PRICE - 1)),
        "{third:?}"
    );
    assert_eq!(app.balance(app.reza).await.confirmed, Toman(-2 * PRICE));

    claim(&app, app.nima, 10 * PRICE).await;
    let public = PRICE * 3 / 2;
    let nimas = Form { price_seen: public, ..Form::new(app.nima, plan, "nima_1") };
    assert!(
        matches!(nimas.send(&app).await, Err(PlaceError::NotEnough { missing }) if missing == Toman(public))
    );
    app.give_credit(app.nima, public).await;
    nimas.send(&app).await.unwrap();
    assert_eq!(app.balance(app.nima).await.confirmed, Toman::ZERO, "an end user pays the public price");
    app.run_jobs().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admins_own_orders_may_take_her_below_zero(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    for name in ["shop_1", "shop_2"] {
        Form::new(app.sara, plan, name).send(&app).await.unwrap();
    }
    assert_eq!(app.balance(app.sara).await.confirmed, Toman(-2 * PRICE));
    app.run_jobs().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn nobody_pays_a_price_she_has_not_seen(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    let form = Form::new(app.reza, plan, "reza_ali");
    app.give_credit(app.reza, 10 * PRICE).await;
    sqlx::query!("UPDATE plans SET price_agent = price_agent + 1000 WHERE id = $1", plan.0)
        .execute(&app.db)
        .await
        .unwrap();
    let now = Toman(PRICE + 1000);
    assert!(matches!(form.send(&app).await, Err(PlaceError::PriceChanged { now: told }) if told == now));
    let again = Form { price_seen: now.0, ..form.clone() };
    let first: OrderId = again.send(&app).await.unwrap();
    assert_eq!(app.balance(app.reza).await.confirmed, Toman(9 * PRICE - 1000));

    sqlx::query!("UPDATE plans SET status = 'INACTIVE' WHERE id = $1", plan.0)
        .execute(&app.db)
        .await
        .unwrap();
    let late = Form { price_seen: now.0, ..Form::new(app.reza, plan, "reza_late") };
    assert!(matches!(late.send(&app).await, Err(PlaceError::PlanInactive)));
    assert_eq!(again.send(&app).await.ok(), Some(first), "what was bought stays bought");
    app.run_jobs().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_disabled_agent_orders_nothing(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let form = Form::new(app.reza, month(&app).await, "reza_ali");
    app.give_credit(app.reza, PRICE).await;
    accounts::disable(&app.db, app.reza, app.sara, app.clock.now()).await.unwrap();
    assert!(matches!(form.send(&app).await, Err(PlaceError::BuyerDisabled)));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_name_gets_the_agents_prefix_and_latin_digits(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, 10 * PRICE).await;
    sqlx::query!("UPDATE agents SET username_prefix = 'rz_' WHERE user_id = $1", app.reza.0)
        .execute(&app.db)
        .await
        .unwrap();
    for (typed, stored) in [(" Ali۱۲ ", "rz_ali12"), ("RZ_mahsa٣", "rz_mahsa3")] {
        let id = Form::new(app.reza, plan, typed).send(&app).await.unwrap();
        let name = sqlx::query_scalar!("SELECT marzban_username FROM orders WHERE id = $1", id.0);
        assert_eq!(name.fetch_one(&app.db).await.unwrap(), stored);
    }
    let wrong = Form::new(app.reza, plan, "علی").send(&app).await;
    assert!(matches!(wrong, Err(PlaceError::Username(UsernameError::Characters))));
    let taken = Form::new(app.reza, plan, "ALI12").send(&app).await;
    assert!(matches!(taken, Err(PlaceError::UsernameTaken)), "capitals make no other name");
    assert_eq!(app.balance(app.reza).await.confirmed, Toman(8 * PRICE));
    app.run_jobs().await;
    app.finish().await;
}
