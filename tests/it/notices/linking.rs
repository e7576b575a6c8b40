//! Linking a chat or an address by a one-time code.

use sqlx::PgPool;
use time::Duration;

use super::{with_bot, with_mail};
use crate::support::{Client, TestApp};

const OWN: &str = "/account/notices";

/// A code for the chat of this person.
async fn code(client: &Client) -> String {
    client.post("/account/notices/telegram", &[]).await.expect(303);
    let page = client.get(OWN).await.expect(200);
    let message = page.attributes("#telegram [data-copy]", "data-copy").pop().expect("a message to copy");
    message.strip_prefix("/start ").unwrap().to_owned()
}

async fn chats(app: &TestApp) -> Vec<(i64, String)> {
    sqlx::query_as("SELECT user_id, address FROM notice_channels ORDER BY user_id")
        .fetch_all(&app.db)
        .await
        .unwrap()
}

async fn turn(app: &TestApp) {
    app.clock.advance(Duration::seconds(16));
    app.run_jobs().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_chat_is_linked_by_the_code_that_it_sends_and_the_code_is_good_once(db: PgPool) {
    let app = TestApp::start(db).await;
    let bot = with_bot(&app).await;
    let (reza, mina) = (app.signed_in("reza").await, app.signed_in("mina").await);
    let (first, of_mina) = (code(&reza).await, code(&mina).await);
    let page = reza.get(OWN).await;
    let deep_link = page.attribute("#telegram a.btn--primary", "href");
    assert_eq!(deep_link, format!("https://t.me/shop_bot?start={first}"));
    assert!(page.attribute("#telegram", "hx-trigger").contains("every"), "it watches for the chat");
    app.run_jobs().await;
    assert_eq!(chats(&app).await, []);
    bot.write(501, "/start ABCD2345");
    bot.write(502, &format!("/start {first}"));
    bot.write(503, &first.to_lowercase());
    turn(&app).await;
    assert_eq!(chats(&app).await, [(app.reza.0, "502".to_owned())]);
    let answers = bot.take_sent();
    assert_eq!(answers.len(), 3);
    assert!(answers[1].1.contains("وصل شد"), "{answers:?}");
    for other in [&answers[0], &answers[2]] {
        assert!(other.1.contains("درست نیست"), "{answers:?}");
    }
    let page = reza.get(OWN).await;
    assert_eq!((page.count("#telegram .badge--ok"), page.count("#telegram[hx-trigger]")), (1, 0));
    // Nothing that was heard is heard again; Mina's code still waits.
    turn(&app).await;
    assert_eq!(bot.take_sent(), []);
    bot.write(600, &of_mina);
    turn(&app).await;
    assert_eq!(chats(&app).await.len(), 2);
    turn(&app).await;
    let calls = bot.calls("getUpdates");
    app.clock.advance(Duration::hours(1));
    app.run_jobs().await;
    assert_eq!(bot.calls("getUpdates"), calls, "nobody listens when no code waits");
    reza.post("/account/notices/telegram/removal", &[]).await.expect(303);
    assert_eq!(chats(&app).await, [(app.mina.0, "600".to_owned())]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_code_is_good_for_fifteen_minutes_and_until_another_is_made(db: PgPool) {
    let app = TestApp::start(db).await;
    let bot = with_bot(&app).await;
    let reza = app.signed_in("reza").await;
    let old = code(&reza).await;
    let new = code(&reza).await;
    assert_ne!(old, new);
    bot.write(502, &format!("/start {old}"));
    turn(&app).await;
    assert_eq!(chats(&app).await, []);
    app.clock.advance(Duration::minutes(15));
    bot.write(502, &format!("/start {new}"));
    app.run_jobs().await;
    assert_eq!(chats(&app).await, []);
    assert_eq!(reza.get(OWN).await.count("#telegram [data-copy]"), 0);
    // A third one brings the listener back, who takes the old one for what it is.
    let third = code(&reza).await;
    app.run_jobs().await;
    assert_eq!(chats(&app).await, []);
    bot.write(502, &format!("/start {third}"));
    turn(&app).await;
    assert_eq!(chats(&app).await, [(app.reza.0, "502".to_owned())]);
    turn(&app).await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_address_is_linked_by_the_code_that_was_mailed_to_it(db: PgPool) {
    let app = TestApp::start(db).await;
    let mail = with_mail(&app).await;
    let (reza, mina) = (app.signed_in("reza").await, app.signed_in("mina").await);
    for wrong in ["", "reza", "reza@", "a b@example.com", &format!("{}@example.com", "x".repeat(300))] {
        let page = reza.post("/account/notices/email", &[("address", wrong)]).await.expect(422);
        assert!(!page.text("#address-error").is_empty());
        assert_eq!(page.attribute("#address", "value"), wrong);
    }
    reza.post("/account/notices/email", &[("address", "reza@example.com")]).await.expect(303);
    app.run_jobs().await;
    let letters = mail.take_letters();
    let [letter] = &letters[..] else { panic!("not one letter: {letters:?}") };
    let code: String = sqlx::query_scalar("SELECT code FROM notice_links").fetch_one(&app.db).await.unwrap();
    assert!(letter.to == "reza@example.com" && letter.text.contains(&code), "{}", letter.text);
    assert!(!reza.get(OWN).await.body.contains(&code), "only who reads the letter knows it");
    for (client, typed) in [(&reza, "ABCD2345"), (&reza, ""), (&mina, code.as_str())] {
        let page = client.post("/account/notices/email/code", &[("code", typed)]).await.expect(422);
        assert!(page.body.contains("درست نیست") && chats(&app).await.is_empty());
    }
    let typed = format!(" {} ", code.to_lowercase());
    reza.post("/account/notices/email/code", &[("code", &typed)]).await.expect(303);
    assert_eq!(chats(&app).await, [(app.reza.0, "reza@example.com".to_owned())]);
    reza.post("/account/notices/email/code", &[("code", &code)]).await.expect(422);
    for _ in 0..9 {
        reza.post("/account/notices/email", &[("address", "other@example.com")]).await.expect(303);
    }
    reza.post("/account/notices/email", &[("address", "other@example.com")]).await.expect(422);
    app.run_jobs().await;
    assert_eq!(mail.take_letters().len(), 1, "of the codes that were replaced none is mailed");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn without_a_bot_and_a_mail_server_nothing_is_offered(db: PgPool) {
    let app = TestApp::start(db).await;
    for who in ["sara", "reza", "nima"] {
        let page = app.signed_in(who).await.get(OWN).await.expect(200);
        assert_eq!(page.count("#telegram form") + page.count("#email form"), 0);
    }
    app.finish().await;
}
