//! Excel files that come at once.

use calamine::Data;
use rad_panel::payments::{self, ApprovalInput};
use sqlx::PgPool;
use time::macros::datetime;

use super::{Workbook, ask_for_excel, whole};
use crate::{
    payments::{card, pay},
    support::TestApp,
};

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_file_holds_real_numbers_and_dates_under_persian_heads(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "کارت ملی").await;
    // Five minutes past midnight in Tehran: the day before in UTC.
    app.clock.set(datetime!(2026-11-22 20:35 UTC));
    let payment = pay(&app, app.reza, 50_000).await;
    payments::approve(&app.db, payment, app.sara, ApprovalInput::default(), app.clock.now()).await.unwrap();
    app.give_credit(app.mina, -3_000).await;
    let sara = app.signed_in("sara").await;
    let answer = ask_for_excel(&sara, "/admin/reports?from=1405/09/01&to=1405/09/02").await;
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"transactions_1405-09-01_1405-09-02.xlsx\""
    );
    let book = Workbook::read(&answer);
    assert_eq!(book.sheets[0].0, "تراکنش‌ها");
    assert_eq!(
        book.head()[..9],
        ["تاریخ", "تاریخ شمسی", "ساعت", "شخص", "نوع", "مبلغ (تومان)", "وضعیت", "روش پرداخت", "توضیح"]
    );
    let rows = book.rows(0);
    assert_eq!(rows.len(), 3);
    // Newest first: the credit, the approval, the claim.
    let claim = rows[2];
    let (Data::DateTime(date), Data::DateTime(time)) = (&claim[0], &claim[2]) else {
        panic!("{:?} and {:?} are no dates", claim[0], claim[2])
    };
    let (year, month, day, ..) = date.to_ymd_hms_milli();
    assert_eq!((year, month, day), (2026, 11, 23));
    assert_eq!((time.as_f64() * 24.0 * 60.0).round() as i64, 5);
    assert_eq!(claim[1], Data::String("۱۴۰۵/۰۹/۰۲".to_owned()));
    assert_eq!((claim[3].to_string(), claim[4].to_string()), ("رضا".to_owned(), "ثبت رسید".to_owned()));
    assert_eq!((whole(&claim[5]), claim[6].to_string().as_str()), (50_000, "تاییدشده"));
    assert_eq!(claim[7].to_string(), "کارت ملی");
    assert_eq!((whole(&rows[1][5]), whole(&rows[1][9]), whole(&rows[1][10])), (0, 50_000, -50_000));
    assert_eq!(whole(&rows[0][5]), -3_000);
    let sums = book.sums(0);
    assert_eq!((whole(&sums[5]), whole(&sums[9]), whole(&sums[10])), (47_000, 47_000, 0));
    // And by type, on the last sheet.
    let by_type: Vec<_> =
        book.sheets[1].1.rows().skip(3).map(|row| (whole(&row[1]), whole(&row[2]))).collect();
    assert_eq!(by_type.last(), Some(&(3, 47_000)));
    assert_eq!(by_type.len(), 4);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_sheet_reads_from_the_right_with_a_fixed_head_and_a_filter(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.reza, 1_000).await;
    let sara = app.signed_in("sara").await;
    let markup = Workbook::read(&ask_for_excel(&sara, "/admin/reports").await).markup();
    for part in [
        "rightToLeft=\"1\"",
        "<pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/>",
        "<autoFilter ref=\"A1:M2\"",
        "SUBTOTAL(109,F2:F2)",
        "<cols>",
    ] {
        assert!(markup.contains(part), "{part} in {}", &markup[..900.min(markup.len())]);
    }
    sqlx::query!("UPDATE users SET language = 'en' WHERE username = 'sara'").execute(&app.db).await.unwrap();
    let book = Workbook::read(&ask_for_excel(&sara, "/admin/reports").await);
    assert!(!book.markup().contains("rightToLeft=\"1\""));
    assert_eq!(book.head()[0], "Date");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_note_that_looks_like_a_formula_stays_a_note(db: PgPool) {
    let app = TestApp::start(db).await;
    let notes =
        ["=HYPERLINK(\"http://evil\",\"x\")", "+1+1", "-2+3", "@SUM(1)", "<b>&amp;\u{1}", "  علی ‌گفت  "];
    for note in notes {
        credit_with_note(&app, note).await;
    }
    let sara = app.signed_in("sara").await;
    let book = Workbook::read(&ask_for_excel(&sara, "/admin/reports").await);
    let mut found: Vec<String> = book.rows(0).iter().map(|row| row[8].to_string()).collect();
    found.reverse();
    assert_eq!(found, notes);
    // The only formulas are the sums.
    assert_eq!(book.markup().matches("<f>").count(), book.markup().matches("<f>SUBTOTAL").count());
    app.finish().await;
}

async fn credit_with_note(app: &TestApp, note: &str) {
    use rad_panel::{
        ledger::{self, EntryType, Posting, Reference},
        money::Toman,
    };
    let mut tx = app.db.begin().await.unwrap();
    let posting = Posting {
        user: app.reza,
        entry_type: EntryType::ChargeManual,
        confirmed: Toman(1),
        pending: Toman(0),
        reference: Reference::Manual,
        notes: note.to_owned(),
        by: Some(app.sara),
    };
    ledger::post(&mut tx, &posting, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_empty_report_is_an_empty_file_with_its_heads(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    app.give_credit(app.reza, 1_000).await;
    // The page of an empty report has no form; its address was kept.
    let form = [("query", "?range=yesterday"), ("request_id", "0198a5c0-0000-7000-8000-000000000001")];
    let book = Workbook::read(&sara.post("/admin/reports/exports", &form).await);
    assert!(book.rows(0).is_empty());
    assert_eq!((book.head()[0].as_str(), whole(&book.sums(0)[5])), ("تاریخ", 0));
    for (name, value) in [("query", "?from=abc"), ("query", "?people=nobody")] {
        let form = [(name, value), ("request_id", "0198a5c0-0000-7000-8000-000000000001")];
        let answer = sara.post("/admin/reports/exports", &form).await.expect(303);
        sara.get(answer.location()).await.expect(422);
    }
    let without = sara.post("/admin/reports/exports", &[("query", "?range=all")]).await;
    assert_eq!(without.status, 400);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn payments_have_a_file_of_their_own(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "کارت ملی").await;
    app.clock.set(datetime!(2026-11-22 10:00 UTC));
    let rejected = pay(&app, app.reza, 50_000).await;
    payments::reject(&app.db, rejected, app.sara, "رسید ناخواناست", app.clock.now()).await.unwrap();
    pay(&app, app.mina, 200_000).await;
    let sara = app.signed_in("sara").await;
    let answer = ask_for_excel(&sara, "/admin/reports?view=payments&from=1405/09/01&to=1405/09/01").await;
    assert!(answer.header("content-disposition").contains("payments_1405-09-01.xlsx"));
    let book = Workbook::read(&answer);
    let rows = book.rows(0);
    let told = |row: &[Data]| [4, 6, 7, 8].map(|at: usize| row[at].to_string());
    assert_eq!(told(rows[0]), ["کارت به کارت", "در انتظار", "کارت ملی", ""]);
    assert_eq!(told(rows[1]), ["کارت به کارت", "ردشده", "کارت ملی", "رسید ناخواناست"]);
    let sums = book.sums(0);
    assert_eq!((whole(&sums[5]), whole(&sums[9]), whole(&sums[10])), (250_000, 0, 200_000));
    app.finish().await;
}
