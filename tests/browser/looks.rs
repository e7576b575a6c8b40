//! Every page on the smallest phone and on a desktop, light and dark: nothing too wide, nothing too small to
//! touch, nothing that a screen reader stumbles over.

use rad_panel::{
    ids::{BatchId, OrderId},
    money::Toman,
    orders::{
        NewOrder,
        bulk::{
            batches::{self, NewBatch},
            names::Named,
            selections::{self, Item, NewSelection},
        },
        changes::Kind,
        purchase,
    },
};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    browser::Browser,
    chrome::Options,
    shop::{PRICE, Shop},
};

/// axe-core 4.14.1, see its head for the licence (MPL 2.0).
const AXE: &str = include_str!("axe.min.js");

/// A shop in which every list has something to show.
async fn busy_shop(db: PgPool) -> Shop {
    let shop = Shop::open(db).await;
    shop.give_credit(shop.reza, 400_000).await;
    shop.claim(shop.reza, 1_250_000).await;
    let decided = shop.claim(shop.reza, 100_000).await;
    let now = shop.clock.now();
    rad_panel::payments::reject(&shop.db, decided, shop.sara, "پول به حساب نرسیده است.", now).await.unwrap();
    shop.claim_by(shop.mina, 250_000, 7).await;
    // All warnings that there are: the receipt and the tracking number of another payment.
    shop.claim_by(shop.reza, 250_000, 7).await;
    for username in ["ali_1403", "a_name_as_long_as_marzban_allows"] {
        shop.order(shop.reza, username).await;
    }
    shop
}

const AGENT: [(&str, &str); 16] = [
    ("overview", "/agent"),
    ("wallet", "/agent/wallet"),
    ("statement", "/agent/wallet/statement"),
    ("charge", "/agent/wallet/charge"),
    ("create-account", "/agent/create-user"),
    ("create-several", "/agent/create-user/several"),
    ("batch", "/agent/batches/1"),
    ("accounts", "/agent/users"),
    ("accounts-by-end", "/agent/users?sort=expiry&status=active"),
    ("chosen", "/agent/users/selection?do=renew&order=1&order=2&order=3&order=4"),
    ("chosen-done", "/agent/users/selections/1"),
    ("account", "/agent/users/1"),
    ("me", "/account"),
    ("password", "/account/password"),
    ("devices", "/account/sessions"),
    ("two-factor", "/account/two-factor"),
];
const ADMIN: [(&str, &str); 14] = [
    ("marzban", "/admin/settings/marzban"),
    ("settings", "/admin/settings"),
    ("overview", "/admin"),
    ("orders", "/admin/orders"),
    ("order", "/admin/orders/1"),
    ("log", "/admin/log"),
    ("queue", "/admin/payments"),
    ("history", "/admin/payments/history"),
    ("payment", "/admin/payments/1"),
    ("decided", "/admin/payments/2"),
    ("reports", "/admin/reports?range=all&type=CHARGE_PENDING&type=CHARGE_REJECTED"),
    ("paper", "/admin/reports/print?range=all"),
    ("exports", "/admin/reports/exports"),
    ("not-found", "/admin/nothing-here"),
];

const END_USER: [(&str, &str); 11] = [
    ("user-home", "/user"),
    ("user-buy", "/user/buy"),
    ("user-accounts", "/user/accounts"),
    ("user-account", "/user/accounts/3"),
    ("user-unpaid", "/user/accounts/4"),
    ("user-claimed", "/user/accounts/5"),
    ("user-cancelled", "/user/accounts/6"),
    ("user-pay", "/user/payments/new?order=4"),
    ("user-charge", "/user/payments/new"),
    ("user-payments", "/user/payments"),
    ("user-history", "/user/payments/history"),
];
const STRANGER: [(&str, &str); 2] = [("login", "/login"), ("register", "/register")];

