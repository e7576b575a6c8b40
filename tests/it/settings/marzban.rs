//! Marzban as it is set, and the test of it.

use sqlx::PgPool;

use crate::support::{Answer, Client, TestApp};

const PATH: &str = "/admin/settings/marzban";

async fn test(client: &Client, page: &Answer, change: &[(&str, &str)]) -> Answer {
    let mut form: Vec<(String, String)> = ["url", "username", "marzban_password", "proxy_with_password"]
        .map(|name| (name.to_owned(), page.attribute(&format!("#{name}"), "value")))
        .into();
    for (name, value) in change {
        form.iter_mut().find(|(known, _)| known == name).unwrap().1 = (*value).to_owned();
    }
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    client.post("/admin/settings/marzban/test", &form).await
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_set_is_shown_with_where_it_is_set_and_without_its_secrets(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get(PATH).await.expect(200);
    let rows = page.texts("#now .definition__row");
    assert_eq!(rows.len(), 9);
    assert!(rows[0].contains("MARZBAN_URL") && rows[0].contains(&app.simulator.base_url()), "{rows:?}");
    assert!(rows[0].contains("متغیر محیطی") && rows[7].contains("پیش‌فرض"), "{rows:?}");
    assert!(rows[2].contains("MARZBAN_PASSWORD") && rows[2].contains("تنظیم شده"), "{rows:?}");
    assert!(!page.body.contains(app.simulator.password()));
    assert_eq!(sara.get("/admin/settings").await.count(&format!("a[href='{PATH}']")), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_present_settings_are_tested_with_the_password_that_nobody_typed(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get(PATH).await.expect(200);
    let answer = test(&sara, &page, &[]).await.expect(200);
    assert_eq!((answer.count("#result .need--ok"), answer.count("#result .need--bad")), (1, 0));
    // The simulator listens on loopback, which no customer reaches.
    assert!(answer.text("#result .need--warn").contains("MARZBAN_PUBLIC_URL"), "{}", answer.text("#result"));
    assert!(answer.text("#result dl").contains("0.8.4"), "{}", answer.text("#result dl"));
    assert!(!answer.body.contains(app.simulator.password()));
    app.simulator.down().await;
    let answer = test(&sara, &page, &[]).await.expect(200);
    assert!(
        answer.texts("#result .need--bad").concat().contains("اتصال رد شد"),
        "{}",
        answer.text("#result")
    );
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn other_values_can_be_tried_and_nothing_of_them_is_kept(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get(PATH).await.expect(200);
    let typed = [("username", "somebody"), ("marzban_password", "a-typed-s3cret")];
    let answer = test(&sara, &page, &typed).await.expect(200);
    assert!(answer.texts("#result .need--bad").concat().contains("نپذیرفت"), "{}", answer.text("#result"));
    assert_eq!(answer.attribute("#username", "value"), "somebody");
    assert!(!answer.body.contains("a-typed-s3cret"));
    let proxied = [("proxy_with_password", "http://ali:pr0xy-s3cret@127.0.0.1:9"), ("marzban_password", "x")];
    let answer = test(&sara, &page, &proxied).await.expect(200);
    assert!(answer.texts("#result .need--bad").concat().contains("پراکسی"), "{}", answer.text("#result"));
    assert_eq!(answer.attribute("#proxy_with_password", "value"), "http://ali@127.0.0.1:9");
    assert!(!answer.body.contains("pr0xy-s3cret"));
    let again = sara.get(PATH).await.expect(200);
    assert_eq!(again.attribute("#username", "value"), app.simulator.username());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_password_that_is_set_goes_nowhere_but_where_it_is_set_to_go(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get(PATH).await.expect(200);
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", elsewhere.local_addr().unwrap());
    for change in
        [("url", address.as_str()), ("username", "somebody"), ("proxy_with_password", address.as_str())]
    {
        let answer = test(&sara, &page, &[change]).await.expect(422);
        assert_eq!(answer.attributes(".field__error", "id"), ["marzban_password-error"], "{change:?}");
        assert_eq!(answer.attribute(&format!("#{}", change.0), "value"), change.1);
    }
    let waited = tokio::time::timeout(std::time::Duration::from_millis(100), elsewhere.accept()).await;
    assert!(waited.is_err(), "nobody knocked there");
    assert_eq!(app.simulator.requests().len(), 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_no_address_is_said_beside_its_field(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get(PATH).await.expect(200);
    for (field, value) in [
        ("url", ""),
        ("url", "panel.example.com"),
        ("url", "ftp://panel.example.com"),
        ("url", "https://root:pass@panel.example.com"),
        ("url", "https://panel.example.com/?x=1"),
        ("username", " "),
        ("proxy_with_password", "10.0.0.1:1080"),
        ("proxy_with_password", "ftp://10.0.0.1"),
    ] {
        let answer = test(&sara, &page, &[(field, value), ("marzban_password", "x")]).await.expect(422);
        assert_eq!(answer.attributes(".field__error", "id"), [format!("{field}-error")], "{value}");
    }
    app.finish().await;
}
