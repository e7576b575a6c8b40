//! What the owner opens and closes to end users.

use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{Client, TestApp};

async fn set(client: &Client, switch: &str, state: &str) -> u16 {
    client.post("/admin/settings/end-users", &[("switch", switch), ("state", state)]).await.status
}

async fn deeds(app: &TestApp) -> Vec<String> {
    sqlx::query_scalar!("SELECT action FROM audit_log WHERE subject_type = 'switch' ORDER BY id")
        .fetch_all(&app.db)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn only_the_owner_turns_the_switches_and_each_turn_is_written_down_once(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    assert_eq!(sara.get("/admin/settings").await.expect(200).count("#end-users .badge--ok"), 3);
    for (switch, state) in [("purchase", "ajar"), ("doors", "open"), ("", "")] {
        assert_eq!(set(&sara, switch, state).await, 400);
    }
    let (one, two) = tokio::join!(set(&sara, "purchase", "closed"), set(&sara, "purchase", "closed"));
    assert_eq!((one, two), (303, 303));
    assert_eq!(set(&sara, "charging", "closed").await, 303);
    assert_eq!(deeds(&app).await, ["settings.close", "settings.close"]);
    let page = sara.get("/admin/settings").await.expect(200);
    assert_eq!(page.count("#switch-purchase .badge--mute"), 1);
    assert_eq!(page.attribute("#switch-purchase button", "value"), "open");
    assert_eq!(set(&sara, "purchase", "open").await, 303);
    assert_eq!(deeds(&app).await.len(), 3);
    for who in ["reza", "nima"] {
        assert_eq!(set(&app.signed_in(who).await, "purchase", "closed").await, 403);
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn closed_registration_says_so_and_takes_nobody(db: PgPool) {
    let app = TestApp::start(db).await;
    set(&app.signed_in("sara").await, "registration", "closed").await;
    let stranger = app.stranger();
    assert_eq!(stranger.get("/login").await.expect(200).count("a[href^='/register']"), 0);
    let page = stranger.get("/register").await.expect(200);
    assert!(page.text("h1").contains("بسته") && page.count("form[action='/register']") == 0);
    let id = Uuid::new_v4().to_string();
    let typed = [
        ("request_id", id.as_str()),
        ("username", "sahar"),
        ("password", "gol-o-bolbol-dar-bagh"),
        ("phone", "09123456789"),
    ];
    assert!(stranger.post("/register", &typed).await.expect(403).text("h1").contains("بسته"));
    let users = sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM users"#);
    assert_eq!(users.fetch_one(&app.db).await.unwrap(), 4);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn closed_buying_takes_no_order_by_any_way(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = app.plan("یک‌ماهه", 30, Some(30), 90_000).await;
    app.give_credit(app.nima, 500_000).await;
    let nima = app.signed_in("nima").await;
    let form = nima.get("/user/buy").await.expect(200);
    let (id, plan) = (form.attribute("[name=request_id]", "value"), format!("{plan}:135000"));
    assert_eq!(form.attribute("[name=plan]", "value"), plan);
    set(&app.signed_in("sara").await, "purchase", "closed").await;
    let page = nima.get("/user/buy").await.expect(200);
    assert!(page.text("#buying-closed").contains("بسته") && page.count("form[action='/user/buy']") == 0);
    assert_eq!(nima.get("/user").await.expect(200).count("a[href='/user/buy']"), 0);
    for pay in ["receipt", "credit"] {
        let typed = [("request_id", id.as_str()), ("plan", &plan), ("username", "nima_1"), ("pay", pay)];
        assert_eq!(nima.post("/user/buy", &typed).await.expect(422).count("#buying-closed"), 1);
    }
    let orders = sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM orders"#);
    assert_eq!(orders.fetch_one(&app.db).await.unwrap(), 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn closed_charging_takes_no_receipt_without_an_order_but_agents_charge_on(db: PgPool) {
    let app = TestApp::start(db).await;
    crate::payments::card(&app.db, "ملی").await;
    let nima = app.signed_in("nima").await;
    let form = crate::payments::Form::of(&nima.get("/user/payments/new").await.expect(200));
    set(&app.signed_in("sara").await, "charging", "closed").await;
    let page = nima.get("/user/payments/new").await.expect(200);
    assert!(page.text("#charging-closed").contains("بسته") && page.count("form[data-upload]") == 0);
    assert_eq!(nima.get("/user/payments").await.expect(200).count("a[href='/user/payments/new']"), 0);
    let form = form.with("amount", "50000");
    let refused = form.send_file(&nima, "a.png", &crate::payments::screenshot(1)).await.expect(422);
    assert!(refused.text("#method-error").contains("بسته"));
    assert_eq!(app.balance(app.nima).await.pending.0, 0);
    let reza = app.signed_in("reza").await;
    let form = crate::payments::Form::open(&reza).await.with("amount", "50000");
    form.send_file(&reza, "a.png", &crate::payments::screenshot(2)).await.expect(303);
    app.finish().await;
}