/// Reza has made some accounts by one form, and done something with several.
async fn busy_agent(db: PgPool) -> Shop {
    let shop = busy_shop(db).await;
    let now = shop.clock.now();
    let named =
        |username: &str, alias: &str| Named { username: username.to_owned(), alias: alias.to_owned() };
    let batch = NewBatch {
        owner: shop.reza,
        plan: shop.plan,
        price_seen: Toman(PRICE),
        on_hold: false,
        request_id: Uuid::new_v4(),
        names: vec![named("ali_1403", "گرفته"), named("shop_01", "علی"), named("shop_02", "")],
    };
    batches::store(&shop.db, &batch, now).await.unwrap();
    assert!(batches::carry_out(&shop.db, shop.reza, BatchId(1), &shop.clock).await.unwrap());
    let item = |order| Item { order: OrderId(order), plan: None, seen: None };
    let selection = NewSelection {
        owner: shop.reza,
        kind: Kind::Enable,
        request_id: Uuid::new_v4(),
        items: vec![item(1), item(2)],
    };
    let id = selections::store(&shop.db, &selection, now).await.unwrap().unwrap();
    let marzban = &shop.state.server;
    assert!(selections::carry_out(&shop.db, marzban, id, shop.reza.into(), &shop.clock).await.unwrap());
    shop
}

