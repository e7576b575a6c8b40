//! Slow, broken and costly networks: what goes over the wire, and what survives when it ends in the middle.

use sqlx::PgPool;

use crate::{browser::Browser, chrome::Options, pictures, shop::Shop};

/// The most that a first visit may take, bytes on the wire with all that the page needs.
const FIRST_VISIT: u64 = 60 * 1024;
/// The most that a later page may take, bytes of the page itself with its headers.
const LATER_PAGE: u64 = 8 * 1024;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn pages_are_small_on_the_wire(db: PgPool) {
    let shop = Shop::open(db).await;
    shop.give_credit(shop.reza, 1_000_000).await;
    for n in 0..10 {
        shop.claim(if n % 2 == 0 { shop.reza } else { shop.mina }, 100_000 + n * 1_000).await;
        shop.order(shop.reza, &format!("ali_{n}")).await;
    }
    let reza = shop.browser(Options::PHONE).await;
    let first = visit(&reza, "/login").await;
    assert!(first.all <= FIRST_VISIT, "the first visit takes {} bytes", first.all);
    reza.fill_sign_in("reza").await;
    reza.wait_for_path("/agent").await;
    for path in ["/agent", "/agent/wallet", "/agent/wallet/charge", "/agent/create-user", "/agent/users"] {
        let later = visit(&reza, path).await;
        assert!(later.page <= LATER_PAGE, "{path} takes {} bytes", later.page);
        assert_eq!(later.assets, 0, "{path} asks for assets again");
    }
    reza.close().await;
    let sara = shop.signed_in("sara", Options::DESKTOP).await;
    let queue = visit(&sara, "/admin/payments").await;
    assert_eq!(sara.count("[data-queue-item]").await, 10);
    assert!(queue.page <= LATER_PAGE, "the queue takes {} bytes", queue.page);
    visit(&sara, "/admin/payments/history").await;
    sara.close().await;
    shop.close().await;
}

/// Bytes on the wire; `all` holds the pictures in the window too.
struct Visit {
    page: u64,
    assets: u64,
    all: u64,
}

async fn visit(browser: &Browser, path: &str) -> Visit {
    browser.read_wire().await;
    browser.wire.borrow_mut().clear();
    browser.goto(path).await;
    let loaded = "const seen = Array.from(document.images).filter((picture) => {
            const box = picture.getBoundingClientRect();
            return picture.checkVisibility() && box.top < window.innerHeight;
        });
        return document.readyState === 'complete' && document.fonts.status === 'loaded' &&
            seen.every((picture) => picture.naturalWidth > 0)";
    browser.wait_for_js("the page with all its parts", loaded).await;
    browser
        .until("the end of all requests", async || {
            browser.read_wire().await;
            let wire = browser.wire.borrow();
            let done = wire.requests().all(|request| request.finished || request.url.ends_with("/events"));
            Ok((done && wire.requests().next().is_some()).then_some(()))
        })
        .await;
    let wire = browser.wire.borrow();
    let sum = |part: &str| {
        wire.requests().filter(|request| !request.cached && request.url.contains(part)).map(|r| r.bytes).sum()
    };
    let page =
        wire.requests().filter(|request| request.url.ends_with(path)).map(|request| request.bytes).sum();
    let visit = Visit { page, assets: sum("/assets/"), all: wire.bytes() };
    let asked = wire.requests().filter(|request| !request.cached).count();
    println!("{path}: page {page} bytes, assets {}, all {} in {asked} requests", visit.assets, visit.all);
    visit
}

/// Fills the form of a payment, with a photo that takes its time on a slow network.
async fn fill_form(shop: &Shop, reza: &Browser) {
    reza.goto("/agent/wallet/charge").await;
    reza.fill("#amount", "۲۵۰٬۰۰۰").await;
    reza.choose_file("#receipt", &shop.picture(&pictures::noise(900, 900))).await;
    reza.find("[data-preview] img").await;
    reza.fill("#tracking_number", "123456").await;
    reza.fill("#note", "با کارت خواهرم").await;
}

async fn assert_kept(reza: &Browser) {
    assert_eq!(reza.value("#amount").await, "۲۵۰٬۰۰۰");
    assert_eq!(reza.value("#tracking_number").await, "123456");
    assert_eq!(reza.value("#note").await, "با کارت خواهرم");
}

const SEND: &str = "form[data-upload] .card__actions button";

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_upload_shows_its_progress_and_loses_nothing_when_the_network_goes(db: PgPool) {
    let shop = Shop::open(db).await;
    let reza = shop.signed_in("reza", Options::PHONE).await;
    reza.expect_in_log("net::ERR_INTERNET_DISCONNECTED");
    fill_form(&shop, &reza).await;
    reza.mark().await;
    reza.set_network(40_000).await;
    reza.click(SEND).await;
    let under_way = "const bar = document.querySelector('[data-progress] progress');
        return bar.checkVisibility() && bar.value > 0 && bar.value < 100";
    reza.wait_for_js("some progress", under_way).await;
    reza.screenshot("uploading").await;
    reza.set_network(0).await;
    reza.wait_for_text("[data-upload-error]", "اینترنت قطع شد").await;
    assert_kept(&reza).await;
    assert_eq!(reza.js("return document.querySelector('#receipt').files.length").await, 1);
    reza.was_not_reloaded().await;
    reza.screenshot("upload-failed").await;
    reza.set_network(10_000_000).await;
    reza.click(SEND).await;
    reza.wait_for_path("/agent/wallet").await;
    reza.wait_for_text("#flash", "تومان ثبت شد").await;
    let payments = sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM payments"#).fetch_one(&shop.db).await;
    assert_eq!(payments.unwrap(), 1);
    reza.close().await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_refused_receipt_leaves_the_rest_of_the_form_as_it_was(db: PgPool) {
    let shop = Shop::open(db).await;
    let reza = shop.signed_in("reza", Options::PHONE).await;
    reza.expect_in_log("422");
    fill_form(&shop, &reza).await;
    let page = shop.files().join("receipt.jpg");
    std::fs::write(&page, "<html><script>alert(1)</script>").unwrap();
    reza.choose_file("#receipt", &page).await;
    reza.click(SEND).await;
    reza.wait_for_text("#receipt-error", "این فایل عکس یا PDF نیست").await;
    assert_kept(&reza).await;
    reza.screenshot("charge-refused").await;
    reza.choose_file("#receipt", &shop.picture(&pictures::receipt(3))).await;
    reza.click(SEND).await;
    reza.wait_for_path("/agent/wallet").await;
    reza.close().await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_was_typed_outlives_the_session(db: PgPool) {
    let shop = Shop::open(db).await;
    for options in [Options::PHONE, Options::PHONE.without_scripts()] {
        let reza = shop.signed_in("reza", options).await;
        // The hint beside the amount may be asked for after the session has ended.
        reza.expect_in_log("401");
        reza.goto("/agent/wallet/charge").await;
        reza.fill("#amount", "۲۵۰٬۰۰۰").await;
        reza.choose_file("#receipt", &shop.picture(&pictures::receipt(4))).await;
        reza.fill("#tracking_number", "123456").await;
        reza.fill("#note", "با کارت خواهرم").await;
        sqlx::query!("DELETE FROM web_sessions").execute(&shop.db).await.unwrap();
        reza.click(SEND).await;
        reza.find("#password").await;
        reza.fill_sign_in("reza").await;
        reza.wait_for_path("/agent/wallet/charge").await;
        assert_kept(&reza).await;
        reza.close().await;
    }
    shop.close().await;
}
