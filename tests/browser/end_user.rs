//! The journey of a customer on her phone: she registers, buys with a receipt, and the link comes by itself.

use sqlx::PgPool;

use crate::{chrome::Options, pictures, shop::Shop};

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_stranger_registers_buys_and_gets_her_link_without_doing_anything(db: PgPool) {
    let shop = Shop::open(db).await;
    let sahar = shop.browser(Options::PHONE).await;
    sahar.goto("/login").await;
    sahar.click("a[href^='/register']").await;
    sahar.fill("#username", "sahar").await;
    sahar.fill("#phone", "۰۹۱۲ ۳۴۵ ۶۷۸۹").await;
    sahar.fill("#password", "12345678").await;
    sahar.wait_for_text("#strength", "ضعیف").await;
    sahar.fill("#password", "gol-o-bolbol-dar-bagh").await;
    sahar.wait_for_text("#strength", "خوب").await;
    sahar.no_sideways_scroll().await;
    sahar.click("form[action='/register'] .btn--primary").await;
    sahar.wait_for_path("/user").await;

    sahar.click("#main a[href='/user/buy']").await;
    sahar.click(".choice").await;
    sahar.fill("#username", "sahar_phone").await;
    sahar.wait_for_text("#username-check", "آزاد").await;
    sahar.no_sideways_scroll().await;
    sahar.click("button[value=receipt]").await;
    sahar.wait_for_text("#order-due", "sahar_phone").await;
    assert_eq!(sahar.value("#amount").await, "۱۳۵٬۰۰۰");
    sahar.choose_file("#receipt", &shop.picture(&pictures::receipt(1))).await;
    sahar.no_sideways_scroll().await;
    sahar.click("form[data-upload] .card__actions button").await;
    sahar.wait_for_text("#unpaid", "رسید").await;
    sahar.wait_for_count("[data-live-state=on]", 1).await;
    sahar.mark().await;

    let sara = shop.signed_in("sara", Options::DESKTOP).await;
    sara.goto("/admin/payments").await;
    sara.wait_for_text("[data-queue-item]", "sahar_phone").await;
    sara.click("[data-approve]").await;
    sara.wait_for_count("[data-queue-item]:not([data-done])", 0).await;

    sahar.find("#qr").await;
    sahar.was_not_reloaded().await;
    sahar.no_sideways_scroll().await;
    let link = sahar.text("#delivery .copy-line__value").await;
    assert!(link.starts_with(&shop.simulator.base_url()), "{link}");
    sahar.click("#how-to details:nth-of-type(2) summary").await;
    sahar.wait_for_text("#how-to details:nth-of-type(2)", "Streisand").await;
    sahar.close().await;
    sara.close().await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_journey_needs_no_scripts(db: PgPool) {
    let shop = Shop::open(db).await;
    let nima = shop.signed_in("nima", Options::PHONE.without_scripts()).await;
    nima.goto("/user/buy").await;
    nima.click(".choice").await;
    nima.click("button[value=receipt]").await;
    nima.choose_file("#receipt", &shop.picture(&pictures::receipt(1))).await;
    nima.click("form[data-upload] .card__actions button").await;
    nima.wait_for_text("#unpaid", "رسید").await;
    let payment = sqlx::query_scalar!(r#"SELECT max(id) AS "id!" FROM payments"#);
    let payment = payment.fetch_one(&shop.db).await.unwrap().into();
    let reason = "پول به حساب نرسیده است.";
    rad_panel::payments::reject(&shop.db, payment, shop.sara, reason, shop.clock.now()).await.unwrap();
    nima.goto("/user/payments").await;
    nima.wait_for_text(&format!("#payment-{payment}"), reason).await;
    nima.click(&format!("#payment-{payment} .btn--primary")).await;
    nima.wait_for_text("#order-due", "nima_").await;
    nima.close().await;
    shop.close().await;
}
