//! A courier that is away costs a try or two a minute, not one for each message.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use rad_panel::notices::{Kind, Recipients};
use serde_json::json;
use sqlx::PgPool;
use time::Duration;
use tokio::net::TcpListener;

use super::{deliver, link, outcomes, tell, with_bot, with_mail};
use crate::support::{MAIL_PASSWORD, MAIL_USER, TestApp};

/// Takes connections and ends them without a word, and counts them.
async fn hanging_up() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::<AtomicUsize>::default();
    let counting = count.clone();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            counting.fetch_add(1, Ordering::SeqCst);
            drop(connection);
        }
    });
    (port, count)
}

/// Six messages to three people, by the courier of this channel.
async fn six_messages(app: &TestApp, channel: &str) {
    for (user, address) in [(app.reza, "77"), (app.mina, "78"), (app.nima, "79")] {
        let address = if channel == "EMAIL" { format!("{address}@example.com") } else { address.to_owned() };
        link(app, user, channel, &address).await;
    }
    for user in [app.reza, app.mina, app.nima, app.reza, app.mina, app.nima] {
        let data = json!({ "approved": true, "amount": 50_000 });
        tell(app, Recipients::User(user), Kind::PaymentDecided, data, None).await;
    }
}

async fn run_for_minutes(app: &TestApp, minutes: i32) {
    for _ in 0..minutes * 4 {
        app.clock.advance(Duration::seconds(15));
        app.run_jobs().await;
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_bot_api_that_is_away_is_tried_for_all_together_and_all_are_told_when_it_is_back(db: PgPool) {
    let app = TestApp::start(db).await;
    let bot = with_bot(&app).await;
    let (port, tries) = hanging_up().await;
    let lead_to = async |url: &str| {
        sqlx::query("UPDATE notice_settings SET telegram_api = $1").bind(url).execute(&app.db).await.unwrap();
    };
    lead_to(&format!("http://127.0.0.1:{port}")).await;
    six_messages(&app, "TELEGRAM").await;
    deliver(&app).await;
    assert_eq!(tries.load(Ordering::SeqCst), 2, "one that is lost is no outage, two are");
    run_for_minutes(&app, 10).await;
    let in_ten_minutes = tries.load(Ordering::SeqCst) - 2;
    assert!((8..=12).contains(&in_ten_minutes), "{in_ten_minutes}");
    lead_to(&bot.url).await;
    run_for_minutes(&app, 2).await;
    assert_eq!(bot.take_sent().len(), 3, "everybody is told, however long it was away");
    assert_eq!(outcomes(&app).await, vec![Some("SENT".to_owned()); 6]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_mail_server_that_is_away_is_left_alone_until_its_settings_are_mended(db: PgPool) {
    let app = TestApp::start(db).await;
    let mail = with_mail(&app).await;
    let (port, tries) = hanging_up().await;
    sqlx::query("UPDATE notice_settings SET smtp_port = $1, smtp_security = 'NONE'")
        .bind(i32::from(port))
        .execute(&app.db)
        .await
        .unwrap();
    six_messages(&app, "EMAIL").await;
    deliver(&app).await;
    assert_eq!(tries.load(Ordering::SeqCst), 2);
    let sara = app.signed_in("sara").await;
    let port = mail.port.to_string();
    let form = [
        ("host", "127.0.0.1"),
        ("port", &port),
        ("security", mail.security.code()),
        ("username", MAIL_USER),
        ("smtp_password", MAIL_PASSWORD),
        ("sender", "shop@example.com"),
    ];
    sara.post("/admin/settings/notices/mail", &form).await.expect(303);
    run_for_minutes(&app, 1).await;
    assert_eq!(tries.load(Ordering::SeqCst), 2);
    assert_eq!(outcomes(&app).await, vec![Some("SENT".to_owned()); 6]);
    app.finish().await;
}
