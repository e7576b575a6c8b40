//! Who sees a receipt, and how it is handed out.

use sqlx::PgPool;

use super::{Form, card, screenshot};
use crate::{receipts::pictures::PDF, support::TestApp};

async fn receipt_of_reza(app: &TestApp, name: &str, content: &[u8]) -> i64 {
    let reza = app.signed_in("reza").await;
    Form::open(&reza).await.with("amount", "50000").send_file(&reza, name, content).await.expect(303);
    sqlx::query_scalar!("SELECT receipt_id FROM payments ORDER BY id DESC LIMIT 1")
        .fetch_one(&app.db)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_receipt_is_for_its_payer_and_the_admin(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let id = receipt_of_reza(&app, "a.png", &screenshot(1)).await;
    for path in [format!("/receipts/{id}"), format!("/receipts/{id}/thumbnail")] {
        for friend in ["reza", "sara"] {
            let file = app.signed_in(friend).await.get(&path).await.expect(200);
            assert!(image::load_from_memory(&file.bytes).is_ok(), "{path} for {friend}");
        }
        for stranger in ["mina", "nima"] {
            app.signed_in(stranger).await.get(&path).await.expect(404);
        }
        assert!(app.stranger().get(&path).await.expect(303).location().starts_with("/login"));
    }
    let sara = app.signed_in("sara").await;
    for nothing in ["/receipts/999", "/receipts/-1", "/receipts/999/thumbnail"] {
        sara.get(nothing).await.expect(404);
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_receipt_can_do_nothing_in_a_browser(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    for (name, content, content_type) in
        [("a.png", screenshot(1), "image/"), ("a.pdf", PDF.to_vec(), "application/pdf")]
    {
        let id = receipt_of_reza(&app, name, &content).await;
        let file = app.signed_in("reza").await.get(&format!("/receipts/{id}")).await.expect(200);
        assert!(file.header("content-type").starts_with(content_type));
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        assert_eq!(file.header("content-disposition"), "inline");
        assert_eq!(file.headers.get_all("content-security-policy").iter().count(), 1);
        assert!(file.header("content-security-policy").starts_with("sandbox; default-src 'none'"));
        assert!(file.header("cache-control").starts_with("private"));
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_pdf_has_no_thumbnail_and_the_queue_links_it(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let id = receipt_of_reza(&app, "a.pdf", PDF).await;
    let sara = app.signed_in("sara").await;
    sara.get(&format!("/receipts/{id}/thumbnail")).await.expect(404);
    let page = sara.get("/admin/payments").await.expect(200);
    assert_eq!(page.attribute(".thumb", "href"), format!("/receipts/{id}"));
    assert_eq!((page.count(".thumb img"), page.count(".thumb[target=_blank]")), (0, 1));
    app.finish().await;
}
