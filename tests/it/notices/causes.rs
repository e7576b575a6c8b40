//! What is told of, to whom, in the transaction of the deed itself.

use rad_panel::{
    money::Toman,
    notices::{Kind, Recipients},
    orders::{self, NewOrder},
    payment_methods, payments,
};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{tell, told};
use crate::{
    payments::{card, claim, pay},
    support::TestApp,
};

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_payment_is_told_to_the_admin_once_and_its_end_to_the_payer(db: PgPool) {
    let app = TestApp::start(db).await;
    let method = card(&app.db, "ملی").await;
    payment_methods::draw(&app.db, app.reza, None, app.clock.now()).await.unwrap();
    let new = claim(&app.db, app.reza, method, 50_000).await;
    for _ in 0..2 {
        payments::submit(&app.db, app.reza, &new, app.clock.now()).await.unwrap();
    }
    assert_eq!(told(&app, app.sara).await, ["PAYMENT_NEW"]);
    assert_eq!(told(&app, app.reza).await, Vec::<String>::new());
    let first = rad_panel::ids::PaymentId(
        sqlx::query_scalar("SELECT id FROM payments").fetch_one(&app.db).await.unwrap(),
    );
    payments::approve(&app.db, first, app.sara, Default::default(), app.clock.now()).await.unwrap();
    payments::approve(&app.db, first, app.sara, Default::default(), app.clock.now()).await.unwrap_err();
    let second = pay(&app, app.reza, 70_000).await;
    payments::reject(&app.db, second, app.sara, "رسید خوانا نیست", app.clock.now()).await.unwrap();
    assert_eq!(told(&app, app.reza).await, ["PAYMENT_DECIDED", "PAYMENT_DECIDED"]);
    assert_eq!(told(&app, app.mina).await, Vec::<String>::new());
    let admin = app.signed_in("sara").await.get("/notices").await.expect(200);
    assert_eq!(
        (admin.count("#notices li"), admin.count(".notice--new")),
        (2, 0),
        "what is decided waits no more"
    );
    let page = app.signed_in("reza").await.get("/notices").await.expect(200);
    let texts = page.texts("#notices li");
    assert!(texts[0].contains("رد شد") && texts[0].contains("رسید خوانا نیست"), "{texts:?}");
    assert!(texts[1].contains("۵۰٬۰۰۰ تومان"), "{texts:?}");
    app.finish().await;
}

async fn order(app: &TestApp, buyer: rad_panel::ids::UserId, username: &str, price: i64) -> i64 {
    let plan = app.plan("ماهانه", 30, Some(30), 90_000).await;
    let price_seen = Toman(price);
    let request_id = Uuid::new_v4();
    let new = NewOrder { buyer, plan, price_seen, username, alias: "", note: "", on_hold: false, request_id };
    orders::place(&app.db, &new, app.clock.now()).await.unwrap().0
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_order_is_told_to_its_customer_when_it_is_ready_and_to_the_admin_when_it_fails(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.nima, 500_000).await;
    app.give_credit(app.reza, 500_000).await;
    let id = order(&app, app.nima, "of_nima", 135_000).await;
    app.run_jobs().await;
    assert_eq!(told(&app, app.nima).await, ["ORDER_READY"]);
    order(&app, app.reza, "fine_one", 90_000).await;
    app.run_jobs().await;
    assert_eq!(told(&app, app.reza).await, Vec::<String>::new(), "an agent sees it on the spot");
    let nima = app.signed_in("nima").await;
    let page = nima.get("/notices").await.expect(200);
    let opening = page.attribute("#notices form", "action");
    let answer = nima.post(&opening, &[]).await.expect(303);
    assert_eq!(answer.location(), format!("/user/accounts/{id}"));
    nima.get(answer.location()).await.expect(200);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn only_people_whose_role_it_is_for_and_who_are_not_disabled_are_told_and_once_by_key(db: PgPool) {
    let app = TestApp::start(db).await;
    let data = || json!({ "error": "x", "count": 1 });
    for _ in 0..2 {
        tell(&app, Recipients::Admins, Kind::BackupFailed, data(), Some("one-key")).await;
    }
    tell(&app, Recipients::User(app.nima), Kind::AccountsBack, data(), None).await;
    tell(&app, Recipients::User(app.reza), Kind::AccountsBack, data(), Some("one-key")).await;
    sqlx::query("UPDATE users SET status = 'DISABLED' WHERE id = $1")
        .bind(app.mina.0)
        .execute(&app.db)
        .await
        .unwrap();
    tell(&app, Recipients::User(app.mina), Kind::AccountsBack, data(), None).await;
    assert_eq!(told(&app, app.sara).await, ["BACKUP_FAILED"]);
    assert_eq!(told(&app, app.nima).await, Vec::<String>::new());
    assert_eq!(told(&app, app.reza).await, ["ACCOUNTS_BACK"], "a key is one person's");
    assert_eq!(told(&app, app.mina).await, Vec::<String>::new());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_rolled_back_was_never_told(db: PgPool) {
    let app = TestApp::start(db).await;
    let method = card(&app.db, "ملی").await;
    let mut new = claim(&app.db, app.reza, method, 50_000).await;
    new.receipt = rad_panel::ids::ReceiptId(99);
    payments::submit(&app.db, app.reza, &new, app.clock.now()).await.unwrap_err();
    assert_eq!(told(&app, app.sara).await, Vec::<String>::new());
    app.finish().await;
}
