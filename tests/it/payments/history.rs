//! The history of payments and the page of one.

use rad_panel::payments::{self, ApprovalInput};
use sqlx::PgPool;
use time::macros::datetime;

use super::{card, claim, pay};
use crate::support::TestApp;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn every_filter_finds_what_it_says(db: PgPool) {
    let app = TestApp::start(db).await;
    let first = card(&app.db, "ملی").await;
    app.clock.set(datetime!(2026-11-22 10:00 UTC));
    let old = pay(&app, app.reza, 50_000).await;
    payments::approve(&app.db, old, app.sara, ApprovalInput::default(), app.clock.now()).await.unwrap();
    sqlx::query!("UPDATE payment_methods SET status = 'INACTIVE'").execute(&app.db).await.unwrap();
    let second = card(&app.db, "ملت").await;
    app.clock.set(datetime!(2026-11-24 10:00 UTC));
    rad_panel::payment_methods::draw(&app.db, app.mina, None, app.clock.now()).await.unwrap();
    let mut new = claim(&app.db, app.mina, second, 200_000).await;
    new.tracking_number = Some("8392".to_owned());
    let new = payments::submit(&app.db, app.mina, &new, app.clock.now()).await.unwrap().id;
    let sara = app.signed_in("sara").await;
    let (old, new) = (format!("/admin/payments/{old}"), format!("/admin/payments/{new}"));
    for (query, expected) in [
        ("", vec![&new, &old]),
        ("?status=APPROVED", vec![&old]),
        ("?status=PENDING", vec![&new]),
        ("?status=REJECTED", vec![]),
        ("?username=Reza", vec![&old]),
        ("?username=nobody", vec![]),
        (&format!("?method={first}"), vec![&old]),
        ("?from=1405/09/02", vec![&new]),
        ("?to=1405/09/01", vec![&old]),
        ("?from=1405/09/01&to=1405/09/03", vec![&new, &old]),
        ("?at_least=100,000", vec![&new]),
        ("?at_most=%DB%B5%DB%B0%DB%B0%DB%B0%DB%B0", vec![&old]),
        ("?tracking=%DB%B8%DB%B3-92", vec![&new]),
        ("?status=APPROVED&username=mina", vec![]),
    ] {
        let page = sara.get(&format!("/admin/payments/history{query}")).await.expect(200);
        assert_eq!(page.attributes("#history a", "href").iter().collect::<Vec<_>>(), expected, "{query}");
    }
    for (query, field) in [
        ("?from=2026/11/22", "from"),
        ("?to=abc", "to"),
        ("?from=1405/09/02&to=1405/09/01", "to"),
        ("?at_least=abc", "at_least"),
        ("?at_least=10&at_most=5", "at_most"),
    ] {
        let page = sara.get(&format!("/admin/payments/history{query}")).await.expect(422);
        assert_eq!(page.count(&format!("#{field}-error")), 1, "{query}");
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_pages_of_the_history_hold_everything_once_and_keep_the_filter(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    for _ in 0..70 {
        pay(&app, app.reza, 10_000).await;
    }
    pay(&app, app.mina, 10_000).await;
    let sara = app.signed_in("sara").await;
    let (mut found, mut path) = (Vec::new(), "/admin/payments/history?username=reza".to_owned());
    while !path.is_empty() {
        let page = sara.get(&path).await.expect(200);
        found.extend(page.attributes("#history a", "href"));
        path = page.attributes("a[rel=next]", "href").pop().unwrap_or_default();
    }
    let mut unique = found.clone();
    unique.dedup();
    assert_eq!((found.len(), unique.len()), (70, 70));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_page_of_a_payment_shows_its_receipt_and_its_rows(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 50_000).await;
    let sara = app.signed_in("sara").await;
    let path = format!("/admin/payments/{payment}");
    let page = sara.get(&path).await.expect(200);
    assert_eq!(
        (page.count("#receipt"), page.count("#ledger tbody tr"), page.count("[data-approve]")),
        (1, 1, 1)
    );
    let input = ApprovalInput { actual: None, note: Some("تشکر".to_owned()) };
    payments::approve(&app.db, payment, app.sara, input, app.clock.now()).await.unwrap();
    let page = sara.get(&path).await.expect(200);
    assert_eq!((page.count("#ledger tbody tr"), page.count("[data-approve]")), (2, 0));
    assert!(page.text("#ledger tbody tr:last-child").contains("تشکر"));
    sara.get("/admin/payments/999").await.expect(404);
    app.finish().await;
}