/// Nima has an account, and an order in each state on the way to one.
async fn busy_customer(db: PgPool) -> Shop {
    let shop = busy_shop(db).await;
    let now = shop.clock.now();
    shop.give_credit(shop.nima, 155_000).await;
    let form = |username: &'static str| NewOrder {
        buyer: shop.nima,
        plan: shop.plan,
        price_seen: Toman(PRICE * 3 / 2),
        username,
        alias: "",
        note: "",
        on_hold: false,
        request_id: Uuid::new_v4(),
    };
    purchase::buy(&shop.db, &form("nima_phone"), now).await.unwrap();
    let mut made = Vec::new();
    for username in ["nima_laptop", "nima_tablet", "a_name_as_long_as_marzban_takes"] {
        made.push(purchase::reserve(&shop.db, &form(username), shop.nima.into(), now).await.unwrap());
    }
    shop.claim_for(shop.nima, 115_000, made[1]).await;
    let rejected = shop.claim_for(shop.nima, 115_000, made[2]).await;
    let reason = "مبلغ رسید با مبلغ ثبت‌شده یکی نیست.";
    rad_panel::payments::reject(&shop.db, rejected, shop.sara, reason, now).await.unwrap();
    let charged = shop.claim(shop.nima, 40_000).await;
    rad_panel::payments::reject(&shop.db, charged, shop.sara, reason, now).await.unwrap();
    shop
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_customers_pages_fit_a_phone_and_are_accessible(db: PgPool) {
    let shop = busy_customer(db).await;
    look_at(&shop, "nima", Options::PHONE, &END_USER).await;
    look_from(shop.browser(Options::PHONE).await, &STRANGER).await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_customers_pages_fit_a_desktop_and_are_accessible(db: PgPool) {
    let shop = busy_customer(db).await;
    look_at(&shop, "nima", Options::DESKTOP, &END_USER).await;
    look_from(shop.browser(Options::DESKTOP).await, &STRANGER).await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_agents_pages_fit_a_phone_and_are_accessible(db: PgPool) {
    let shop = busy_agent(db).await;
    look_at(&shop, "reza", Options::PHONE, &AGENT).await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admins_pages_fit_a_phone_and_are_accessible(db: PgPool) {
    let shop = busy_shop(db).await;
    look_at(&shop, "sara", Options::PHONE, &ADMIN).await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_agents_pages_fit_a_desktop_and_are_accessible(db: PgPool) {
    let shop = busy_agent(db).await;
    look_at(&shop, "reza", Options::DESKTOP, &AGENT).await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admins_pages_fit_a_desktop_and_are_accessible(db: PgPool) {
    let shop = busy_shop(db).await;
    look_at(&shop, "sara", Options::DESKTOP, &ADMIN).await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn enrolling_a_phone_and_looking_at_an_agents_pages_are_accessible(db: PgPool) {
    let shop = busy_shop(db).await;
    for options in [Options::PHONE, Options::DESKTOP] {
        let reza = shop.signed_in("reza", options).await;
        reza.goto("/account/two-factor").await;
        reza.click("form[action='/account/two-factor/enrolment'] button").await;
        reza.wait_for_path("/account/two-factor/enrolment").await;
        look_from(reza, &[("enrolment", "/account/two-factor/enrolment")]).await;
        let sara = shop.signed_in("sara", options).await;
        sara.goto(&format!("/admin/agents/{}", shop.reza)).await;
        sara.click("form[action$='/view-as'] button").await;
        sara.wait_for_path("/agent").await;
        look_from(sara, &[("viewed", "/agent"), ("viewed-charge", "/agent/wallet/charge")]).await;
    }
    shop.close().await;
}

async fn look_at(shop: &Shop, username: &str, options: Options, pages: &[(&str, &str)]) {
    look_from(shop.signed_in(username, options).await, pages).await;
}

/// Looks at these pages, light and dark.
pub async fn look_from(mut browser: Browser, pages: &[(&str, &str)]) {
    let options = browser.options;
    browser.expect_in_log("404");
    for (name, path) in pages {
        browser.set_dark(false).await;
        browser.goto(path).await;
        browser.no_sideways_scroll().await;
        if options.is_phone() {
            everything_can_be_touched(&browser).await;
            tables_are_cards(&browser).await;
        }
        for dark in [false, true] {
            browser.set_dark(dark).await;
            no_violations(&browser).await;
            browser.screenshot(name).await;
        }
    }
    browser.close().await;
}

/// Each control that stands by itself is at least 44 × 44 CSS pixels.
async fn everything_can_be_touched(browser: &Browser) {
    let small = browser
        .js("const controls = 'button, .btn, summary, select, textarea, .nav__link, .tabs__item, .chip, ' +
                'input:not([type=hidden], [type=radio], [type=checkbox]), label:has([type=radio], [type=checkbox])';
             return Array.from(document.querySelectorAll(controls)).filter((element) => {
                const box = element.getBoundingClientRect();
                const shown = element.checkVisibility({ visibilityProperty: true }) &&
                    !element.closest('.visually-hidden');
                return shown && (box.height < 43.5 || box.width < 43.5);
             }).map((element) => element.outerHTML.slice(0, 120) + ' ' +
                JSON.stringify(element.getBoundingClientRect()))")
        .await;
    assert_eq!(small, json!([]), "{} holds what is too small to touch", browser.path().await);
}

async fn tables_are_cards(browser: &Browser) {
    let tables = browser
        .js("return Array.from(document.querySelectorAll('table')).filter((table) => {
                const cell = table.querySelector('td');
                return getComputedStyle(cell).display === 'table-cell' || table.querySelector('thead').offsetHeight > 1;
             }).length")
        .await;
    assert_eq!(tables, 0, "{} holds a table that is no cards", browser.path().await);
}

async fn no_violations(browser: &Browser) {
    let run = format!(
        "{AXE};
         // Colours are looked at as they end, not on their way.
         for (const animation of document.getAnimations()) {{
            const endless = animation.effect.getComputedTiming().endTime === Infinity;
            if (endless) animation.cancel();
            else animation.finish();
         }}
         const result = await axe.run(document, {{ resultTypes: ['violations'] }});
         return result.violations.filter((found) => ['serious', 'critical'].includes(found.impact)).map((found) =>
            found.id + ': ' + found.help + ' ' + found.nodes.map((node) => node.html.slice(0, 160) + ' ' +
            node.failureSummary).join(' | '))"
    );
    let violations: Value = browser.js(&run).await;
    let shade = if browser.options.dark { "dark" } else { "light" };
    assert_eq!(violations, json!([]), "{} in {shade}", browser.path().await);
}
