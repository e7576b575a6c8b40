//! Signing in and out, and what a person chooses for herself.

use sqlx::PgPool;
use totp_rs::{Builder, Secret};

use crate::{chrome::Options, shop::Shop};

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_sign_in_page_is_persian_and_fits_every_screen(db: PgPool) {
    let shop = Shop::open(db).await;
    for options in [Options::PHONE, Options::DESKTOP] {
        let browser = shop.browser(options).await;
        browser.goto("/login").await;
        assert_eq!(browser.text("h1").await, "ورود");
        assert_eq!(browser.attribute("html", "dir").await, "rtl");
        let font =
            browser.js("await document.fonts.ready; return document.fonts.check('16px Vazirmatn', 'ورود')");
        assert_eq!(font.await, true, "the font was not loaded");
        browser.no_sideways_scroll().await;
        browser.screenshot("login").await;
        browser.close().await;
    }
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn people_sign_in_and_out(db: PgPool) {
    let shop = Shop::open(db).await;
    let browser = shop.browser(Options::DESKTOP).await;
    browser.goto("/account").await;
    browser.fill_sign_in("reza").await;
    browser.wait_for_path("/account").await;
    browser.click(".topbar summary").await;
    browser.click("form[action='/sign-out'] button").await;
    browser.wait_for_path("/login").await;
    browser.goto("/account").await;
    browser.wait_for_path("/login?next=/account").await;
    browser.close().await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_phone_becomes_the_second_key_and_is_asked_for_at_the_next_sign_in(db: PgPool) {
    let shop = Shop::open(db).await;
    let browser = shop.signed_in("reza", Options::PHONE).await;
    browser.goto("/account/two-factor").await;
    browser.click("form[action='/account/two-factor/enrolment'] button").await;
    browser.wait_for_path("/account/two-factor/enrolment").await;
    browser.no_sideways_scroll().await;
    let address = browser.attribute("a[href^='otpauth:']", "href").await;
    let secret = address.split("secret=").nth(1).unwrap().split('&').next().unwrap();
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build_noncompliant();
    let code = |later: i64| {
        totp.generate(u64::try_from(shop.clock.now().unix_timestamp() + later).unwrap()).to_string()
    };
    browser.fill("#code", &code(0)).await;
    browser.click("form[action='/account/two-factor/confirmation'] .btn--primary").await;
    browser.wait_for_count("#recovery-codes li", 10).await;
    browser.no_sideways_scroll().await;
    browser.click("#recovery-codes .btn--primary").await;
    browser.wait_for_count("#on", 1).await;

    browser.click(".topbar summary").await;
    browser.click("form[action='/sign-out'] button").await;
    browser.wait_for_path("/login").await;
    browser.fill_sign_in("reza").await;
    browser.wait_for_path("/login/code").await;
    assert_eq!(browser.js("return document.activeElement.id").await, "code", "nothing is to be tapped first");
    browser.goto("/agent").await;
    assert!(browser.path().await.starts_with("/login"), "the password alone opens no page");
    browser.goto("/login/code").await;
    browser.no_sideways_scroll().await;
    // The code of enrolment has been used; the next one is taken too.
    browser.fill("#code", &code(30)).await;
    browser.click("form[action='/login/code'] .btn--primary").await;
    browser.wait_for_path("/agent").await;
    browser.close().await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn language_and_theme_switch_at_once_and_are_remembered(db: PgPool) {
    let shop = Shop::open(db).await;
    let browser = shop.browser(Options::PHONE).await;
    browser.goto("/login").await;
    let light = browser.js(BACKGROUND).await;
    browser.click("[name=theme][value=dark]").await;
    browser.wait_for_count("html[data-theme=dark]", 1).await;
    assert_ne!(browser.js(BACKGROUND).await, light);
    browser.click("[name=language][value=en]").await;
    browser.wait_for_count("html[lang=en][dir=ltr][data-theme=dark]", 1).await;
    assert_eq!(browser.text("h1").await, "Sign in");
    browser.sign_in("reza").await;
    browser.goto("/account").await;
    assert_eq!(browser.count("html[lang=fa][data-theme=dark]").await, 1, "the account's own language counts");
    browser.close().await;
    shop.close().await;
}

const BACKGROUND: &str = "return getComputedStyle(document.body).backgroundColor";

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_dark_device_gets_dark_pages_unless_its_person_wants_light_ones(db: PgPool) {
    let shop = Shop::open(db).await;
    let (light, dark) = (shop.browser(Options::PHONE).await, shop.browser(Options::PHONE.dark()).await);
    light.goto("/login").await;
    dark.goto("/login").await;
    let paper = light.js(BACKGROUND).await;
    assert_ne!(dark.js(BACKGROUND).await, paper);
    dark.screenshot("login").await;
    dark.click("[name=theme][value=light]").await;
    dark.wait_for_count("html[data-theme=light]", 1).await;
    assert_eq!(dark.js(BACKGROUND).await, paper);
    light.close().await;
    dark.close().await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn signing_in_works_without_scripts(db: PgPool) {
    let shop = Shop::open(db).await;
    let browser = shop.browser(Options::PHONE.without_scripts()).await;
    browser.goto("/account").await;
    browser.fill_sign_in("mina").await;
    browser.wait_for_path("/account").await;
    browser.click(".topbar summary").await;
    browser.click("[name=language][value=en]").await;
    browser.wait_for_count("html[lang=en]", 1).await;
    browser.click(".topbar summary").await;
    browser.click("form[action='/sign-out'] button").await;
    browser.wait_for_path("/login").await;
    browser.close().await;
    shop.close().await;
}
