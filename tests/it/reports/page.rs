//! The report on a page.

use rad_panel::payments::{self, ApprovalInput};
use sqlx::PgPool;
use time::macros::datetime;

use crate::{
    payments::{card, pay},
    support::{Client, TestApp},
};

/// The text of the cells of a column, by the label that it has as a card.
async fn column(sara: &Client, query: &str, number: usize) -> Vec<String> {
    let page = sara.get(&format!("/admin/reports{query}")).await.expect(200);
    page.texts(&format!("#lines tbody td:nth-child({number})"))
}

/// Reza's approved payment of 1 Azar, and Mina's waiting one of 3 Azar, and credit for Nima.
async fn a_little_history(app: &TestApp) -> (i64, i64) {
    let first = card(&app.db, "ملی").await;
    app.clock.set(datetime!(2026-11-22 10:00 UTC));
    let old = pay(app, app.reza, 50_000).await;
    payments::approve(&app.db, old, app.sara, ApprovalInput::default(), app.clock.now()).await.unwrap();
    sqlx::query!("UPDATE payment_methods SET status = 'INACTIVE'").execute(&app.db).await.unwrap();
    let second = card(&app.db, "ملت").await;
    app.clock.set(datetime!(2026-11-24 10:00 UTC));
    pay(app, app.mina, 200_000).await;
    app.give_credit(app.nima, -7_000).await;
    (first.0, second.0)
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn every_filter_finds_what_it_says(db: PgPool) {
    let app = TestApp::start(db).await;
    let (first, second) = a_little_history(&app).await;
    let sara = app.signed_in("sara").await;
    let (reza, mina, nima) = ("رضا reza", "مینا mina", "nima");
    for (query, expected) in [
        ("?range=all".to_owned(), vec![nima, mina, reza, reza]),
        (String::new(), vec![nima, mina, reza, reza]),
        ("?range=today".to_owned(), vec![nima, mina]),
        ("?range=yesterday".to_owned(), vec![]),
        ("?range=last-month".to_owned(), vec![]),
        ("?range=year".to_owned(), vec![nima, mina, reza, reza]),
        ("?from=1405/09/02".to_owned(), vec![nima, mina]),
        ("?to=1405/09/01".to_owned(), vec![reza, reza]),
        ("?range=all&agent=reza".to_owned(), vec![reza, reza]),
        ("?range=all&agent=reza&agent=mina".to_owned(), vec![mina, reza, reza]),
        ("?range=all&people=Mina%D8%8C+nima".to_owned(), vec![nima, mina]),
        ("?range=all&role=END_USER".to_owned(), vec![nima]),
        ("?range=all&type=CHARGE_APPROVED".to_owned(), vec![reza]),
        ("?range=all&type=CHARGE_APPROVED&type=CHARGE_MANUAL".to_owned(), vec![nima, reza]),
        ("?range=all&status=PENDING".to_owned(), vec![mina]),
        ("?range=all&status=APPROVED".to_owned(), vec![reza, reza]),
        (format!("?range=all&method={first}"), vec![reza, reza]),
        (format!("?range=all&method={first}&method={second}"), vec![mina, reza, reza]),
        ("?view=payments&range=all".to_owned(), vec![mina, reza]),
        ("?view=payments&range=all&status=APPROVED".to_owned(), vec![reza]),
        ("?view=payments&range=today".to_owned(), vec![mina]),
        (format!("?view=payments&range=all&method={second}"), vec![mina]),
        ("?view=payments&range=all&role=END_USER".to_owned(), vec![]),
        ("?from=&to=".to_owned(), vec![nima, mina, reza, reza]),
    ] {
        assert_eq!(column(&sara, &query, 3).await, expected, "{query}");
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_typed_wrong_stays_with_its_message_beside_it(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    for (query, field, typed) in [
        ("?from=2026/11/22", "from", "2026/11/22"),
        ("?from=1405/12/30", "from", "1405/12/30"),
        ("?to=abc", "to", "abc"),
        ("?from=%DB%B1%DB%B4%DB%B0%DB%B5/%DB%B1%DB%B3/1", "from", "۱۴۰۵/۱۳/1"),
        ("?from=1405/09/02&to=1405/09/01", "to", "1405/09/01"),
        ("?people=reza+nobody", "people", "reza nobody"),
    ] {
        let page = sara.get(&format!("/admin/reports{query}")).await.expect(422);
        assert_eq!(page.count(&format!("#{field}-error")), 1, "{query}");
        assert_eq!(page.attribute(&format!("#{field}"), "value"), typed, "{query}");
        assert_eq!(page.count("#filter[open]"), 1);
        // The other ways lead back to the fields.
        let print = sara.get(&format!("/admin/reports/print{query}")).await.expect(303);
        assert!(print.location().starts_with("/admin/reports?"), "{}", print.location());
        sara.get(print.location()).await.expect(422);
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_range_fills_the_days_and_is_marked_and_the_month_is_the_first_one(db: PgPool) {
    let app = TestApp::start(db).await;
    app.clock.set(datetime!(2026-11-24 10:00 UTC));
    let sara = app.signed_in("sara").await;
    for (query, label, from, to) in [
        ("", "این ماه", "۱۴۰۵/۰۹/۰۱", "۱۴۰۵/۰۹/۰۳"),
        ("?range=week", "این هفته", "۱۴۰۵/۰۸/۳۰", "۱۴۰۵/۰۹/۰۳"),
        ("?range=last-month", "ماه پیش", "۱۴۰۵/۰۸/۰۱", "۱۴۰۵/۰۸/۳۰"),
        ("?from=1405/9/3&to=1405/9/3", "امروز", "1405/9/3", "1405/9/3"),
        ("?range=all", "همهٔ زمان‌ها", "", ""),
        // A form that was emptied.
        ("?from=&to=", "همهٔ زمان‌ها", "", ""),
    ] {
        let page = sara.get(&format!("/admin/reports{query}")).await.expect(200);
        assert!(page.texts("[aria-current=page]").contains(&label.to_owned()), "{query}");
        assert_eq!(page.attribute("#from", "value"), from, "{query}");
        assert_eq!(page.attribute("#to", "value"), to, "{query}");
    }
    // Other filters go along.
    let page = sara.get("/admin/reports?range=all&agent=reza&type=CHARGE_MANUAL").await.expect(200);
    let links = page.attributes(".tabs a", "href");
    assert!(links.iter().all(|link| link.contains("agent=reza") && link.contains("CHARGE")), "{links:?}");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_day_begins_and_ends_at_midnight_in_tehran(db: PgPool) {
    let app = TestApp::start(db).await;
    // 2 Azar 1405 is from 20:30 UTC on the 22nd to 20:30 UTC on the 23rd.
    for (time, toman) in [
        (datetime!(2026-11-22 20:29:59.999999 UTC), 1),
        (datetime!(2026-11-22 20:30 UTC), 20),
        (datetime!(2026-11-23 20:29:59.999999 UTC), 300),
        (datetime!(2026-11-23 20:30 UTC), 4_000),
    ] {
        app.clock.set(time);
        app.give_credit(app.reza, toman).await;
    }
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/reports?from=1405/09/02&to=1405/09/02").await.expect(200);
    assert_eq!(page.texts("#lines .table__num .amount"), ["\u{200e}+۳۰۰ تومان", "\u{200e}+۲۰ تومان"]);
    assert_eq!(page.texts("#lines tbody td:first-child"), ["۱۴۰۵/۰۹/۰۲", "۱۴۰۵/۰۹/۰۲"]);
    assert_eq!(page.texts("#lines tbody td:nth-child(2)"), ["۲۳:۵۹", "۰۰:۰۰"]);
    assert!(page.text("#sums-table .table__total").contains("۳۲۰"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_pages_hold_everything_once_also_what_happened_at_one_instant(db: PgPool) {
    let app = TestApp::start(db).await;
    for toman in 1..=130 {
        app.give_credit(app.reza, toman).await;
        app.give_credit(app.mina, toman).await;
    }
    let sara = app.signed_in("sara").await;
    let (mut found, mut path) = (Vec::new(), "/admin/reports?agent=reza".to_owned());
    while !path.is_empty() {
        let page = sara.get(&path).await.expect(200);
        found.extend(page.texts("#lines .table__num .amount"));
        // The sums are of all pages.
        assert!(page.text("#sums-table .table__total").contains("۱۳۰"), "{path}");
        path = page.attributes("a[rel=next]", "href").pop().unwrap_or_default();
    }
    let newest_first: Vec<String> = (1..=130)
        .rev()
        .map(|toman| format!("\u{200e}+{} تومان", rad_panel::persian::persian_digits(&toman.to_string())))
        .collect();
    assert_eq!(found, newest_first);
    // What stands behind a cursor may be anything.
    for after in ["x", "1_", "_", "99999999999999999999999999_1", "1_99999999999999999999"] {
        sara.get(&format!("/admin/reports?after={after}")).await.expect(200);
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn sums_are_those_of_the_ledger(db: PgPool) {
    let app = TestApp::start(db).await;
    a_little_history(&app).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/reports?range=all").await.expect(200);
    let sums = page.texts("#sums-table tbody tr");
    assert_eq!(sums.len(), 4);
    let total = &sums[3];
    // 50,000 became confirmed, 7,000 went, 200,000 wait.
    for amount in ["۴", "\u{200e}+۲۴۳٬۰۰۰ تومان", "\u{200e}+۴۳٬۰۰۰ تومان", "\u{200e}+۲۰۰٬۰۰۰ تومان"]
    {
        assert!(total.contains(amount), "{amount} in {total}");
    }
    let page = sara.get("/admin/reports?range=all&view=payments").await.expect(200);
    let total = page.text("#sums-table .table__total");
    for amount in ["۲", "۲۵۰٬۰۰۰ تومان", "۵۰٬۰۰۰ تومان", "۲۰۰٬۰۰۰ تومان"]
    {
        assert!(total.contains(amount), "{amount} in {total}");
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_approval_says_what_became_of_the_amount(db: PgPool) {
    let app = TestApp::start(db).await;
    a_little_history(&app).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/reports?range=all&type=CHARGE_APPROVED").await.expect(200);
    let row = page.text("#lines tbody tr");
    for part in
        ["تایید پرداخت", "تاییدشده \u{200e}+۵۰٬۰۰۰ تومان", "امانی \u{200e}\u{2212}۵۰٬۰۰۰ تومان", "ملی"]
    {
        assert!(row.contains(part), "{part} in {row}");
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn paper_holds_the_whole_report_up_to_its_limit_and_says_so(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let empty = sara.get("/admin/reports/print?range=all").await.expect(200);
    assert_eq!((empty.count("#lines"), empty.count("nav")), (0, 0));
    app.post_many(100).await;
    let page = sara.get("/admin/reports/print?range=all&agent=reza&type=CHARGE_MANUAL").await.expect(200);
    assert_eq!((page.count("#lines tbody tr"), page.count("#cut"), page.count("nav")), (50, 0, 0));
    assert_eq!(page.text(".paper__shop"), "RAD");
    let words = page.texts("#facts li").join(" | ");
    assert_eq!(words, "تراکنش‌ها: همهٔ زمان‌ها | کاربرها: رضا | نوع: تغییر دستی");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn more_rows_than_go_on_paper_are_told(db: PgPool) {
    let app = TestApp::start(db).await;
    app.post_many(5_001).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/reports/print?range=all").await.expect(200);
    assert_eq!(page.count("#lines tbody tr"), 5_000);
    assert!(page.text("#cut").contains("۵٬۰۰۱"));
    assert!(page.text("#sums-table .table__total").contains("۵٬۰۰۱"));
    app.finish().await;
}
