//! The agent's wallet, through the router.

use rad_panel::payments::{self, ApprovalInput};
use sqlx::PgPool;
use time::macros::datetime;

use super::{card, pay, wallet};
use crate::support::TestApp;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_wallet_tells_what_its_total_is_made_of(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    app.give_credit(app.reza, 100_000).await;
    pay(&app, app.reza, 50_000).await;
    let reza = app.signed_in("reza").await;
    let page = reza.get("/agent/wallet").await.expect(200);
    assert_eq!(page.text("#balance-total"), "۱۵۰٬۰۰۰ تومان");
    assert_eq!(page.texts("#balance-parts dd"), ["۱۰۰٬۰۰۰ تومان", "۵۰٬۰۰۰ تومان"]);
    assert_eq!(page.count("details #balance-parts"), 1, "on a click");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn spending_draws_on_confirmed_credit_first(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    pay(&app, app.reza, 50_000).await;
    app.give_credit(app.reza, -20_000).await;
    let reza = app.signed_in("reza").await;
    let page = reza.get("/agent/wallet").await.expect(200);
    assert_eq!(page.texts("#balance-parts dd"), ["۰ تومان", "۳۰٬۰۰۰ تومان"]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_status_of_a_payment_follows_by_itself(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 50_000).await;
    let reza = app.signed_in("reza").await;
    let page = reza.get("/agent/wallet").await.expect(200);
    let path = page.attribute("[data-live='/events'] #payments", "hx-get");
    let input = ApprovalInput { actual: None, note: Some("تشکر".to_owned()) };
    payments::approve(&app.db, payment, app.sara, input, app.clock.now()).await.unwrap();
    let part = reza.get_part(&path).await.expect(200);
    assert_eq!(part.texts("#payments .badge"), ["تاییدشده"]);
    assert!(part.text("#payments").contains("تشکر"));
    assert_eq!(part.texts("#balance-parts[hx-swap-oob] dd"), ["۵۰٬۰۰۰ تومان", "۰ تومان"]);
    let mina = app.signed_in("mina").await;
    assert_eq!(mina.get_part(&path).await.expect(200).count("#payments .badge"), 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_payment_that_waits_can_be_withdrawn_by_its_payer(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 50_000).await;
    let path = format!("/agent/payments/{payment}/withdrawal");
    app.signed_in("mina").await.post(&path, &[]).await.expect(404);
    let reza = app.signed_in("reza").await;
    assert_eq!(reza.get("/agent/wallet").await.attribute("#payments form", "action"), path);
    reza.post(&path, &[]).await.expect(303);
    let page = reza.get("/agent/wallet").await.expect(200);
    assert_eq!((page.count("#flash .flash--ok"), page.count("#payments form")), (1, 0));
    assert_eq!(wallet(&app, app.reza).await, (0, 0));
    let late = pay(&app, app.reza, 50_000).await;
    payments::approve(&app.db, late, app.sara, ApprovalInput::default(), app.clock.now()).await.unwrap();
    reza.post(&format!("/agent/payments/{late}/withdrawal"), &[]).await.expect(303);
    assert_eq!(reza.get("/agent/wallet").await.count("#flash .flash--warn"), 1);
    assert_eq!(wallet(&app, app.reza).await, (50_000, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn each_row_of_the_statement_explains_itself(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    app.give_credit(app.reza, 100_000).await;
    let (one, two, three) = (
        pay(&app, app.reza, 50_000).await,
        pay(&app, app.reza, 20_000).await,
        pay(&app, app.reza, 30_000).await,
    );
    let now = app.clock.now();
    payments::approve(&app.db, one, app.sara, ApprovalInput::default(), now).await.unwrap();
    payments::reject(&app.db, two, app.sara, "رسید خوانا نیست", now).await.unwrap();
    payments::withdraw(&app.db, three, app.reza, now).await.unwrap();
    let reza = app.signed_in("reza").await;
    let rows = reza.get("/agent/wallet").await.expect(200).texts("#entries tbody tr");
    let expected: [&[&str]; 7] = [
        &["پس گرفتید", "شما", "\u{2212}۳۰٬۰۰۰", "۱۵۰٬۰۰۰"],
        &["رد شد", "رسید خوانا نیست", "مدیر", "\u{2212}۲۰٬۰۰۰", "۱۸۰٬۰۰۰"],
        &["تایید شد", "۵۰٬۰۰۰", "مدیر", "۲۰۰٬۰۰۰"],
        &["در انتظار", "شما", "+۳۰٬۰۰۰", "۲۰۰٬۰۰۰"],
        &["در انتظار", "شما", "+۲۰٬۰۰۰", "۱۷۰٬۰۰۰"],
        &["در انتظار", "شما", "+۵۰٬۰۰۰", "۱۵۰٬۰۰۰"],
        &["دستی", "مدیر", "credit for a test", "+۱۰۰٬۰۰۰"],
    ];
    assert_eq!(rows.len(), expected.len());
    for (row, parts) in rows.iter().zip(expected) {
        assert!(parts.iter().all(|part| row.contains(part)), "{parts:?} not in {row}");
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_statement_is_filtered_by_type_and_by_jalali_days(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    app.clock.set(datetime!(2026-11-22 20:29 UTC));
    let payment = pay(&app, app.reza, 50_000).await;
    app.clock.set(datetime!(2026-11-22 20:31 UTC));
    payments::approve(&app.db, payment, app.sara, ApprovalInput::default(), app.clock.now()).await.unwrap();
    let reza = app.signed_in("reza").await;
    for (query, rows) in [
        ("?type=CHARGE_PENDING", 1),
        ("?type=ORDER_CREATED", 0),
        ("?type=", 2),
        ("?from=1405/09/02", 1),
        ("?to=%DB%B1%DB%B4%DB%B0%DB%B5/%DB%B9/%DB%B1", 1),
        ("?from=1405-9-1&to=1405-9-2", 2),
        ("?from=1405/09/03", 0),
    ] {
        let page = reza.get(&format!("/agent/wallet{query}")).await.expect(200);
        assert_eq!(page.count("#entries tbody tr"), rows, "{query}");
    }
    for (query, field) in
        [("?from=abc", "from"), ("?to=1405/13/01", "to"), ("?from=1405/09/02&to=1405/09/01", "to")]
    {
        let page = reza.get(&format!("/agent/wallet{query}")).await.expect(422);
        assert_eq!(page.count(&format!("#{field}-error")), 1, "{query}");
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_pages_of_the_statement_hold_every_row_once(db: PgPool) {
    let app = TestApp::start(db).await;
    for n in 1..=60 {
        app.give_credit(app.reza, n).await;
    }
    let reza = app.signed_in("reza").await;
    let (mut balances, mut path) = (Vec::new(), "/agent/wallet?type=CHARGE_MANUAL".to_owned());
    while !path.is_empty() {
        let page = reza.get(&path).await.expect(200);
        balances.extend(page.texts("#entries tbody td:last-child"));
        path = page.attributes("a[rel=next]", "href").pop().unwrap_or_default();
    }
    assert_eq!(balances.len(), 60);
    assert_eq!((balances[0].as_str(), balances[59].as_str()), ("۱٬۸۳۰ تومان", "۱ تومان"));
    app.finish().await;
}
