//! Customers: how they register, and the admin's pages about them.

mod registration;

use rad_panel::{accounts, ids::UserId};
use sqlx::PgPool;

use crate::support::TestApp;

async fn register(app: &TestApp, n: i64) -> UserId {
    let id = sqlx::query_scalar!(
        "WITH u AS (
             INSERT INTO users (username, password_hash, role) VALUES ('buyer' || $1::text, 'x', 'END_USER') RETURNING id
         ), w AS (INSERT INTO wallets (user_id) SELECT id FROM u)
         INSERT INTO end_users (user_id, phone) SELECT id, '0935' || lpad($1::text, 7, '0') FROM u RETURNING user_id",
        n.to_string()
    );
    UserId(id.fetch_one(&app.db).await.unwrap())
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn customers_are_found_by_name_phone_and_status(db: PgPool) {
    let app = TestApp::start(db).await;
    let one = register(&app, 1).await;
    accounts::disable(&app.db, one, app.sara, app.clock.now()).await.unwrap();
    let sara = app.signed_in("sara").await;
    for (query, expected) in [
        ("", vec![one, app.nima]),
        ("?show=active", vec![app.nima]),
        ("?show=disabled", vec![one]),
        ("?show=nonsense&before=nonsense", vec![one, app.nima]),
        ("?q=NIM", vec![app.nima]),
        ("?q=%DB%B0%DB%B9%DB%B3%DB%B5", vec![one]),
        ("?q=00989123333333", vec![app.nima]),
        ("?q=reza", vec![]),
        ("?q=%25", vec![]),
    ] {
        let page = sara.get(&format!("/admin/customers{query}")).await.expect(200);
        let expected: Vec<_> = expected.iter().map(|id| format!("/admin/customers/{id}")).collect();
        assert_eq!(page.attributes("tbody a", "href"), expected, "{query}");
    }
    let part = sara.get_part("/admin/customers?q=nima").await.expect(200);
    assert_eq!((part.count("#customers tbody tr"), part.count("h1")), (1, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_pages_of_the_list_hold_every_customer_once(db: PgPool) {
    let app = TestApp::start(db).await;
    for n in 0..70 {
        register(&app, n).await;
    }
    let sara = app.signed_in("sara").await;
    let (mut found, mut path) = (Vec::new(), "/admin/customers?q=buyer".to_owned());
    while !path.is_empty() {
        let page = sara.get(&path).await.expect(200);
        found.extend(page.attributes("tbody a", "href"));
        path = page.attributes("a[rel=next]", "href").pop().unwrap_or_default();
    }
    let mut unique = found.clone();
    unique.dedup();
    assert_eq!((found.len(), unique.len()), (70, 70));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_page_of_a_customer_shows_her_and_nobody_else(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.nima, 42_000).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get(&format!("/admin/customers/{}", app.nima)).await.expect(200);
    assert_eq!(page.text("h1"), "nima");
    assert!(page.text("#wallet").contains("۴۲٬۰۰۰") && page.text("#profile").contains("09123333333"));
    for id in [app.reza.to_string(), app.sara.to_string(), "999".to_owned(), "x".to_owned()] {
        sara.get(&format!("/admin/customers/{id}")).await.expect(404);
    }
    app.finish().await;
}
