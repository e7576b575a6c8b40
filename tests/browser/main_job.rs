//! The main job from end to end: a receipt is sent, approved, spent, and the account's link is handed over.

use std::{path::Path, process::Command};

use rad_panel::demo::simulator::user::Status;
use serde_json::json;
use sqlx::PgPool;
use thirtyfour::By;

use crate::{
    browser::Browser,
    chrome::Options,
    pictures,
    shop::{PRICE, Shop},
};

const GIGABYTE: i64 = 1 << 30;
const MONTH: time::Duration = time::Duration::days(30);

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_receipt_becomes_credit_and_the_credit_an_account(db: PgPool) {
    let shop = Shop::open(db).await;
    let earlier = shop.claim(shop.mina, 300_000).await;
    let sara = shop.signed_in("sara", Options::DESKTOP).await;
    sara.goto("/admin/payments").await;
    sara.wait_for_count(WAITING, 1).await;
    sara.wait_for_count("[data-live-state=on]", 1).await;
    sara.mark().await;

    let mut reza = shop.signed_in("reza", Options::PHONE).await;
    send_receipt(&shop, &reza).await;
    reza.click("details.card > summary").await;
    reza.wait_for_text("#balance-parts .definition__row:nth-child(1)", "۰").await;
    reza.wait_for_text("#balance-parts .definition__row:nth-child(2)", "۲۵۰٬۰۰۰").await;
    reza.wait_for_count("[data-live-state=on]", 1).await;
    reza.screenshot("wallet-waiting").await;
    reza.mark().await;

    let payment = newest_payment(&shop).await;
    approve_by_keyboard(&sara, payment, earlier.0).await;

    reza.wait_for_text("#balance-parts .definition__row:nth-child(1)", "۲۵۰٬۰۰۰").await;
    reza.wait_for_count(&format!("#payment-{payment} .badge--ok"), 1).await;
    reza.was_not_reloaded().await;
    reza.screenshot("wallet-approved").await;

    let order = make_account(&shop, &reza).await;
    let user = shop.simulator.user("ali_1403").unwrap();
    assert_eq!(user.status, Status::Active);
    let age = (shop.clock.now() + MONTH).unix_timestamp() - user.expire.unwrap();
    assert!((0..120).contains(&age), "expires {age} s too early");
    assert_eq!(user.data_limit, Some(30 * GIGABYTE));
    assert_eq!(user.note, Some(format!("RAD order #{order}")));
    assert_eq!(shop.balance(shop.reza).await.total().0, 250_000 - PRICE);
    reza.wait_for_text("#wallet-chip", "۱۶۰٬۰۰۰").await;

    let link = reza.text("#delivery .copy-line__value").await;
    assert!(link.starts_with(&shop.simulator.base_url()), "{link}");
    copy_link(&reza, &link).await;
    assert_eq!(scan(&reza, shop.files()).await, link);
    reza.set_dark(true).await;
    assert_eq!(scan(&reza, shop.files()).await, link, "on a dark page");
    reza.close().await;
    sara.close().await;
    shop.close().await;
}

const WAITING: &str = "[data-queue-item]:not([data-done])";

