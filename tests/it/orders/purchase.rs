//! What end users buy: from the form to the account, and all that must not happen on the way.

use rad_panel::{accounts, ids::OrderId, notices::watch, orders::purchase, worker};
use sqlx::PgPool;
use time::Duration;

use super::{PRICE, month, order_count, order_entries, status};
use crate::{
    payments::{self, card},
    support::{Answer, Client, TestApp},
};

/// The public price of [`month`], Toman.
pub const PUBLIC: i64 = PRICE * 3 / 2;

/// The form for buying as a browser holds it, with its first plan chosen.
#[derive(Clone)]
pub struct BuyForm {
    pub request_id: String,
    pub plan: String,
    pub username: String,
}

impl BuyForm {
    pub async fn open(client: &Client) -> Self {
        let page = client.get("/user/buy").await.expect(200);
        Self {
            request_id: page.attribute("[name=request_id]", "value"),
            plan: page.attribute("[name=plan]", "value"),
            username: page.attribute("#username", "value"),
        }
    }

    pub async fn send(&self, client: &Client, pay: &str) -> Answer {
        let typed = [
            ("request_id", self.request_id.as_str()),
            ("plan", &self.plan),
            ("username", &self.username),
            ("pay", pay),
        ];
        client.post("/user/buy", &typed).await
    }
}

/// The order that the form of a payment is for.
pub fn order_in(location: &str) -> OrderId {
    OrderId(location.rsplit(['=', '/']).next().unwrap().parse().unwrap())
}

/// Places an order that is to be paid for, under this name.
pub async fn reserve(client: &Client, username: &str) -> OrderId {
    let form = BuyForm { username: username.to_owned(), ..BuyForm::open(client).await };
    order_in(form.send(client, "receipt").await.expect(303).location())
}

