//! A wallet's statement on paper and as Excel.

use calamine::Data;
use rad_panel::ledger;
use sqlx::PgPool;
use time::macros::datetime;

use super::{Workbook, whole};
use crate::support::TestApp;

/// Credit on three days: 1, 2 and 3 Azar 1405.
async fn three_days(app: &TestApp) {
    for (time, toman) in [
        (datetime!(2026-11-22 10:00 UTC), 100_000),
        (datetime!(2026-11-23 10:00 UTC), -30_000),
        (datetime!(2026-11-24 10:00 UTC), 5_000),
    ] {
        app.clock.set(time);
        app.give_credit(app.reza, toman).await;
        app.give_credit(app.mina, 7).await;
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_agents_paper_leads_from_one_balance_to_the_other(db: PgPool) {
    let app = TestApp::start(db).await;
    three_days(&app).await;
    let reza = app.signed_in("reza").await;
    for (query, rows, balances) in [
        ("", 3, ["۰ تومان", "\u{200e}+۷۵٬۰۰۰ تومان", "۷۵٬۰۰۰ تومان"]),
        (
            "?from=1405/09/02&to=1405/09/02",
            1,
            ["۱۰۰٬۰۰۰ تومان", "\u{200e}\u{2212}۳۰٬۰۰۰ تومان", "۷۰٬۰۰۰ تومان"],
        ),
        ("?from=1405/09/04&to=", 0, ["۷۵٬۰۰۰ تومان", "۰ تومان", "۷۵٬۰۰۰ تومان"]),
        ("?from=&to=1405/08/30", 0, ["۰ تومان", "۰ تومان", "۰ تومان"]),
        ("?from=&to=", 3, ["۰ تومان", "\u{200e}+۷۵٬۰۰۰ تومان", "۷۵٬۰۰۰ تومان"]),
    ] {
        let page = reza.get(&format!("/agent/wallet/statement{query}")).await.expect(200);
        assert_eq!(page.texts("#balances .amount"), balances, "{query}");
        assert_eq!((page.count("#lines tbody tr"), page.count("nav")), (rows, 0), "{query}");
        assert!(page.text("#facts").contains("رضا") && page.text(".paper__shop") == "RAD");
    }
    let wrong = reza.get("/agent/wallet/statement?from=1405/13/01").await.expect(422);
    assert_eq!((wrong.count("#from-error"), wrong.count("#balances")), (1, 0));
    assert_eq!(wrong.attribute("#from", "value"), "1405/13/01");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admin_prints_anybodys_statement_and_nobody_else_does(db: PgPool) {
    let app = TestApp::start(db).await;
    three_days(&app).await;
    let sara = app.signed_in("sara").await;
    let person = sara.get(&format!("/admin/agents/{}", app.reza)).await.expect(200);
    let path = format!("/admin/people/{}/statement", app.reza);
    assert!(person.attributes("#statement a", "href").contains(&path));
    let page = sara.get(&path).await.expect(200);
    assert_eq!(page.count("#lines tbody tr"), 3);
    assert!(page.text("#lines").contains("credit for a test"));
    sara.get(&format!("/admin/people/{}/statement", app.nima)).await.expect(200);
    for nobody in [app.sara.0, 999] {
        sara.get(&format!("/admin/people/{nobody}/statement")).await.expect(404);
        sara.get(&format!("/admin/people/{nobody}/statement/excel")).await.expect(404);
    }
    let mina = app.signed_in("mina").await;
    for address in [path.clone(), format!("{path}/excel")] {
        assert!(matches!(mina.get(&address).await.status, 403 | 404));
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_statement_as_excel_says_the_same(db: PgPool) {
    let app = TestApp::start(db).await;
    three_days(&app).await;
    let reza = app.signed_in("reza").await;
    let page = reza.get("/agent/wallet/statement?from=1405/09/02&to=1405/09/03").await.expect(200);
    let link = page.attributes("a", "href").into_iter().find(|link| link.contains("/excel")).unwrap();
    let answer = reza.get(&link).await;
    assert!(answer.header("content-disposition").contains("statement-reza_1405-09-02_1405-09-03.xlsx"));
    let book = Workbook::read(&answer);
    let rows = book.rows(0);
    // Oldest first, as accounts are read.
    assert_eq!(rows.iter().map(|row| whole(&row[5])).collect::<Vec<_>>(), [-30_000, 5_000]);
    assert_eq!(rows.iter().map(|row| whole(&row[6])).collect::<Vec<_>>(), [70_000, 75_000]);
    assert_eq!(rows[0][1], Data::String("۱۴۰۵/۰۹/۰۲".to_owned()));
    assert_eq!(whole(&book.sums(0)[5]), -25_000);
    let told: Vec<String> = book.sheets[1].1.rows().map(|row| row[0].to_string()).collect();
    assert!(told.contains(&"RAD".to_owned()) && told.contains(&"رضا".to_owned()), "{told:?}");
    assert!(book.markup().contains("rightToLeft=\"1\""));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_statement_longer_than_paper_or_a_file_says_so(db: PgPool) {
    let app = TestApp::start(db).await;
    app.post_many(40_002).await;
    let reza = app.signed_in("reza").await;
    let page = reza.get("/agent/wallet/statement?from=&to=").await.expect(200);
    assert_eq!((page.count("#lines tbody tr"), page.count("#cut")), (5_000, 1));
    let total = app.balance(app.reza).await.total();
    let balances = page.texts("#balances .amount");
    let t = rad_panel::locale::Tr::default();
    assert_eq!((balances[0].clone(), balances[2].clone()), ("۰ تومان".to_owned(), t.amount(total)));
    let excel = reza.get("/agent/wallet/statement/excel?from=&to=").await.expect(303);
    assert!(reza.get(excel.location()).await.text("#flash").contains("۲۰٬۰۰۰"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_period_has_no_hole_where_a_clock_was_a_moment_behind(db: PgPool) {
    let app = TestApp::start(db).await;
    // Written one after the other, but the second one's clock still stood before midnight.
    for (time, toman) in [
        (datetime!(2026-11-22 20:30:00.5 UTC), 10),
        (datetime!(2026-11-22 20:29:59.5 UTC), 20),
        (datetime!(2026-11-22 20:30:01 UTC), 40),
    ] {
        app.clock.set(time);
        app.give_credit(app.reza, toman).await;
    }
    let mut conn = app.db.acquire().await.unwrap();
    let (midnight, next) = (datetime!(2026-11-22 20:30 UTC), datetime!(2026-11-23 20:30 UTC));
    let period = ledger::period(&mut conn, app.reza, midnight, next, 100).await.unwrap();
    let amounts: i64 = period.entries.iter().map(|entry| entry.amount().0).sum();
    assert_eq!(period.closing.0 - period.opening.0, amounts);
    assert_eq!((period.rows, period.entries.len()), (3, 3));
    app.finish().await;
}
