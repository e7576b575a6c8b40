//! The owner's bot and mail server: what is set is tried, what is wrong is said, what is secret is not shown.

use sqlx::PgPool;

use super::link;
use crate::support::{BotApi, MAIL_PASSWORD, MAIL_USER, MailServer, TOKEN, TestApp};

const PAGE: &str = "/admin/settings/notices";
const TELEGRAM: &str = "/admin/settings/notices/telegram";
const MAIL: &str = "/admin/settings/notices/mail";

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_bot_is_asked_for_its_name_and_a_test_goes_to_ones_own_chat(db: PgPool) {
    let app = TestApp::start(db).await;
    let bot = BotApi::start().await;
    let sara = app.signed_in("sara").await;
    let api = format!("{}/", bot.url);
    sara.post(TELEGRAM, &[("token_password", TOKEN), ("api", &api)]).await.expect(303);
    let page = sara.get(PAGE).await.expect(200);
    assert!(
        page.text("#telegram .badge--ok").contains("درست") && page.text("#telegram").contains("@shop_bot")
    );
    assert!(
        page.text("#token_password-hint").contains("-stu") && !page.body.contains("ABC-def"),
        "{}",
        page.body
    );
    sara.post("/admin/settings/notices/telegram/test", &[]).await.expect(303);
    assert!(sara.get(PAGE).await.text("#flash").contains("چت خودتان"));
    link(&app, app.sara, "TELEGRAM", "77").await;
    sara.post("/admin/settings/notices/telegram/test", &[]).await.expect(303);
    assert_eq!(bot.take_sent().len(), 1);
    // Empty keeps it.
    sara.post(TELEGRAM, &[("token_password", ""), ("api", &api)]).await.expect(303);
    sara.post("/admin/settings/notices/telegram/test", &[]).await.expect(303);
    assert_eq!(bot.take_sent().len(), 1);
    // But it goes nowhere else.
    let elsewhere = BotApi::start().await;
    let page = sara.post(TELEGRAM, &[("token_password", ""), ("api", &elsewhere.url)]).await.expect(422);
    assert_eq!(page.attributes(".field__error", "id"), ["token_password-error"]);
    assert_eq!(page.attribute("#api", "value"), elsewhere.url);
    assert_eq!(elsewhere.calls("getMe"), 0);
    sara.post(TELEGRAM, &[("remove", "true"), ("api", "")]).await.expect(303);
    let page = sara.get(PAGE).await;
    assert_eq!(page.attribute("#api", "value"), "https://api.telegram.org");
    assert_eq!(page.count("#telegram form"), 1, "there is nothing to test");
    let logged: Vec<String> =
        sqlx::query_scalar("SELECT detail::text FROM audit_log WHERE action = 'notices.update'")
            .fetch_all(&app.db)
            .await
            .unwrap();
    assert!(logged.len() == 3 && logged.iter().all(|detail| !detail.contains("ABC")), "{logged:?}");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_wrong_token_and_a_wrong_address_are_said_in_words(db: PgPool) {
    let app = TestApp::start(db).await;
    let bot = BotApi::start().await;
    let sara = app.signed_in("sara").await;
    for (token, api, field) in [
        ("hello", bot.url.as_str(), "token_password"),
        ("123:short", &bot.url, "token_password"),
        ("123456:ABC/def/../../ghi?jkl=mno", &bot.url, "token_password"),
        (TOKEN, "api.telegram.org", "api"),
        (TOKEN, "ftp://x.test", "api"),
        (TOKEN, "https://me:secret@x.test", "api"),
        (TOKEN, "https://x.test/?a=b", "api"),
    ] {
        let page = sara.post(TELEGRAM, &[("token_password", token), ("api", api)]).await.expect(422);
        assert_eq!(page.attributes(".field__error", "id"), [format!("{field}-error")], "{token} {api}");
        assert_eq!(page.attribute("#api", "value"), api);
        assert!(!page.body.contains(token), "a token is not shown again");
    }
    let other = TOKEN.replace("ABC", "XYZ");
    sara.post(TELEGRAM, &[("token_password", &other), ("api", &bot.url)]).await.expect(303);
    let page = sara.get(PAGE).await;
    assert!(page.text("#telegram .banner--bad").contains("توکن ربات را نمی‌پذیرد"));
    assert!(page.text("#flash .flash--warn").contains("Unauthorized") && !page.body.contains("XYZ-def"));
    drop(bot);
    app.finish().await;
}

fn letters<'a>(port: &'a str, security: &'a str, password: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("host", "127.0.0.1"),
        ("port", port),
        ("security", security),
        ("username", MAIL_USER),
        ("smtp_password", password),
        ("sender", "shop@example.com"),
    ]
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_mail_server_is_tried_and_its_password_is_kept_only_for_itself(db: PgPool) {
    let app = TestApp::start(db).await;
    let server = MailServer::start().await;
    let port = server.port.to_string();
    let sara = app.signed_in("sara").await;
    sara.post(MAIL, &letters(&port, "NONE", "wrong-secret")).await.expect(303);
    let test = || sara.post("/admin/settings/notices/mail/test", &[("to", "sara@example.com")]);
    test().await.expect(303);
    let page = sara.get(PAGE).await;
    assert!(page.text("#flash .flash--bad").contains("رمز"), "{}", page.text("#flash"));
    assert!(page.count("#mail .banner--bad") == 1 && !page.body.contains("wrong-secret"));
    sara.post(MAIL, &letters(&port, "NONE", MAIL_PASSWORD)).await.expect(303);
    test().await.expect(303);
    sara.post(MAIL, &letters(&port, "NONE", "")).await.expect(303);
    test().await.expect(303);
    assert_eq!(server.take_letters().len(), 2, "an empty password keeps the stored one");
    assert!(!sara.get(PAGE).await.body.contains(MAIL_PASSWORD));
    let mut elsewhere = letters(&port, "NONE", "");
    elsewhere[0].1 = "localhost";
    sara.post(MAIL, &elsewhere).await.expect(303);
    let kept: String =
        sqlx::query_scalar("SELECT smtp_password FROM notice_settings").fetch_one(&app.db).await.unwrap();
    assert_eq!(kept, "", "another server does not get the old one's password");
    sara.post("/admin/settings/notices/mail/test", &[("to", "nobody")]).await.expect(422);
    sara.post(MAIL, &[("remove", "true")]).await.expect(303);
    assert_eq!(sara.get(PAGE).await.count("#mail form"), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn wrong_mail_settings_come_back_as_typed(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    for (at, value, field) in [
        (0, "", "host"),
        (0, "mail.example.com", "security"),
        (1, "0", "port"),
        (1, "۷۰۰۰۰", "port"),
        (1, "x", "port"),
        (5, "", "sender"),
        (5, "shop", "sender"),
    ] {
        let mut form = letters("587", "NONE", "a-typed-secret");
        form[at].1 = value;
        let page = sara.post(MAIL, &form).await.expect(422);
        assert_eq!(page.attributes(".field__error", "id"), [format!("{field}-error")], "{value}");
        assert_eq!(page.attribute(&format!("#{}", form[at].0), "value"), value);
        assert!(!page.body.contains("a-typed-secret"));
    }
    for who in ["reza", "nima"] {
        let client = app.signed_in(who).await;
        client.get(PAGE).await.expect(403);
        client.post(MAIL, &letters("587", "TLS", "x")).await.expect(403);
    }
    app.finish().await;
}
