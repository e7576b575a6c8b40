//! The first start, from an empty database to a shop that lacks nothing.

use sqlx::PgPool;

use crate::{
    browser::Browser,
    chrome::Options,
    looks::look_from,
    shop::{Shop, open_card},
};

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_page_of_the_first_start_fits_every_screen_and_is_accessible(db: PgPool) {
    let shop = Shop::build(db).await;
    for options in [Options::PHONE, Options::DESKTOP] {
        look_from(shop.browser(options).await, &[("setup", "/setup")]).await;
    }
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_a_test_of_marzban_found_can_be_read_on_every_screen(db: PgPool) {
    let shop = Shop::open(db).await;
    for options in [Options::PHONE, Options::DESKTOP] {
        let mut browser = shop.signed_in("sara", options).await;
        for (name, password) in [("marzban-good", ""), ("marzban-refused", "not-this-one")] {
            browser.goto("/admin/settings/marzban").await;
            if !password.is_empty() {
                browser.fill("#marzban_password", password).await;
            }
            browser.click("form[action='/admin/settings/marzban/test'] .btn--primary").await;
            browser.wait_for_count("#result", 1).await;
            browser.no_sideways_scroll().await;
            for dark in [false, true] {
                browser.set_dark(dark).await;
                browser.screenshot(name).await;
            }
        }
        browser.close().await;
    }
    shop.close().await;
}

/// Fills the page of the first start and sends it.
async fn found(browser: &Browser, code: &str) {
    browser.goto("/").await;
    browser.wait_for_path("/setup").await;
    browser.fill("#setup_code", code).await;
    browser.fill("#shop_name", "فروشگاه آسمان").await;
    browser.fill("#username", "sara").await;
    browser.fill("#password", "anar-kolah-darya-42").await;
    browser.fill("#repeat_password", "anar-kolah-darya-42").await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_owner_makes_herself_the_admin_and_goes_through_the_first_steps(db: PgPool) {
    let shop = Shop::build(db).await;
    let code = rad_panel::setup::new_code(&shop.db, shop.clock.now()).await.unwrap().unwrap();
    let browser = shop.browser(Options::PHONE).await;
    found(&browser, &code).await;
    browser.wait_for_text("#strength", "خوب").await;
    browser.no_sideways_scroll().await;
    browser.click("form[action='/setup'] .btn--primary").await;
    browser.wait_for_path("/admin").await;
    // The server answers after the page.
    browser.wait_for_count("#checklist .need:nth-child(1).need--ok", 1).await;
    browser.no_sideways_scroll().await;
    browser.screenshot("first-steps").await;

    browser.click("#checklist a[href='/admin/plans/new']").await;
    browser.fill("#name", "یک‌ماهه").await;
    browser.fill("#days", "30").await;
    browser.fill("#data_limit_gb", "30").await;
    browser.fill("#price_public", "150000").await;
    browser.fill("#price_agent", "90000").await;
    browser.click("main form .btn--primary").await;
    browser.wait_for_count("#plan-1", 1).await;
    browser.goto("/admin").await;
    browser.wait_for_count("#checklist .need:nth-child(2).need--ok", 1).await;

    open_card(&shop).await;
    // The panel makes its first backup by itself, soon after it was started.
    browser
        .until("the first steps being done", async || {
            browser.goto("/admin").await;
            Ok((browser.count("#checklist[hidden]").await == 1).then_some(()))
        })
        .await;
    browser.close().await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_first_start_works_without_scripts(db: PgPool) {
    let shop = Shop::build(db).await;
    let code = rad_panel::setup::new_code(&shop.db, shop.clock.now()).await.unwrap().unwrap();
    let browser = shop.browser(Options::PHONE.without_scripts()).await;
    found(&browser, "aaaa-aaaa-aaaa").await;
    browser.click("form[action='/setup'] .btn--primary").await;
    browser.wait_for_count("#setup_code-error", 1).await;
    browser.fill("#setup_code", &code).await;
    browser.fill("#password", "anar-kolah-darya-42").await;
    browser.fill("#repeat_password", "anar-kolah-darya-42").await;
    browser.click("form[action='/setup'] .btn--primary").await;
    browser.wait_for_path("/admin").await;
    browser.wait_for_count("#checklist .need", 6).await;
    browser.click("#checklist a[href='/admin/settings/marzban']").await;
    browser.click("form[action='/admin/settings/marzban/test'] .btn--primary").await;
    browser.wait_for_count("#result .need--ok", 1).await;
    browser.no_sideways_scroll().await;
    // The test has asked the server by itself; the overview hears of it when the owner looks there.
    browser.goto("/admin/server").await;
    browser.goto("/admin").await;
    browser.wait_for_count("#checklist .need:nth-child(1).need--ok", 1).await;
    browser.expect_in_log("422");
    browser.close().await;
    shop.close().await;
}
