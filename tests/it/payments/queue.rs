//! The admin's queue, through the router.

use rad_panel::payments;
use sqlx::PgPool;

use super::{Form, card, claim, limited_card, pay, screenshot, wallet};
use crate::{
    receipts::pictures::{self, PDF},
    support::TestApp,
};

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_queue_shows_what_is_needed_to_decide(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی یک").await;
    app.give_credit(app.reza, 30_000).await;
    let reza = app.signed_in("reza").await;
    let form = Form::open(&reza)
        .await
        .with("amount", "50000")
        .with("tracking_number", "8392")
        .with("note", "عجله دارم");
    form.send_file(&reza, "a.png", &screenshot(1)).await.expect(303);
    app.clock.advance(time::Duration::minutes(5));
    let page = app.signed_in("sara").await.get("/admin/payments").await.expect(200);
    let row = page.text("[data-queue-item]");
    for part in [
        "۵۰٬۰۰۰ تومان",
        "رضا",
        "reza",
        "ملی یک",
        "8392",
        "عجله دارم",
        "۵ دقیقه پیش",
        "۸۰٬۰۰۰ تومان",
        "۳۰٬۰۰۰ تومان",
    ] {
        assert!(row.contains(part), "{part} is not in {row}");
    }
    assert_eq!(page.attribute(".queue__amount", "title"), "پنجاه هزار تومان");
    assert_eq!(page.count("a.thumb[data-zoom] img"), 1);
    assert_eq!(page.texts("[data-nav-badge='/admin/payments']")[0], "۱");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_empty_queue_says_so(db: PgPool) {
    let app = TestApp::start(db).await;
    let page = app.signed_in("sara").await.get("/admin/payments").await.expect(200);
    assert_eq!((page.count("[data-queue-item]"), page.count("#queue-empty")), (0, 1));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_same_receipt_a_similar_one_and_the_same_tracking_number_are_warned_of(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let reza = app.signed_in("reza").await;
    let mina = app.signed_in("mina").await;
    let shot = screenshot(1);
    let similar = pictures::jpeg(&pictures::receipt(1), 60);
    Form::open(&reza).await.with("amount", "50000").send_file(&reza, "a.png", &shot).await.expect(303);
    Form::open(&mina).await.with("amount", "50000").send_file(&mina, "b.png", &shot).await.expect(303);
    Form::open(&mina).await.with("amount", "50000").send_file(&mina, "c.jpg", &similar).await.expect(303);
    for client in [&reza, &mina] {
        let form = Form::open(client).await.with("amount", "50000").with("tracking_number", "۱۲ ۳۴");
        form.send_file(client, "d.pdf", &[PDF, b"%%EOF"].concat()).await.expect(303);
    }
    let ids = sqlx::query_scalar!("SELECT id FROM payments ORDER BY id").fetch_all(&app.db).await.unwrap();
    let page = app.signed_in("sara").await.get("/admin/payments").await.expect(200);
    let links = |n: usize| page.attributes(&format!("#payment-{} .queue__warnings a", ids[n]), "href");
    let to = |n: usize| format!("/admin/payments/{}", ids[n]);
    assert_eq!(links(0), Vec::<String>::new());
    assert_eq!(links(1), [to(0)]);
    assert_eq!(links(2), [to(1), to(0)], "newest first");
    assert_eq!(links(3), Vec::<String>::new());
    assert_eq!(links(4), [to(3), to(3)], "the receipt and the tracking number");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_first_payment_and_a_card_over_its_limit_are_warned_of(db: PgPool) {
    let app = TestApp::start(db).await;
    let method = limited_card(&app.db, "ملی", Some(5), None).await;
    let first = pay(&app, app.reza, 50_000).await;
    let sara = app.signed_in("sara").await;
    assert_eq!(sara.get("/admin/payments").await.texts(".queue__warnings .badge").len(), 1);
    payments::approve(&app.db, first, app.sara, Default::default(), app.clock.now()).await.unwrap();
    let second = pay(&app, app.reza, 50_000).await;
    assert_eq!(sara.get("/admin/payments").await.count(".queue__warnings"), 0);
    sqlx::query!("UPDATE payment_methods SET daily_limit_count = 1 WHERE id = $1", method.0)
        .execute(&app.db)
        .await
        .unwrap();
    let page = sara.get("/admin/payments").await;
    assert_eq!(page.texts(&format!("#payment-{second} .queue__warnings .badge")).len(), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_oldest_come_first_and_more_are_shown_when_asked_for(db: PgPool) {
    let app = TestApp::start(db).await;
    let method = card(&app.db, "ملی").await;
    for _ in 0..60 {
        rad_panel::payment_methods::draw(&app.db, app.reza, None, app.clock.now()).await.unwrap();
        let new = claim(&app.db, app.reza, method, 10_000).await;
        payments::submit(&app.db, app.reza, &new, app.clock.now()).await.unwrap();
    }
    let sara = app.signed_in("sara").await;
    let (mut seen, mut path) = (Vec::new(), "/admin/payments".to_owned());
    for expected in [25, 25, 10] {
        let page = sara.get(&path).await.expect(200);
        let ids = page.attributes("input[name=seen]", "value");
        assert_eq!(ids.len(), expected);
        seen.extend(ids.iter().map(|id| id.parse::<i64>().unwrap()));
        path = page.attributes("#more", "href").pop().unwrap_or_default();
    }
    assert_eq!(path, "");
    assert!(seen.is_sorted() && seen.len() == 60, "{seen:?}");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn approving_by_htmx_replaces_the_row_by_its_result_and_moves_the_counters(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let (one, _) = (pay(&app, app.reza, 50_000).await, pay(&app, app.mina, 20_000).await);
    let sara = app.signed_in("sara").await;
    let part = sara
        .post_part(&format!("/admin/payments/{one}/approval"), &[("actual", ""), ("note", "")])
        .await
        .expect(200);
    assert_eq!(part.count(&format!("#payment-{one}[data-done]")), 1);
    assert_eq!(part.count("form"), 0);
    assert_eq!(part.text("[hx-swap-oob^='innerHTML']"), "۱");
    assert!(part.text("#queue-count[hx-swap-oob]").contains('۱'));
    assert_eq!(wallet(&app, app.reza).await, (50_000, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_corrected_amount_may_be_typed_in_persian_and_a_wrong_one_comes_back(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 50_000).await;
    let sara = app.signed_in("sara").await;
    let path = format!("/admin/payments/{payment}/approval");
    for wrong in ["abc", "-5", "0", "100000001", "99999999999999999999"] {
        let part = sara.post_part(&path, &[("actual", wrong), ("note", "کمتر")]).await.expect(422);
        assert_eq!(part.attribute("input[name=actual]", "value"), wrong);
        assert_eq!(part.count("input[name=actual][aria-invalid]"), 1);
        assert_eq!(
            (part.text("textarea[name=note]"), part.count("form details[open]")),
            ("کمتر".to_owned(), 1)
        );
    }
    assert_eq!(wallet(&app, app.reza).await, (0, 50_000));
    sara.post_part(&path, &[("actual", "۴۹٬۰۰۰"), ("note", "کمتر رسید")]).await.expect(200);
    assert_eq!(wallet(&app, app.reza).await, (49_000, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_rejection_needs_a_reason_typed_or_ready_made(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let sara = app.signed_in("sara").await;
    let one = pay(&app, app.reza, 50_000).await;
    let path = format!("/admin/payments/{one}/rejection");
    let part = sara.post_part(&path, &[("reason", "  ")]).await.expect(422);
    assert_eq!(
        (part.count("textarea[name=reason][aria-invalid]"), part.count("details[data-reject][open]")),
        (1, 1)
    );
    let long = "ی".repeat(501);
    assert_eq!(
        sara.post_part(&path, &[("reason", &long)]).await.expect(422).text("textarea[name=reason]"),
        long
    );
    let part = sara.post_part(&path, &[("reason", "واریز پیدا نشد")]).await.expect(200);
    assert!(part.text("[data-done]").contains("واریز پیدا نشد"));
    let other = pay(&app, app.reza, 20_000).await;
    sara.post(
        &format!("/admin/payments/{other}/rejection"),
        &[("reason", ""), ("ready", "پول به حساب نرسیده است.")],
    )
    .await
    .expect(303);
    let notes = sqlx::query_scalar!("SELECT admin_notes FROM payments WHERE id = $1", other.0)
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!(notes.as_deref(), Some("پول به حساب نرسیده است."));
    assert_eq!(wallet(&app, app.reza).await, (0, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn without_javascript_a_decision_leads_back_to_the_queue_with_a_message(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let (one, other) = (pay(&app, app.reza, 50_000).await, pay(&app, app.mina, 20_000).await);
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/payments").await.expect(200);
    let action = page.attribute(&format!("#payment-{one} form"), "action");
    assert_eq!(sara.post(&action, &[("actual", "")]).await.expect(303).location(), "/admin/payments");
    let page = sara.get("/admin/payments").await.expect(200);
    assert_eq!((page.count("[data-queue-item]"), page.count("#flash .flash--ok")), (1, 1));
    // A form with errors stands on the page of that payment.
    let page = sara.post(&format!("/admin/payments/{other}/rejection"), &[("reason", "")]).await.expect(422);
    assert_eq!((page.count("h1"), page.count("textarea[name=reason][aria-invalid]")), (1, 1));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_second_admin_is_told_who_decided_what_and_when(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 50_000).await;
    payments::approve(&app.db, payment, app.sara, Default::default(), app.clock.now()).await.unwrap();
    let sara = app.signed_in("sara").await;
    let part =
        sara.post_part(&format!("/admin/payments/{payment}/rejection"), &[("reason", "x")]).await.expect(409);
    let told = part.text("[data-done] [role=alert]");
    assert!(told.contains("sara") && told.contains("تاییدشده") && told.contains("۱۴۰"), "{told}");
    sara.post(&format!("/admin/payments/{payment}/approval"), &[]).await.expect(303);
    assert_eq!(sara.get("/admin/payments").await.count("#flash .flash--warn"), 1);
    assert_eq!(wallet(&app, app.reza).await, (50_000, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn only_admins_decide(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 50_000).await;
    for person in ["reza", "mina", "nima"] {
        let client = app.signed_in(person).await;
        client.get("/admin/payments").await.expect(403);
        client.post(&format!("/admin/payments/{payment}/approval"), &[]).await.expect(403);
        client.post(&format!("/admin/payments/{payment}/rejection"), &[("reason", "x")]).await.expect(403);
    }
    let sara = app.signed_in("sara").await;
    sara.post("/admin/payments/999/approval", &[]).await.expect(404);
    assert_eq!(wallet(&app, app.reza).await, (0, 50_000));
    app.finish().await;
}