async fn newest_payment(shop: &Shop) -> i64 {
    sqlx::query_scalar!(r#"SELECT max(id) AS "id!" FROM payments"#).fetch_one(&shop.db).await.unwrap()
}

/// From the wallet by the form, with a photo, back to the wallet.
async fn send_receipt(shop: &Shop, reza: &Browser) {
    reza.goto("/agent/wallet").await;
    reza.click("a[href='/agent/wallet/charge']").await;
    reza.wait_for_path("/agent/wallet/charge").await;
    reza.wait_for_text(".copy-line--large", "6037 9912 3456 7893").await;
    reza.fill("#amount", "۲۵۰۰۰۰").await;
    reza.wait_for_text("#amount-words", "دویست و پنجاه هزار تومان").await;
    assert_eq!(reza.attribute("#amount-words [data-copy]", "data-copy").await, "2500000", "in Rial");
    reza.choose_file("#receipt", &shop.picture(&pictures::receipt(1))).await;
    reza.wait_for_js(
        "the preview",
        "const picture = document.querySelector('[data-preview] img');
         return picture !== null && picture.complete && picture.naturalWidth > 0 && picture.checkVisibility()",
    )
    .await;
    reza.fill("#tracking_number", "۱۲۳۴۵۶").await;
    reza.screenshot("charge").await;
    reza.click("form[data-upload] .card__actions button").await;
    reza.wait_for_path("/agent/wallet").await;
    reza.wait_for_text("#flash", "تومان ثبت شد").await;
    reza.wait_for_text("#balance-total", "۲۵۰٬۰۰۰").await;
}

/// The payment arrives by itself; j and a decide it; then the other one is in focus.
async fn approve_by_keyboard(sara: &Browser, payment: i64, other: i64) {
    sara.wait_for_count(WAITING, 2).await;
    sara.wait_for_text("#queue-count", "۲").await;
    sara.wait_for_text(".nav__badge", "۲").await;
    sara.screenshot("queue").await;
    sara.type_keys("j").await;
    sara.wait_for_js("the oldest in focus", &in_focus(other)).await;
    sara.type_keys("j").await;
    sara.wait_for_js("the next in focus", &in_focus(payment)).await;
    sara.type_keys("a").await;
    sara.wait_for_text(&format!("#payment-{payment}[data-done]"), "۲۵۰٬۰۰۰").await;
    sara.wait_for_text("#queue-count", "۱").await;
    sara.wait_for_text(".nav__badge", "۱").await;
    sara.wait_for_js("the one that is left in focus", &in_focus(other)).await;
    sara.was_not_reloaded().await;
}

fn in_focus(payment: i64) -> String {
    format!("return document.activeElement.id === 'payment-{payment}'")
}

/// Fills the form of a new account while Marzban fails, and waits for the link to appear. Returns the order's id.
async fn make_account(shop: &Shop, reza: &Browser) -> i64 {
    reza.goto("/agent/create-user").await;
    reza.click(".choice").await;
    reza.fill("#username", "ali_1403").await;
    reza.wait_for_text("#username-check", "آزاد").await;
    reza.fill("#alias", "علی").await;
    reza.screenshot("create-account").await;
    // Until this is healed, the order waits.
    shop.simulator.answer_500(1000);
    reza.click("form[action='/agent/create-user'] .btn--primary").await;
    reza.find("#waiting").await;
    reza.mark().await;
    reza.screenshot("order-waiting").await;
    shop.simulator.heal();
    reza.find("#qr").await;
    reza.was_not_reloaded().await;
    reza.screenshot("order").await;
    let path = reza.path().await;
    path.strip_prefix("/agent/users/").unwrap().parse().unwrap()
}

async fn copy_link(reza: &Browser, link: &str) {
    let rights = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
    reza.cdp("Browser.grantPermissions", rights).await;
    reza.click("#delivery .copy-line [data-copy]").await;
    reza.wait_for_text("#delivery .copy-line [data-copy-text]", "کپی شد").await;
    assert_eq!(reza.js("return await navigator.clipboard.readText()").await, link);
}

/// What a phone's camera reads from the code on the page.
async fn scan(browser: &Browser, folder: &Path) -> String {
    let file = folder.join("code.png");
    // With its quiet zone, as a camera sees it.
    let code = browser.driver.find(By::Css(".qr")).await.unwrap();
    code.scroll_into_view().await.unwrap();
    code.screenshot(&file).await.unwrap();
    let output = Command::new("zbarimg").args(["--raw", "-q", "--nodbus"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "the code can't be read: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_main_job_needs_no_scripts(db: PgPool) {
    let shop = Shop::open(db).await;
    let reza = shop.signed_in("reza", Options::PHONE.without_scripts()).await;
    reza.goto("/agent/wallet").await;
    reza.click("a[href='/agent/wallet/charge']").await;
    reza.fill("#amount", "۲۵۰٬۰۰۰").await;
    reza.choose_file("#receipt", &shop.picture(&pictures::receipt(2))).await;
    reza.click("form[data-upload] .card__actions button").await;
    reza.wait_for_path("/agent/wallet").await;
    reza.wait_for_text("#flash", "تومان ثبت شد").await;

    let sara = shop.signed_in("sara", Options::DESKTOP.without_scripts()).await;
    sara.goto("/admin/payments").await;
    assert_eq!(sara.count(WAITING).await, 1);
    sara.click("[data-approve]").await;
    sara.wait_for_count(WAITING, 0).await;
    assert_eq!(shop.balance(shop.reza).await.confirmed.0, 250_000);

    let order = make_account_without_scripts(&reza).await;
    let user = shop.simulator.user("ali_1403").unwrap();
    assert_eq!(user.note, Some(format!("RAD order #{order}")));
    let link = reza.text("#delivery .copy-line__value").await;
    assert_eq!(scan(&reza, shop.files()).await, link);
    reject_without_scripts(&shop, &sara).await;
    reza.close().await;
    sara.close().await;
    shop.close().await;
}

async fn make_account_without_scripts(reza: &Browser) -> i64 {
    reza.goto("/agent/create-user").await;
    reza.click(".choice").await;
    reza.fill("#username", "ali_1403").await;
    reza.click("form[action='/agent/create-user'] .btn--primary").await;
    reza.until("the page of the order", async || {
        if !reza.driver.find_all(By::Css("#waiting a")).await?.is_empty() {
            reza.click("#waiting a").await;
        }
        Ok(reza.driver.find_all(By::Css("#qr")).await?.pop())
    })
    .await;
    let path = reza.path().await;
    path.strip_prefix("/agent/users/").unwrap().parse().unwrap()
}

async fn reject_without_scripts(shop: &Shop, sara: &Browser) {
    let payment = shop.claim(shop.mina, 80_000).await;
    sara.goto("/admin/payments").await;
    sara.click(&format!("#payment-{payment} [data-reject] summary")).await;
    sara.click(&format!("#payment-{payment} .reasons button")).await;
    sara.wait_for_count(WAITING, 0).await;
    let reason = sqlx::query_scalar!("SELECT admin_notes FROM payments WHERE id = $1", payment.0);
    assert_eq!(reason.fetch_one(&shop.db).await.unwrap().as_deref(), Some("پول به حساب نرسیده است."));
    assert_eq!(shop.balance(shop.mina).await.total().0, 0);
}
