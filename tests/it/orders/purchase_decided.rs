//! What the decision about a payment makes of the order that it is for.

use rad_panel::{
    ids::{OrderId, PaymentId, PlanId},
    money::Toman,
    orders::purchase,
    payments::{self as verbs, ApprovalInput, DecideError},
};
use sqlx::PgPool;

use super::{
    Form, PRICE, month, order_entries,
    purchase::{BuyForm, PUBLIC, order_in, pay, reserve},
    status,
};
use crate::{
    payments::{self, card, crypto, wallet},
    support::{Client, TestApp},
};

/// Nima has ordered and sent a receipt.
async fn claimed(db: PgPool) -> (TestApp, Client, OrderId, PaymentId) {
    let app = TestApp::start(db).await;
    month(&app).await;
    card(&app.db, "ملی").await;
    let nima = app.signed_in("nima").await;
    let order = reserve(&nima, "nima_1").await;
    pay(&nima, order, 1).await.expect(303);
    let payment = newest(&app).await;
    (app, nima, order, payment)
}

async fn plan_of(app: &TestApp, order: OrderId) -> PlanId {
    let plan = sqlx::query_scalar!(r#"SELECT plan_id AS "id: PlanId" FROM orders WHERE id = $1"#, order.0);
    plan.fetch_one(&app.db).await.unwrap()
}

async fn newest(app: &TestApp) -> PaymentId {
    *payments::payments_of(app, app.nima).await.last().unwrap()
}

async fn approve(app: &TestApp, payment: PaymentId, actual: Option<i64>) -> Result<(), DecideError> {
    let input = ApprovalInput { actual: actual.map(Toman), note: None };
    verbs::approve(&app.db, payment, app.sara, input, app.clock.now()).await
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn less_than_the_price_waits_for_the_rest_and_more_stays_in_the_wallet(db: PgPool) {
    let (app, nima, order, payment) = claimed(db).await;
    let sara = app.signed_in("sara").await;
    let path = format!("/admin/payments/{payment}/approval");
    sara.post(&path, &[("actual", "۱۰۰٬۰۰۰")]).await.expect(303);
    let flash = sara.get("/admin/payments").await.expect(200).text("#flash");
    assert!(flash.contains("۳۵٬۰۰۰"), "{flash}");
    assert_eq!(status(&app, order).await, "AWAITING_PAYMENT");
    let page = nima.get(&format!("/user/accounts/{order}")).await.expect(200);
    assert!(page.text("#unpaid").contains("۳۵٬۰۰۰"), "{}", page.body);
    let form = nima.get(&format!("/user/payments/new?order={order}")).await.expect(200);
    assert_eq!(form.attribute("#amount", "value"), "۳۵٬۰۰۰");
    pay(&nima, order, 2).await.expect(303);
    approve(&app, newest(&app).await, Some(50_000)).await.unwrap();
    assert_eq!(status(&app, order).await, "PROVISIONING");
    assert_eq!(wallet(&app, app.nima).await, (15_000, 0));
    app.run_jobs().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_bonus_of_a_crypto_payment_counts_when_it_is_approved(db: PgPool) {
    let app = TestApp::start(db).await;
    month(&app).await;
    crypto(&app.db).await;
    let nima = app.signed_in("nima").await;
    let order = reserve(&nima, "nima_1").await;
    let page = nima.get(&format!("/user/payments/new?order={order}")).await.expect(200);
    let form = payments::Form::of(&page);
    let bare = form.send_file(&nima, "a.png", &payments::screenshot(1)).await.expect(422);
    assert!(bare.count("#transaction_hash-error") == 1 && bare.count("#order-due") == 1);
    let form = payments::Form::of(&bare).with("transaction_hash", "0xabc123");
    form.send(&nima).await.expect(303);
    approve(&app, newest(&app).await, Some(PUBLIC - 10_000)).await.unwrap();
    assert_eq!(wallet(&app, app.nima).await, (12_500 - 10_000, 0));
    app.run_jobs().await;
    assert_eq!(status(&app, order).await, "ACTIVE");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_rejection_cancels_the_order_says_why_and_one_press_sends_it_again(db: PgPool) {
    let (app, nima, order, payment) = claimed(db).await;
    let sara = app.signed_in("sara").await;
    let reason = [("reason", "پول نرسیده است.")];
    sara.post(&format!("/admin/payments/{payment}/rejection"), &reason).await.expect(303);
    assert_eq!(status(&app, order).await, "CANCELLED");
    let own = nima.get(&format!("/user/accounts/{order}")).await.expect(200);
    assert!(own.text("#cancelled").contains("پول نرسیده است."));
    let page = nima.get("/user/payments").await.expect(200);
    assert!(page.text(&format!("#payment-{payment}")).contains("پول نرسیده است."));
    let value = |name: &str| page.attribute(&format!("#payment-{payment} [name={name}]"), "value");
    let again = BuyForm { request_id: value("request_id"), plan: value("plan"), username: value("username") };
    let (one, two) = tokio::join!(again.send(&nima, ""), again.send(&nima, ""));
    assert_eq!(one.expect(303).location(), two.expect(303).location());
    let second = order_in(again.send(&nima, "").await.expect(303).location());
    assert_ne!(second, order);
    assert_eq!(own.attribute("#cancelled [name=request_id]", "value"), again.request_id);
    pay(&nima, second, 2).await.expect(303);
    approve(&app, newest(&app).await, None).await.unwrap();
    app.run_jobs().await;
    assert_eq!((status(&app, second).await.as_str(), wallet(&app, app.nima).await), ("ACTIVE", (0, 0)));
    assert!(app.simulator.user("nima_1").is_some());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_receipt_taken_back_cancels_the_order_unless_another_waits(db: PgPool) {
    let (app, nima, order, first) = claimed(db).await;
    app.give_credit(app.nima, -50_000).await;
    pay(&nima, order, 2).await.expect(303);
    let second = newest(&app).await;
    nima.post(&format!("/user/payments/{first}/withdrawal"), &[]).await.expect(303);
    assert_eq!(status(&app, order).await, "AWAITING_PAYMENT");
    nima.post(&format!("/user/payments/{second}/withdrawal"), &[]).await.expect(303);
    assert_eq!(status(&app, order).await, "CANCELLED");
    assert_eq!(wallet(&app, app.nima).await, (-50_000, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_price_that_was_shown_holds_whatever_becomes_of_the_plan(db: PgPool) {
    let (app, _nima, order, payment) = claimed(db).await;
    sqlx::query!("UPDATE plans SET price_public = price_public * 2, status = 'INACTIVE'")
        .execute(&app.db)
        .await
        .unwrap();
    approve(&app, payment, None).await.unwrap();
    assert_eq!(order_entries(&app, app.nima).await, [("ORDER_CREATED".to_owned(), -PUBLIC)]);
    app.run_jobs().await;
    assert_eq!(status(&app, order).await, "ACTIVE");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn decisions_at_once_charge_once_or_not_at_all(db: PgPool) {
    let app = TestApp::start(db).await;
    month(&app).await;
    card(&app.db, "ملی").await;
    let nima = app.signed_in("nima").await;
    let now = app.clock.now();
    for round in 0..12_u64 {
        let order = reserve(&nima, &format!("nima_{round}")).await;
        pay(&nima, order, round + 1).await.expect(303);
        let payment = newest(&app).await;
        let before = wallet(&app, app.nima).await.0;
        let approve = || approve(&app, payment, None);
        let cancel = purchase::cancel(&app.db, order, app.nima.into(), now);
        let withdraw = verbs::withdraw(&app.db, payment, app.nima, now);
        let (one, other, _) = if round % 3 == 0 {
            tokio::join!(approve(), approve(), cancel)
        } else if round % 3 == 1 {
            tokio::join!(approve(), withdraw, cancel)
        } else {
            let (withdrawn, approved, cancelled) = tokio::join!(withdraw, approve(), cancel);
            (approved, withdrawn, cancelled)
        };
        assert!(one.is_ok() ^ other.is_ok(), "{one:?} {other:?}");
        let approved = one.is_ok() || round % 3 == 0;
        let expected = if approved { "PROVISIONING" } else { "CANCELLED" };
        assert_eq!(status(&app, order).await, expected);
        assert_eq!(wallet(&app, app.nima).await, (before, 0));
    }
    app.run_jobs().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_order_that_was_given_up_while_its_form_was_open_takes_the_receipt_for_the_wallet(db: PgPool) {
    let app = TestApp::start(db).await;
    month(&app).await;
    card(&app.db, "ملی").await;
    let nima = app.signed_in("nima").await;
    let order = reserve(&nima, "nima_1").await;
    let page = nima.get(&format!("/user/payments/new?order={order}")).await.expect(200);
    nima.post(&format!("/user/accounts/{order}/cancellation"), &[]).await.expect(303);
    let form = payments::Form::of(&page);
    let again = form.send_file(&nima, "a.png", &payments::screenshot(1)).await.expect(422);
    assert!(again.count("#method-error") == 1 && again.count("[name=order]") == 0, "{}", again.body);
    assert_eq!(wallet(&app, app.nima).await, (0, 0));
    let form = payments::Form::of(&again);
    assert_eq!(form.send(&nima).await.expect(303).location(), "/user/payments");
    assert_eq!(wallet(&app, app.nima).await, (0, PUBLIC));
    assert_eq!(status(&app, order).await, "CANCELLED");
    let own = format!("/user/accounts/{order}");
    let late = nima.get(&format!("/user/payments/new?order={order}")).await.expect(303);
    assert_eq!(late.location(), own);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_outage_at_the_approval_keeps_the_order_safe_until_the_server_is_back(db: PgPool) {
    let (app, nima, order, payment) = claimed(db).await;
    app.simulator.down().await;
    approve(&app, payment, None).await.unwrap();
    app.run_jobs().await;
    assert_eq!(status(&app, order).await, "PROVISIONING");
    let page = nima.get(&format!("/user/accounts/{order}")).await.expect(200);
    assert_eq!(page.count("#waiting"), 1);
    app.simulator.up().await.unwrap();
    app.clock.advance(time::Duration::minutes(5));
    app.run_jobs().await;
    assert_eq!(status(&app, order).await, "ACTIVE");
    assert_eq!(order_entries(&app, app.nima).await.len(), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_name_that_somebody_took_on_the_server_meanwhile_brings_the_money_back_to_be_spent(db: PgPool) {
    let (app, nima, order, payment) = claimed(db).await;
    app.give_credit(app.reza, PRICE).await;
    Form::new(app.reza, plan_of(&app, order).await, "reza_1").send(&app).await.unwrap();
    app.run_jobs().await;
    let mut foreign = app.simulator.user("reza_1").unwrap();
    (foreign.id, foreign.username, foreign.note) = (0, "nima_1".to_owned(), Some("mine".to_owned()));
    app.simulator.put_user(foreign);
    approve(&app, payment, None).await.unwrap();
    app.run_jobs().await;
    assert_eq!(status(&app, order).await, "FAILED");
    assert_eq!(wallet(&app, app.nima).await, (PUBLIC, 0));
    let page = nima.get(&format!("/user/accounts/{order}")).await.expect(200);
    let again = page.attribute("#failed a", "href");
    let page = nima.get(&again).await.expect(200);
    assert_eq!(page.count("[name=plan][checked]"), 1);
    let form = BuyForm { username: "nima_other".to_owned(), ..BuyForm::open(&nima).await };
    form.send(&nima, "credit").await.expect(303);
    app.run_jobs().await;
    assert!(app.simulator.user("nima_other").is_some());
    app.finish().await;
}
