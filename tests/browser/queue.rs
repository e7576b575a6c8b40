//! The queue of payments as the admin works with it: rows that change in place, by her hand and by others'.

use rad_panel::{
    accounts,
    ids::{PaymentId, UserId},
    payments::{self, ApprovalInput},
    web::Role,
};
use serde_json::json;
use sqlx::PgPool;
use thirtyfour::Key;

use crate::{browser::Browser, chrome::Options, shop::Shop, support::PASSWORD};

const WAITING: &str = "[data-queue-item]:not([data-done])";

/// The queue, open before the admin.
async fn open_queue(shop: &Shop) -> Browser {
    let sara = shop.signed_in("sara", Options::DESKTOP).await;
    sara.goto("/admin/payments").await;
    sara.wait_for_count("[data-live-state=on]", 1).await;
    sara.mark().await;
    sara
}

/// A second admin.
async fn hire_dara(shop: &Shop) -> UserId {
    let mut conn = shop.db.acquire().await.unwrap();
    accounts::create_user(&mut conn, "dara", PASSWORD, Role::Admin, shop.clock.now()).await.unwrap()
}

async fn approve(shop: &Shop, admin: UserId, payment: PaymentId) {
    let input = ApprovalInput { actual: None, note: None };
    payments::approve(&shop.db, payment, admin, input, shop.clock.now()).await.unwrap();
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_ready_made_reason_rejects_in_place(db: PgPool) {
    let shop = Shop::open(db).await;
    let payment = shop.claim(shop.reza, 120_000).await;
    let next = shop.claim(shop.mina, 130_000).await;
    let sara = open_queue(&shop).await;
    let row = format!("#payment-{payment}");
    sara.type_keys("j").await;
    sara.type_keys("r").await;
    sara.wait_for_js("the field for the reason", "return document.activeElement.name === 'reason'").await;
    sara.click(&format!("{row} .reasons button:nth-child(2)")).await;
    let reason = "رسید خوانا نیست؛ عکس واضح‌تری بفرستید.";
    assert_eq!(sara.value(&format!("{row} [name=reason]")).await, reason, "the reason can still be changed");
    sara.screenshot("queue-reject").await;
    sara.click(&format!("{row} form[action$=rejection] > .btn--danger")).await;
    sara.wait_for_text(&format!("{row}[data-done]"), reason).await;
    sara.wait_for_count(WAITING, 1).await;
    sara.wait_for_text("#queue-count", "۱").await;
    let focus = format!("return document.activeElement.id === 'payment-{next}'");
    sara.wait_for_js("the next one in focus", &focus).await;
    sara.was_not_reloaded().await;
    assert_eq!(shop.balance(shop.reza).await.total().0, 0);
    sara.close().await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_corrected_amount_comes_back_beside_its_error_and_then_counts(db: PgPool) {
    let shop = Shop::open(db).await;
    let payment = shop.claim(shop.reza, 120_000).await;
    let sara = open_queue(&shop).await;
    sara.expect_in_log("422");
    let row = format!("#payment-{payment}");
    sara.click(&format!("{row} form[action$=approval] summary")).await;
    sara.fill(&format!("#actual-{payment}"), "صد").await;
    sara.click(&format!("{row} .queue__panel .btn--primary")).await;
    sara.find(&format!("{row} .field__error")).await;
    assert_eq!(sara.value(&format!("#actual-{payment}")).await, "صد");
    sara.fill(&format!("#actual-{payment}"), "۱۰۰٬۰۰۰").await;
    sara.click(&format!("{row} .queue__panel .btn--primary")).await;
    sara.wait_for_text(&format!("{row}[data-done]"), "۱۰۰٬۰۰۰").await;
    sara.find("#queue-empty").await;
    sara.was_not_reloaded().await;
    assert_eq!(shop.balance(shop.reza).await.confirmed.0, 100_000);
    sara.close().await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_another_admin_decides_changes_here_by_itself(db: PgPool) {
    let shop = Shop::open(db).await;
    let dara = hire_dara(&shop).await;
    let payment = shop.claim(shop.reza, 120_000).await;
    shop.claim(shop.mina, 130_000).await;
    let sara = open_queue(&shop).await;
    approve(&shop, dara, payment).await;
    sara.wait_for_text(&format!("#payment-{payment}[data-done]"), "dara").await;
    sara.wait_for_text("#queue-count", "۱").await;
    sara.wait_for_text(".nav__badge", "۱").await;
    sara.was_not_reloaded().await;
    sara.close().await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn who_comes_second_is_told_who_decided(db: PgPool) {
    let shop = Shop::open(db).await;
    let dara = hire_dara(&shop).await;
    let payment = shop.claim(shop.reza, 120_000).await;
    let sara = shop.signed_in("sara", Options::DESKTOP).await;
    // She hears nothing of what happens elsewhere.
    sara.block("*/events").await;
    sara.expect_in_log("/events");
    sara.goto("/admin/payments").await;
    sara.mark().await;
    approve(&shop, dara, payment).await;
    assert_eq!(sara.count(WAITING).await, 1);
    sara.click(&format!("#payment-{payment} [data-approve]")).await;
    sara.expect_in_log("409");
    sara.wait_for_text(&format!("#payment-{payment}[data-done] [role=alert]"), "dara").await;
    sara.screenshot("queue-lost-race").await;
    sara.was_not_reloaded().await;
    assert_eq!(shop.balance(shop.reza).await.confirmed.0, 120_000, "credited once");
    sara.close().await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn without_live_changes_the_queue_asks_from_time_to_time(db: PgPool) {
    let shop = Shop::open(db).await;
    let sara = shop.signed_in("sara", Options::DESKTOP).await;
    sara.block("*/events").await;
    sara.expect_in_log("/events");
    // A test can't wait as long as a page: its intervals pass twenty times as fast.
    let hasten = "const real = window.setInterval;
        window.setInterval = (run, wait, ...more) => real(run, wait / 20, ...more);";
    sara.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": hasten })).await;
    sara.goto("/admin/payments").await;
    sara.find("#queue-empty").await;
    sara.wait_for_text("[data-live-state=polling]", "اتصال زنده قطع است").await;
    sara.mark().await;
    let payment = shop.claim(shop.reza, 120_000).await;
    sara.find(&format!("#payment-{payment} [data-approve]")).await;
    sara.wait_for_text("#queue-count", "۱").await;
    // Somebody who has begun to write a reason must not lose it to the next look.
    sara.type_keys("j").await;
    sara.type_keys("r").await;
    sara.wait_for_js("the field for the reason", "return document.activeElement.name === 'reason'").await;
    sara.type_keys("نیمه‌کاره").await;
    let second = shop.claim(shop.mina, 130_000).await;
    sara.find(&format!("#payment-{second}")).await;
    assert_eq!(sara.value(&format!("#reason-{payment}")).await, "نیمه‌کاره");
    sara.was_not_reloaded().await;
    sara.close().await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_receipt_opens_large_and_can_be_zoomed(db: PgPool) {
    let shop = Shop::open(db).await;
    let payment = shop.claim(shop.reza, 120_000).await;
    let sara = open_queue(&shop).await;
    sara.click(&format!("#payment-{payment} a.thumb")).await;
    let large = "const picture = document.querySelector('dialog[open] img');
        return picture !== null && picture.complete && picture.naturalWidth === 540";
    sara.wait_for_js("the receipt in its own size", large).await;
    let width = "return document.querySelector('dialog[open] img').getBoundingClientRect().width";
    let before = sara.js(width).await.as_f64().unwrap();
    sara.click("[data-viewer-in]").await;
    assert!(sara.js(width).await.as_f64().unwrap() > before * 1.4, "not zoomed");
    sara.screenshot("receipt").await;
    // The queue's keys are silent while the receipt lies over it.
    sara.type_keys("ja").await;
    sara.type_keys(&Key::Escape.value().to_string()).await;
    sara.wait_for_count("dialog[open]", 0).await;
    assert_eq!(sara.count(WAITING).await, 1);
    sara.was_not_reloaded().await;
    sara.close().await;
    shop.close().await;
}
