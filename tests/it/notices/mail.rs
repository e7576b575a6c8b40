//! Letters, over a real conversation with a mail server.

use rad_panel::notices::{Kind, Recipients};
use serde_json::json;
use sqlx::PgPool;
use time::Duration;

use super::{deliver, link, outcomes, tell, tell_admins, with_bot, with_mail};
use crate::support::TestApp;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_letter_reaches_its_address_and_both_channels_are_told(db: PgPool) {
    let app = TestApp::start(db).await;
    let (bot, mail) = (with_bot(&app).await, with_mail(&app).await);
    link(&app, app.sara, "EMAIL", "sara@example.com").await;
    link(&app, app.sara, "TELEGRAM", "77").await;
    tell_admins(&app, "دیسک پر است").await;
    deliver(&app).await;
    let letters = mail.take_letters();
    let [letter] = &letters[..] else { panic!("not one letter: {letters:?}") };
    assert_eq!(letter.to, "sara@example.com");
    assert!(
        letter.text.contains("دیسک پر است") && letter.text.contains("shop@example.com"),
        "{}",
        letter.text
    );
    assert!(letter.text.contains("Subject: =?utf-8?"), "{}", letter.text);
    assert_eq!((bot.take_sent().len(), mail.sign_ins()), (1, 1));
    assert_eq!(outcomes(&app).await, vec![Some("SENT".to_owned()); 2]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_wrong_password_is_told_to_the_owner_and_the_letter_goes_once_it_is_right(db: PgPool) {
    let app = TestApp::start(db).await;
    let mail = with_mail(&app).await;
    let set = |password: &'static str| {
        sqlx::query("UPDATE notice_settings SET smtp_password = $1").bind(password).execute(&app.db)
    };
    set("a-wrong-secret").await.unwrap();
    link(&app, app.sara, "EMAIL", "sara@example.com").await;
    tell_admins(&app, "یک").await;
    deliver(&app).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/settings/notices").await.expect(200);
    let trouble = page.text("#mail .banner--bad");
    assert!(trouble.contains("نام کاربری یا رمز") && !page.body.contains("a-wrong-secret"), "{trouble}");
    set(crate::support::MAIL_PASSWORD).await.unwrap();
    app.clock.advance(Duration::minutes(5));
    app.run_jobs().await;
    assert_eq!(mail.take_letters().len(), 1);
    assert_eq!(sara.get("/admin/settings/notices").await.count("#mail .banner--bad"), 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_address_that_does_not_exist_is_marked_and_a_full_one_is_tried_again(db: PgPool) {
    let app = TestApp::start(db).await;
    let mail = with_mail(&app).await;
    link(&app, app.reza, "EMAIL", "reza@example.com").await;
    let told = || tell(&app, Recipients::User(app.reza), Kind::AccountsBack, json!({ "count": 1 }), None);
    mail.refuse(Some("452 4.2.2 mailbox full"));
    told().await;
    deliver(&app).await;
    assert_eq!(outcomes(&app).await, [None]);
    mail.refuse(None);
    app.clock.advance(Duration::minutes(5));
    app.run_jobs().await;
    assert_eq!(mail.take_letters().len(), 1);

    mail.refuse(Some("550 5.1.1 no such user"));
    told().await;
    deliver(&app).await;
    assert_eq!(outcomes(&app).await[1].as_deref(), Some("DROPPED"));
    let page = app.signed_in("reza").await.get("/account/notices").await.expect(200);
    assert!(page.text("#email .banner--warn").contains("no such user"), "{}", page.text("#email"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_server_that_speaks_no_tls_gets_neither_password_nor_letter(db: PgPool) {
    let app = TestApp::start(db).await;
    let mail = with_mail(&app).await;
    link(&app, app.sara, "EMAIL", "sara@example.com").await;
    sqlx::query("UPDATE notice_settings SET smtp_security = 'STARTTLS'").execute(&app.db).await.unwrap();
    tell_admins(&app, "یک").await;
    deliver(&app).await;
    assert_eq!((mail.sign_ins(), mail.take_letters().len()), (0, 0));
    let page = app.signed_in("sara").await.get("/admin/settings/notices").await.expect(200);
    assert!(page.text("#mail .banner--bad").contains("امن"), "{}", page.text("#mail"));
}
