//! Messages by Telegram: sent once, as one, and never at the cost of what they tell of.

use rad_panel::notices::{Kind, Recipients};
use serde_json::json;
use sqlx::PgPool;
use time::Duration;

use super::{deliver, link, outcomes, tell, tell_admins, with_bot};
use crate::support::TestApp;

fn sent(n: usize) -> Vec<Option<String>> {
    vec![Some("SENT".to_owned()); n]
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_burst_is_one_message_with_its_count_and_lines(db: PgPool) {
    let app = TestApp::start(db).await;
    let bot = with_bot(&app).await;
    link(&app, app.sara, "TELEGRAM", "77").await;
    for n in 0..25 {
        tell_admins(&app, &format!("خطای {n};")).await;
        app.clock.advance(Duration::milliseconds(300));
    }
    app.run_jobs().await;
    assert_eq!(bot.take_sent(), [], "it waits for more");
    deliver(&app).await;
    let messages = bot.take_sent();
    let [(chat, text)] = &messages[..] else { panic!("not one message: {messages:?}") };
    assert_eq!(chat, "77");
    assert!(
        text.starts_with("۲۵ خبر تازه\n") && text.contains("خطای 0;") && text.contains("و ۵ خبر دیگر"),
        "{text}"
    );
    assert!(!text.contains("خطای 20;"), "twenty lines are enough");
    assert_eq!(outcomes(&app).await, sent(25));

    tell_admins(&app, "تنها").await;
    deliver(&app).await;
    assert_eq!(bot.take_sent(), [("77".to_owned(), "پشتیبان گرفته نشد\nتنها".to_owned())]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_message_leads_to_its_page_when_the_panel_knows_its_address(db: PgPool) {
    let mut app = TestApp::start(db).await;
    let couriers = rad_panel::notices::Couriers::default().at("https://panel.example".parse().unwrap());
    app.state = app.state.clone().with_couriers(couriers);
    let bot = with_bot(&app).await;
    link(&app, app.sara, "TELEGRAM", "77").await;
    crate::payments::card(&app.db, "ملی").await;
    let payment = crate::payments::pay(&app, app.reza, 50_000).await;
    deliver(&app).await;
    let messages = bot.take_sent();
    let text = &messages[0].1;
    assert!(text.contains("reza") && text.contains("۵۰٬۰۰۰ تومان"), "{text}");
    let page = format!("https://panel.example/admin/payments/{payment}");
    assert!(text.ends_with(&format!("\n{page}")), "{text}");
    let rejection = format!("{page}#reason-{payment}");
    assert_eq!(bot.take_buttons(), [("تایید".to_owned(), page), ("رد".to_owned(), rejection)]);
    let sara = app.signed_in("sara").await;
    let opened = sara.get(&format!("/admin/payments/{payment}")).await.expect(200);
    assert_eq!(
        opened.count(&format!("details textarea#reason-{payment}")),
        1,
        "the second leads into the form"
    );

    // Telegram refuses the address of a button, or does not know the chat: the text alone decides.
    bot.answer_next(
        400,
        json!({ "ok": false, "error_code": 400, "description": "Bad Request: BUTTON_URL_INVALID" }),
    );
    crate::payments::pay(&app, app.reza, 60_000).await;
    deliver(&app).await;
    assert_eq!((bot.take_sent().len(), bot.take_buttons().len()), (1, 0));
    assert_eq!(outcomes(&app).await, sent(2));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_wait_that_is_asked_for_is_kept_for_everybody(db: PgPool) {
    let app = TestApp::start(db).await;
    let bot = with_bot(&app).await;
    link(&app, app.sara, "TELEGRAM", "77").await;
    link(&app, app.reza, "TELEGRAM", "78").await;
    let busy =
        json!({ "ok": false, "description": "Too Many Requests", "parameters": { "retry_after": 120 } });
    bot.answer_next(429, busy);
    tell_admins(&app, "یک").await;
    deliver(&app).await;
    tell(&app, Recipients::User(app.reza), Kind::AccountsBack, json!({ "count": 1 }), None).await;
    app.clock.advance(Duration::seconds(90));
    app.run_jobs().await;
    assert_eq!(
        (bot.calls("sendMessage"), bot.take_sent().len()),
        (1, 0),
        "nobody sends before the time is over"
    );
    app.clock.advance(Duration::seconds(31));
    app.run_jobs().await;
    assert_eq!(bot.take_sent().len(), 2);
    assert_eq!(outcomes(&app).await, sent(2));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn failures_of_the_server_are_tried_again_for_a_day_and_then_left(db: PgPool) {
    let app = TestApp::start(db).await;
    let bot = with_bot(&app).await;
    link(&app, app.sara, "TELEGRAM", "77").await;
    bot.answer_next(502, json!("no answer of theirs"));
    bot.answer_next(500, json!({ "ok": false, "description": "Internal" }));
    tell_admins(&app, "یک").await;
    deliver(&app).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/settings/notices").await.expect(200);
    assert!(page.text("#telegram .banner--bad").contains("خطا می‌دهد"), "{}", page.text("#telegram"));
    for _ in 0..10 {
        app.clock.advance(Duration::minutes(2));
        app.run_jobs().await;
    }
    assert_eq!((bot.calls("sendMessage"), bot.take_sent().len()), (3, 1));
    let page = sara.get("/admin/settings/notices").await.expect(200);
    assert_eq!(page.count("#telegram .banner--bad"), 0, "what works again is told as well");

    for _ in 0..200 {
        bot.answer_next(500, json!({ "ok": false }));
    }
    tell_admins(&app, "دو").await;
    deliver(&app).await;
    let before = bot.calls("sendMessage");
    for _ in 0..30 {
        app.clock.advance(Duration::hours(1));
        app.run_jobs().await;
    }
    let tries = bot.calls("sendMessage") - before;
    assert!((20..=26).contains(&tries), "{tries}");
    assert_eq!(outcomes(&app).await, [Some("SENT".to_owned()), Some("DROPPED".to_owned())]);
    app.finish().await;
}

async fn is_marked_and_left_alone(db: PgPool, status: u16, words: &str) {
    let app = TestApp::start(db).await;
    let bot = with_bot(&app).await;
    link(&app, app.reza, "TELEGRAM", "78").await;
    bot.answer_next(status, json!({ "ok": false, "description": words }));
    for _ in 0..2 {
        tell(&app, Recipients::User(app.reza), Kind::AccountsBack, json!({ "count": 1 }), None).await;
        deliver(&app).await;
    }
    app.clock.advance(Duration::days(2));
    app.run_jobs().await;
    assert_eq!(bot.calls("sendMessage"), 1, "no endless tries");
    let page = app.signed_in("reza").await.get("/account/notices").await.expect(200);
    assert!(page.text("#telegram .banner--warn").contains(words), "{}", page.text("#telegram"));
    let admin = app.signed_in("sara").await.get("/admin/settings/notices").await.expect(200);
    assert_eq!(admin.count("#telegram .banner--bad"), 0, "it is no fault of the settings");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_chat_that_blocked_the_bot_is_marked_and_left_alone(db: PgPool) {
    is_marked_and_left_alone(db, 403, "Forbidden: bot was blocked by the user").await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_chat_that_is_none_is_marked_and_left_alone(db: PgPool) {
    is_marked_and_left_alone(db, 400, "Bad Request: chat not found").await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_bot_api_that_is_not_there_holds_up_nothing(db: PgPool) {
    let app = TestApp::start(db).await;
    drop(with_bot(&app).await);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    link(&app, app.sara, "TELEGRAM", "77").await;
    crate::payments::card(&app.db, "ملی").await;
    crate::payments::pay(&app, app.reza, 50_000).await;
    assert_eq!(app.balance(app.reza).await.pending.0, 50_000);
    deliver(&app).await;
    assert_eq!(outcomes(&app).await, [None], "it is still tried");
    let page = app.signed_in("sara").await.get("/admin/settings/notices").await.expect(200);
    let trouble = page.text("#telegram .banner--bad");
    assert!(trouble.contains("در دسترس نیست") && !trouble.contains("ABC"), "{trouble}");
    let errors: Vec<String> = sqlx::query_scalar("SELECT last_error FROM jobs WHERE last_error IS NOT NULL")
        .fetch_all(&app.db)
        .await
        .unwrap();
    assert!(!errors.is_empty() && errors.iter().all(|error| !error.contains("ABC")), "{errors:?}");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_only_a_newer_panel_can_put_into_words_is_left_to_it(db: PgPool) {
    let app = TestApp::start(db).await;
    let bot = with_bot(&app).await;
    link(&app, app.sara, "TELEGRAM", "77").await;
    tell_admins(&app, "فردا").await;
    sqlx::query("UPDATE notices SET kind = 'OF_TOMORROW'").execute(&app.db).await.unwrap();
    deliver(&app).await;
    assert_eq!((bot.take_sent(), outcomes(&app).await), (vec![], vec![None]));
    // The newer one has taken over.
    sqlx::query("UPDATE notices SET kind = 'BACKUP_FAILED'").execute(&app.db).await.unwrap();
    app.clock.advance(Duration::seconds(61));
    app.run_jobs().await;
    assert_eq!((bot.take_sent().len(), outcomes(&app).await), (1, sent(1)));
    app.finish().await;
}