/// Pays for the order by its form, with this screenshot, and the amount that stands in it.
pub async fn pay(client: &Client, order: OrderId, receipt: u64) -> Answer {
    let page = client.get(&format!("/user/payments/new?order={order}")).await.expect(200);
    payments::Form::of(&page).send_file(client, "a.png", &payments::screenshot(receipt)).await
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_receipt_for_an_order_becomes_an_account_by_one_approval(db: PgPool) {
    let app = TestApp::start(db).await;
    month(&app).await;
    card(&app.db, "ملی").await;
    let (nima, sara) = (app.signed_in("nima").await, app.signed_in("sara").await);
    let form = BuyForm::open(&nima).await;
    assert!(form.username.starts_with("nima_"), "{}", form.username);
    let to_pay = form.send(&nima, "receipt").await.expect(303).location().to_owned();
    let order = order_in(&to_pay);
    assert_eq!(form.send(&nima, "receipt").await.expect(303).location(), to_pay, "the same form again");
    let own = format!("/user/accounts/{order}");
    assert_eq!(status(&app, order).await, "AWAITING_PAYMENT");
    assert!(nima.get(&own).await.expect(200).text("#unpaid").contains("۱۳۵٬۰۰۰"));
    assert_eq!(order_entries(&app, app.nima).await, [], "nothing is charged before");

    let page = nima.get(&to_pay).await.expect(200);
    assert!(page.text("#order-due").contains(&form.username));
    assert_eq!(page.attribute("#amount", "value"), "۱۳۵٬۰۰۰");
    assert_eq!(pay(&nima, order, 1).await.expect(303).location(), own);
    let page = nima.get(&own).await.expect(200);
    assert!(page.count("#unpaid form[action$=cancellation]") == 0 && page.count("#receipts li") == 1);
    assert_eq!(page.attribute("#order", "data-live"), "/events");
    assert_eq!(payments::wallet(&app, app.nima).await, (0, PUBLIC));

    let queue = sara.get("/admin/payments").await.expect(200);
    assert!(queue.text("[data-queue-item]").contains(&form.username), "{}", queue.body);
    let payment = payments::payments_of(&app, app.nima).await[0];
    let answer = sara.post_part(&format!("/admin/payments/{payment}/approval"), &[]).await.expect(200);
    assert!(answer.text(&format!("#payment-{payment}")).contains("در حال ساخت"), "{}", answer.body);
    assert_eq!(status(&app, order).await, "PROVISIONING");
    assert_eq!(payments::wallet(&app, app.nima).await, (0, 0));
    assert_eq!(order_entries(&app, app.nima).await, [("ORDER_CREATED".to_owned(), -PUBLIC)]);
    app.run_jobs().await;
    let page = nima.get_part(&own).await.expect(200);
    assert!(page.text("#delivery .copy-line__value").starts_with(&app.simulator.base_url()));
    assert_eq!(page.count("#how-to details"), 4);
    assert!(nima.get("/user").await.expect(200).text("#last").contains(&form.username));
    assert!(nima.get("/user/accounts").await.expect(200).text("#accounts").contains(&form.username));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_order_that_waited_for_its_payment_is_late_only_a_quarter_after_its_approval(db: PgPool) {
    let app = TestApp::start(db).await;
    month(&app).await;
    card(&app.db, "ملی").await;
    let (nima, sara) = (app.signed_in("nima").await, app.signed_in("sara").await);
    let order = reserve(&nima, "nima_1").await;
    pay(&nima, order, 1).await.expect(303);
    app.clock.advance(Duration::hours(1));
    app.simulator.down().await;
    let payment = payments::payments_of(&app, app.nima).await[0];
    sara.post(&format!("/admin/payments/{payment}/approval"), &[]).await.expect(303);
    assert_eq!(status(&app, order).await, "PROVISIONING");
    // Whether it is told of, whether it is shown, and how long it has waited.
    let late = async || {
        let now = app.clock.now();
        watch::look(&app.db, None, None, now).await.unwrap();
        let told: i64 = sqlx::query_scalar("SELECT count(*) FROM notices WHERE kind = 'ORDER_LATE'")
            .fetch_one(&app.db)
            .await
            .unwrap();
        let page = sara.get("/admin").await.expect(200);
        (told, page.texts("#needs .need").iter().filter(|need| need.contains("بیش از ۱۵ دقیقه")).count())
    };
    let metrics = crate::metrics::Metrics::of(&app).await;
    assert_eq!(late().await, (0, 0));
    app.clock.advance(Duration::minutes(14));
    assert_eq!(late().await, (0, 0));
    assert_eq!(metrics.read().await["rad_orders_oldest_provisioning_seconds"], 14.0 * 60.0);
    app.clock.advance(Duration::minutes(2));
    assert_eq!(late().await, (1, 1));
    app.simulator.up().await.unwrap();
    app.run_jobs().await;
    assert_eq!((status(&app, order).await.as_str(), late().await), ("ACTIVE", (1, 0)));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn confirmed_credit_buys_at_once_and_pending_credit_never(db: PgPool) {
    let app = TestApp::start(db).await;
    month(&app).await;
    card(&app.db, "ملی").await;
    let nima = app.signed_in("nima").await;
    payments::pay(&app, app.nima, 10 * PUBLIC).await;
    let form = BuyForm::open(&nima).await;
    let refused = form.send(&nima, "credit").await.expect(422);
    assert!(refused.text("#plan-error").contains("۱۳۵٬۰۰۰"), "{}", refused.body);
    assert_eq!(refused.attribute("#username", "value"), form.username);
    app.give_credit(app.nima, PUBLIC - 1).await;
    form.send(&nima, "credit").await.expect(422);
    let order = order_in(form.send(&nima, "receipt").await.expect(303).location());
    let finish = format!("/user/accounts/{order}/purchase");
    nima.post(&finish, &[]).await.expect(303);
    assert_eq!(status(&app, order).await, "AWAITING_PAYMENT");
    app.give_credit(app.nima, 1).await;
    assert!(nima.get(&format!("/user/accounts/{order}")).await.expect(200).body.contains(&finish));
    let (one, two) = tokio::join!(nima.post(&finish, &[]), nima.post(&finish, &[]));
    assert_eq!((one.status, two.status), (303, 303));
    app.give_credit(app.nima, PUBLIC).await;
    let form = BuyForm { username: "nima_second".to_owned(), ..BuyForm::open(&nima).await };
    form.send(&nima, "credit").await.expect(303);
    assert_eq!(order_entries(&app, app.nima).await.len(), 2);
    assert_eq!(payments::wallet(&app, app.nima).await, (0, 10 * PUBLIC));
    assert_eq!(app.run_jobs().await, 2);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn somebody_elses_order_is_not_there(db: PgPool) {
    let app = TestApp::start(db).await;
    month(&app).await;
    card(&app.db, "ملی").await;
    let nima = app.signed_in("nima").await;
    let order = reserve(&nima, "nima_1").await;
    pay(&nima, order, 1).await.expect(303);
    let payment = payments::payments_of(&app, app.nima).await[0];
    let now = app.clock.now();
    let mut tx = app.db.begin().await.unwrap();
    let sahar = rad_panel::customers::create(&mut tx, "sahar", crate::support::PASSWORD, "09120000000", now);
    let sahar = sahar.await.unwrap();
    tx.commit().await.unwrap();
    let stranger = app.signed_in("sahar").await;
    stranger.get(&format!("/user/accounts/{order}")).await.expect(404);
    stranger.get(&format!("/user/payments/new?order={order}")).await.expect(404);
    for path in ["purchase", "cancellation"] {
        stranger.post(&format!("/user/accounts/{order}/{path}"), &[]).await.expect(404);
    }
    stranger.post(&format!("/user/payments/{payment}/withdrawal"), &[]).await.expect(404);
    let form = payments::Form::of(&stranger.get("/user/payments/new").await.expect(200));
    let form = form.with("amount", "135000").with("order", &order.to_string());
    form.send_file(&stranger, "a.png", &payments::screenshot(2)).await.expect(404);
    let form = form.with("order", "x");
    form.send_file(&stranger, "a.png", &payments::screenshot(2)).await.expect(404);
    assert_eq!(payments::wallet(&app, sahar).await, (0, 0));
    assert_eq!(stranger.get("/user/payments/history").await.expect(200).count("#main .list__item"), 0);
    assert_eq!(nima.get("/user/payments/history").await.expect(200).count("#main .list__item"), 1);
    for who in ["reza", "sara"] {
        app.signed_in(who).await.get(&format!("/user/accounts/{order}")).await.expect(403);
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn wrong_forms_come_back_and_no_name_is_kept_for_them(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, 10 * PRICE).await;
    super::Form::new(app.reza, plan, "taken_name").send(&app).await.unwrap();
    app.run_jobs().await;
    let nima = app.signed_in("nima").await;
    let good = BuyForm::open(&nima).await;
    for (field, form) in [
        ("username", BuyForm { username: String::new(), ..good.clone() }),
        ("username", BuyForm { username: "نیما".to_owned(), ..good.clone() }),
        ("username", BuyForm { username: "TAKEN_name".to_owned(), ..good.clone() }),
        ("plan", BuyForm { plan: String::new(), ..good.clone() }),
        ("plan", BuyForm { plan: format!("{plan}:1"), ..good.clone() }),
        ("plan", BuyForm { plan: format!("{plan}:{PRICE}"), ..good.clone() }),
        ("plan", BuyForm { plan: "999:135000".to_owned(), ..good.clone() }),
    ] {
        for pay in ["receipt", "credit"] {
            app.give_credit(app.nima, PUBLIC).await;
            let again = form.send(&nima, pay).await.expect(422);
            assert_eq!(again.attributes(".field__error", "id"), [format!("{field}-error")], "{}", again.body);
            assert_eq!(again.attribute("#username", "value"), form.username);
        }
    }
    assert_eq!(order_count(&app).await, 1);
    let part = nima.get_part("/user/buy/username?username=taken_name").await.expect(200);
    assert_eq!(part.count(".field__error"), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn unpaid_orders_are_few_and_are_given_up_by_hand_or_after_a_day(db: PgPool) {
    let app = TestApp::start(db).await;
    month(&app).await;
    card(&app.db, "ملی").await;
    let nima = app.signed_in("nima").await;
    let forgotten = reserve(&nima, "nima_1").await;
    let given_up = reserve(&nima, "nima_2").await;
    let claimed = reserve(&nima, "nima_3").await;
    pay(&nima, claimed, 1).await.expect(303);
    let fourth = BuyForm { username: "nima_4".to_owned(), ..BuyForm::open(&nima).await };
    assert!(fourth.send(&nima, "receipt").await.expect(422).text("#form-error").contains('۳'));
    let cancel = async |order: OrderId| {
        nima.post(&format!("/user/accounts/{order}/cancellation"), &[]).await.expect(303);
        status(&app, order).await
    };
    assert_eq!(cancel(given_up).await, "CANCELLED");
    assert_eq!(cancel(given_up).await, "CANCELLED");
    assert_eq!(cancel(claimed).await, "AWAITING_PAYMENT", "its receipt is with the admin");
    app.clock.advance(time::Duration::hours(23));
    worker::clean(&app.state).await.unwrap();
    assert_eq!(status(&app, forgotten).await, "AWAITING_PAYMENT");
    let young = reserve(&nima, "nima_4").await;
    app.clock.advance(time::Duration::hours(2));
    worker::clean(&app.state).await.unwrap();
    assert_eq!(status(&app, forgotten).await, "CANCELLED");
    assert_eq!(status(&app, claimed).await, "AWAITING_PAYMENT");
    assert_eq!(status(&app, young).await, "AWAITING_PAYMENT");
    reserve(&nima, "nima_1").await;
    let page = nima.get(&format!("/user/accounts/{forgotten}")).await.expect(200);
    assert_eq!(page.count("#cancelled form[action='/user/buy']"), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_disabled_buyer_gets_her_money_confirmed_but_no_account_until_she_is_back(db: PgPool) {
    let app = TestApp::start(db).await;
    month(&app).await;
    card(&app.db, "ملی").await;
    let nima = app.signed_in("nima").await;
    let order = reserve(&nima, "nima_1").await;
    pay(&nima, order, 1).await.expect(303);
    let now = app.clock.now();
    accounts::disable(&app.db, app.nima, app.sara, now).await.unwrap();
    let payment = payments::payments_of(&app, app.nima).await[0];
    let input = rad_panel::payments::ApprovalInput::default();
    rad_panel::payments::approve(&app.db, payment, app.sara, input, now).await.unwrap();
    assert_eq!(status(&app, order).await, "AWAITING_PAYMENT");
    assert_eq!(payments::wallet(&app, app.nima).await, (PUBLIC, 0));
    accounts::enable(&app.db, app.nima, app.sara, now).await.unwrap();
    let settled = purchase::finish(&app.db, order, app.nima.into(), now).await.unwrap();
    assert_eq!(settled, Some(purchase::Settled::Paid));
    app.run_jobs().await;
    assert_eq!(status(&app, order).await, "ACTIVE");
    app.finish().await;
}
