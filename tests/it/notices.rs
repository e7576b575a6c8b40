//! Notices: who is told of what, once; where else than in the panel; and what becomes of a message that can't be sent.

mod away;
mod causes;
mod choices;
mod debts;
mod errors;
mod linking;
mod mail;
mod pages;
mod settings;
mod telegram;
mod watch;
mod ways;

use rad_panel::{
    ids::UserId,
    notices::{self, Kind, Notice, Recipients, Subject},
};
use serde_json::json;
use time::Duration;

use crate::support::{BotApi, MAIL_PASSWORD, MAIL_USER, MailServer, TOKEN, TestApp};

/// Longer than a message waits for others.
const MERGED: Duration = Duration::seconds(21);

/// The owner gives the panel a bot.
async fn with_bot(app: &TestApp) -> BotApi {
    let bot = BotApi::start().await;
    sqlx::query(
        "UPDATE notice_settings SET telegram_token = $1, telegram_api = $2, telegram_bot = 'shop_bot'",
    )
    .bind(TOKEN)
    .bind(&bot.url)
    .execute(&app.db)
    .await
    .unwrap();
    bot
}

/// The owner gives the panel a mail server.
async fn with_mail(app: &TestApp) -> MailServer {
    with_mail_of(app, MailServer::start().await).await
}

/// The owner gives the panel this mail server.
async fn with_mail_of(app: &TestApp, server: MailServer) -> MailServer {
    sqlx::query(
        "UPDATE notice_settings SET smtp_host = '127.0.0.1', smtp_port = $1, smtp_security = $4,
                smtp_username = $2, smtp_password = $3, smtp_sender = 'shop@example.com'",
    )
    .bind(i32::from(server.port))
    .bind(MAIL_USER)
    .bind(MAIL_PASSWORD)
    .bind(server.security.code())
    .execute(&app.db)
    .await
    .unwrap();
    server
}

/// A person whose chat or address is linked already.
async fn link(app: &TestApp, user: UserId, channel: &str, address: &str) {
    sqlx::query("INSERT INTO notice_channels (user_id, channel, address, linked_at) VALUES ($1, $2, $3, $4)")
        .bind(user.0)
        .bind(channel)
        .bind(address)
        .bind(app.clock.now())
        .execute(&app.db)
        .await
        .unwrap();
}

/// Tells the admins of a failed backup: a kind of which nothing else tells.
async fn tell_admins(app: &TestApp, text: &str) {
    tell(app, Recipients::Admins, Kind::BackupFailed, json!({ "error": text }), None).await;
}

async fn tell(app: &TestApp, to: Recipients, kind: Kind, data: serde_json::Value, key: Option<&str>) {
    let notice = Notice { to, kind, subject: Subject::Nothing, data, key: key.map(str::to_owned) };
    let mut tx = app.db.begin().await.unwrap();
    notices::raise(&mut tx, notice, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// The kinds of what a person was told, oldest first.
async fn told(app: &TestApp, user: UserId) -> Vec<String> {
    sqlx::query_scalar("SELECT kind FROM notices WHERE user_id = $1 ORDER BY id")
        .bind(user.0)
        .fetch_all(&app.db)
        .await
        .unwrap()
}

/// What became of all messages, oldest first; `None` waits.
async fn outcomes(app: &TestApp) -> Vec<Option<String>> {
    sqlx::query_scalar("SELECT outcome FROM notice_deliveries ORDER BY notice_id, channel")
        .fetch_all(&app.db)
        .await
        .unwrap()
}

/// Lets the waiting time of a message pass, and sends what is due.
async fn deliver(app: &TestApp) {
    app.clock.advance(MERGED);
    app.run_jobs().await;
}
