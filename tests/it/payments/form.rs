//! The form of a payment, through the router: what is taken, what comes back, and that nothing is lost.

use rad_panel::{ledger::EntryType::ChargePending, receipts::MAX_BYTES};
use sqlx::PgPool;

use super::{Form, card, crypto, limited_card, payments_of, rows, screenshot, wallet};
use crate::{
    receipts::pictures::{self, PDF},
    support::{Part, TestApp},
};

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_payment_with_a_screenshot_becomes_pending_credit(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let reza = app.signed_in("reza").await;
    let page = reza.get("/agent/wallet/charge").await.expect(200);
    assert_eq!(page.text(".copy-line--large .copy-line__value"), "6037 9912 3456 7893");
    assert_eq!(page.attribute(".copy-line--large [data-copy]", "data-copy"), "6037991234567893");
    assert!(page.text("dl.definition").contains("سارا احمدی"));
    let form = Form::of(&page)
        .with("amount", "۵۰۰٬۰۰۰ تومان")
        .with("tracking_number", "۱۲۳-۴۵٦")
        .with("note", "سلام");
    let sent = form.send_file(&reza, "shot.png", &screenshot(1)).await.expect(303);
    assert_eq!(sent.location(), "/agent/wallet");
    let [payment] = payments_of(&app, app.reza).await[..] else { panic!("not one payment") };
    assert_eq!(rows(&app, payment).await, [(ChargePending, 0, 500_000)]);
    let stored =
        sqlx::query!("SELECT tracking_number, payer_note FROM payments").fetch_one(&app.db).await.unwrap();
    assert_eq!((stored.tracking_number.as_deref(), stored.payer_note.as_str()), (Some("123456"), "سلام"));
    let page = reza.get("/agent/wallet").await.expect(200);
    assert_eq!(page.count("#flash .flash--ok"), 1);
    assert_eq!(page.text("#balance-total"), "۵۰۰٬۰۰۰ تومان");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn amounts_that_are_none_come_back_beside_the_field(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let reza = app.signed_in("reza").await;
    for typed in
        ["", "0", "-50000", "9999", "100000001", "99999999999999999999", "1e6", "12.5", "صد هزار", "۰", "<b>"]
    {
        let page =
            Form::open(&reza).await.with("amount", typed).send_file(&reza, "a.pdf", PDF).await.expect(422);
        assert_eq!(page.count("#amount-error"), 1, "{typed}");
        assert_eq!(page.attribute("#amount", "value"), typed);
        assert_eq!(page.count("#kept-receipt"), 1, "{typed}");
    }
    assert_eq!(wallet(&app, app.reza).await, (0, 0));
    for typed in ["10,000", "۱۰٬۰۰۰", "١٠٠٠٠", "10 000 تومان"] {
        Form::open(&reza).await.with("amount", typed).send_file(&reza, "a.pdf", PDF).await.expect(303);
    }
    assert_eq!(wallet(&app, app.reza).await, (0, 40_000));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_file_is_judged_by_its_content_and_the_rest_of_the_form_survives(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let reza = app.signed_in("reza").await;
    let mut too_large = PDF.to_vec();
    too_large.resize(MAX_BYTES + 1, b' ');
    let bomb = pictures::png_bomb(40_001, 40_001);
    let files: [(&str, &[u8]); 8] = [
        ("receipt.jpg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("receipt.jpg", b"<!doctype html><script>alert(1)</script>"),
        ("receipt.pdf", b"PK\x03\x04"),
        ("receipt.png", b"\x89PNG\r\n\x1a\nrubbish"),
        ("bomb.png", &bomb),
        ("large.pdf", &too_large),
        ("empty.jpg", b""),
        ("", b""),
    ];
    let mut messages = Vec::new();
    for (name, content) in files {
        let form = Form::open(&reza)
            .await
            .with("amount", "50000")
            .with("tracking_number", "77")
            .with("note", "یادداشت");
        let page = form.send_file(&reza, name, content).await.expect(422);
        messages.push(page.text("#receipt-error"));
        let again = Form::of(&page);
        assert_eq!(
            (again.value("amount"), again.value("tracking_number"), again.value("note")),
            ("50000", "77", "یادداشت")
        );
        assert_eq!(again.value("request_id"), form.value("request_id"));
        assert_eq!(page.count("#kept-receipt"), 0, "{name}");
    }
    assert!(messages[5].contains("۱۰ مگابایت"), "{messages:?}");
    assert_eq!(payments_of(&app, app.reza).await, []);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_file_far_too_large_loses_nothing_that_was_typed(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let reza = app.signed_in("reza").await;
    let form = Form::open(&reza).await.with("amount", "50000").with("note", "یادداشت");
    let page = form.send_file(&reza, "film.mp4", &vec![0; 30 << 20]).await.expect(422);
    assert!(page.text("#receipt-error").contains("۱۰ مگابایت"));
    assert_eq!(Form::of(&page).value("note"), "یادداشت");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_good_receipt_of_a_bad_form_need_not_be_chosen_again(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let reza = app.signed_in("reza").await;
    let page = Form::open(&reza)
        .await
        .with("amount", "5")
        .send_file(&reza, "a.png", &screenshot(3))
        .await
        .expect(422);
    let form = Form::of(&page);
    let kept = form.value("receipt_id").to_owned();
    assert_eq!(page.attribute("#kept-receipt img", "src"), format!("/receipts/{kept}/thumbnail"));
    assert_eq!(page.count("#receipt[required]"), 0);
    // Somebody else can neither see it nor use it.
    let mina = app.signed_in("mina").await;
    mina.get(&format!("/receipts/{kept}")).await.expect(404);
    let stolen = Form::open(&mina).await.with("amount", "50000").with("receipt_id", &kept);
    assert_eq!(stolen.send(&mina).await.expect(422).count("#receipt-error"), 1);
    let form = form.with("amount", "50000");
    form.send(&reza).await.expect(303);
    let used = sqlx::query_scalar!("SELECT receipt_id FROM payments").fetch_one(&app.db).await.unwrap();
    assert_eq!(used.to_string(), kept);
    // Used once, it proves nothing more.
    let reused = Form::open(&reza).await.with("amount", "50000").with("receipt_id", &kept);
    assert_eq!(reused.send(&reza).await.expect(422).count("#receipt-error"), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_same_form_sent_twice_leads_to_the_same_place(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let reza = app.signed_in("reza").await;
    let form = Form::open(&reza).await.with("amount", "50000");
    let (one, other) = tokio::join!(form.send_file(&reza, "a.pdf", PDF), form.send_file(&reza, "a.pdf", PDF));
    assert_eq!(
        (one.expect(303).location(), other.expect(303).location()),
        ("/agent/wallet", "/agent/wallet")
    );
    form.send_file(&reza, "a.pdf", PDF).await.expect(303);
    assert_eq!(wallet(&app, app.reza).await, (0, 50_000));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_stale_form_charges_nothing_and_shows_the_new_card(db: PgPool) {
    let app = TestApp::start(db).await;
    let old = card(&app.db, "ملی").await;
    let reza = app.signed_in("reza").await;
    let form = Form::open(&reza).await.with("amount", "50000").with("note", "یادداشت");
    let new = limited_card(&app.db, "ملت", None, Some(200_000)).await;
    sqlx::query!("UPDATE payment_methods SET status = 'INACTIVE' WHERE id = $1", old.0)
        .execute(&app.db)
        .await
        .unwrap();
    let page = form.send_file(&reza, "a.pdf", PDF).await.expect(422);
    assert_eq!(page.count("#method-error"), 1);
    let again = Form::of(&page);
    assert_eq!(again.value("payment_method_id"), new.to_string());
    assert_eq!(again.value("note"), "یادداشت");
    assert_eq!(wallet(&app, app.reza).await, (0, 0));
    again.send(&reza).await.expect(303);
    assert_eq!(wallet(&app, app.reza).await, (0, 50_000));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_amount_that_the_card_does_not_take_is_offered_another_card(db: PgPool) {
    let app = TestApp::start(db).await;
    limited_card(&app.db, "کوچک", None, Some(100_000)).await;
    let reza = app.signed_in("reza").await;
    let form = Form::open(&reza).await.with("amount", "500000");
    let page = form.send_file(&reza, "a.pdf", PDF).await.expect(422);
    assert_eq!(
        (page.count("#amount-error"), page.count("#method-error")),
        (1, 1),
        "no card takes so much today"
    );
    let large = card(&app.db, "بزرگ").await;
    let page = Form::of(&page).send(&reza).await.expect(422);
    assert_eq!((page.count("#amount-error"), page.count("#method-error")), (0, 1));
    assert_eq!(Form::of(&page).value("payment_method_id"), large.to_string());
    Form::of(&page).send(&reza).await.expect(303);
    assert_eq!(wallet(&app, app.reza).await, (0, 500_000));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn without_a_card_the_page_says_so(db: PgPool) {
    let app = TestApp::start(db).await;
    let reza = app.signed_in("reza").await;
    let page = reza.get("/agent/wallet/charge").await.expect(200);
    assert_eq!((page.count("#no-method"), page.count("form[enctype]")), (1, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn crypto_shows_address_network_and_bonus_and_asks_for_the_hash(db: PgPool) {
    let app = TestApp::start(db).await;
    crypto(&app.db).await;
    let reza = app.signed_in("reza").await;
    let page = reza.get("/agent/wallet/charge").await.expect(200);
    assert_eq!(page.attribute(".copy-line [data-copy]", "data-copy"), "TXYZabcdefghijkmnopqrstuvwxyz12345");
    assert!(page.text("dl.definition").contains("TRC20") && page.body.contains("۱۰٪"));
    let form = Form::of(&page).with("amount", "50000");
    let page = form.send_file(&reza, "a.pdf", PDF).await.expect(422);
    assert_eq!(page.count("#transaction_hash-error"), 1);
    let form = Form::of(&page).with("transaction_hash", "0xABCDEF0123456789");
    form.send(&reza).await.expect(303);
    let mina = app.signed_in("mina").await;
    let reused = Form::open(&mina).await.with("amount", "50000").with("transaction_hash", "abcdef0123456789");
    let page = reused.send_file(&mina, "b.pdf", PDF).await.expect(422);
    assert_eq!(page.count("#transaction_hash-error"), 1);
    assert_eq!(Form::of(&page).value("transaction_hash"), "abcdef0123456789");
    assert_eq!(wallet(&app, app.mina).await, (0, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn texts_that_are_too_long_come_back_whole(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let reza = app.signed_in("reza").await;
    let long = ("1".repeat(41), "ی".repeat(501));
    let form = Form::open(&reza)
        .await
        .with("amount", "50000")
        .with("tracking_number", &long.0)
        .with("note", &long.1);
    let page = form.send_file(&reza, "a.pdf", PDF).await.expect(422);
    assert_eq!((page.count("#tracking_number-error"), page.count("#note-error")), (1, 1));
    assert_eq!(
        (Form::of(&page).value("tracking_number"), Form::of(&page).value("note")),
        (long.0.as_str(), long.1.as_str())
    );
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_was_typed_survives_a_session_that_ran_out_even_with_a_photo(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let reza = app.signed_in("reza").await;
    let form = Form::open(&reza).await.with("amount", "۷۵۰۰۰").with("note", "یادداشت");
    reza.clear_cookies();
    let photo = vec![7; 3 << 20];
    let mut parts: Vec<Part> = Vec::new();
    for name in ["request_id", "payment_method_id", "amount", "note"] {
        parts.push(Part::Field(name, form.value(name)));
    }
    parts.push(Part::File("receipt", "photo.jpg", "image/jpeg", &photo));
    let answer =
        reza.post_multipart_from("/agent/wallet/charge", "/agent/payments", &parts).await.expect(303);
    assert_eq!(answer.location(), "/login?next=/agent/wallet/charge");
    let credentials =
        [("username", "reza"), ("password", crate::support::PASSWORD), ("next", "/agent/wallet/charge")];
    let answer = reza.post("/login", &credentials).await.expect(303);
    let page = reza.get(answer.location()).await.expect(200);
    let again = Form::of(&page);
    assert_eq!((again.value("amount"), again.value("note")), ("۷۵۰۰۰", "یادداشت"));
    again.send_file(&reza, "a.pdf", PDF).await.expect(303);
    assert_eq!(wallet(&app, app.reza).await, (0, 75_000));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_amount_is_said_in_words_while_it_is_typed_and_after_it_was_sent(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let reza = app.signed_in("reza").await;
    let part =
        reza.get_part("/amount-in-words?amount=%DB%B1%DB%B2%DB%B0%DB%B0%DB%B0%DB%B0").await.expect(200);
    assert!(part.text("#amount-words").contains("صد و بیست هزار تومان"), "{}", part.body);
    assert_eq!(part.attribute("#amount-words [data-copy]", "data-copy"), "1200000");
    for nothing in ["", "abc", "0", "-5"] {
        let part = reza.get_part(&format!("/amount-in-words?amount={nothing}")).await.expect(200);
        assert_eq!(part.text("#amount-words"), "");
    }
    let page = Form::open(&reza).await.with("amount", "120000").send(&reza).await.expect(422);
    assert!(page.text("#amount-words").contains("صد و بیست هزار تومان"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_form_that_took_hours_keeps_the_card_that_was_paid_to(db: PgPool) {
    let app = TestApp::start(db).await;
    for n in 0..12 {
        card(&app.db, &format!("کارت {n}")).await;
    }
    let reza = app.signed_in("reza").await;
    let form = Form::open(&reza).await.with("amount", "5");
    app.clock.advance(time::Duration::hours(3));
    let page = form.send_file(&reza, "a.pdf", PDF).await.expect(422);
    assert_eq!(Form::of(&page).value("payment_method_id"), form.value("payment_method_id"));
    assert_eq!(page.count("#method-error"), 0);
    app.clock.advance(time::Duration::hours(3));
    Form::of(&page).with("amount", "50000").send(&reza).await.expect(303);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_was_typed_survives_the_last_card_closing(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let reza = app.signed_in("reza").await;
    let form = Form::open(&reza).await.with("amount", "50000").with("note", "یادداشت");
    sqlx::query!("UPDATE payment_methods SET status = 'INACTIVE'").execute(&app.db).await.unwrap();
    let page = form.send_file(&reza, "a.pdf", PDF).await.expect(422);
    assert_eq!(
        (page.count("#no-method"), page.count("#method-error"), page.count("#kept-receipt")),
        (1, 1, 1)
    );
    sqlx::query!("UPDATE payment_methods SET status = 'ACTIVE'").execute(&app.db).await.unwrap();
    let page = Form::of(&page).send(&reza).await.expect(422);
    assert_eq!(page.count("#no-method"), 0, "the card is shown again before anything is charged");
    Form::of(&page).send(&reza).await.expect(303);
    assert_eq!(wallet(&app, app.reza).await, (0, 50_000));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn another_payment_typed_into_a_form_that_was_taken_is_not_dropped_unsaid(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let reza = app.signed_in("reza").await;
    let form = Form::open(&reza).await;
    form.clone().with("amount", "50000").send_file(&reza, "a.png", &screenshot(1)).await.expect(303);
    let back = form.with("amount", "70000").send_file(&reza, "b.png", &screenshot(2)).await.expect(422);
    assert!(back.text("#amount-error").contains("۵۰٬۰۰۰"), "{}", back.text("#amount-error"));
    let again = Form::of(&back).with("amount", "70000");
    again.send(&reza).await.expect(303);
    let amounts =
        sqlx::query_scalar!("SELECT amount FROM payments ORDER BY id").fetch_all(&app.db).await.unwrap();
    assert_eq!(amounts, [50_000, 70_000]);
    app.finish().await;
}
