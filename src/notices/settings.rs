//! The shop's own bot and mail server: one row, which always exists. What is secret never leaves whole.

use std::time::Duration;

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    Channel,
    couriers::{Bot, Failure, MailServer, Problem, Security},
};
use crate::{audit::Actor, calendar::Time, config::Secret};

/// A courier that was not reached twice in a row is left alone for so long: trying takes up to 20 seconds.
pub(super) const AWAY: Duration = Duration::from_secs(60);

/// What is needed to send.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub bot: Option<Bot>,
    /// The bot's user name; empty while nobody has asked.
    pub bot_name: String,
    pub mail: Option<MailServer>,
    telegram_hold_until: Option<Time>,
    mail_hold_until: Option<Time>,
    pub shop_name: String,
    pub telegram_trouble: Option<(Problem, String)>,
    pub mail_trouble: Option<(Problem, String)>,
    /// Where the Bot API is, also while there is no bot.
    pub api: String,
}

impl Outgoing {
    /// Until when nothing is sent that way: it asked to be left alone, or is not reached.
    pub fn hold_until(&self, channel: Channel) -> Option<Time> {
        match channel {
            Channel::Telegram => self.telegram_hold_until,
            Channel::Email => self.mail_hold_until,
        }
    }
}

/// Reads the settings.
///
/// # Errors
/// When the database fails.
pub(super) async fn outgoing(conn: &mut PgConnection) -> sqlx::Result<Outgoing> {
    let row = sqlx::query!(
        r#"SELECT n.telegram_token, n.telegram_api, n.telegram_bot, n.telegram_hold_until, n.telegram_problem,
                  n.telegram_detail, n.smtp_host, n.smtp_port, n.smtp_security AS "smtp_security: Security",
                  n.smtp_username, n.smtp_password, n.smtp_sender, n.smtp_hold_until, n.smtp_problem, n.smtp_detail,
                  s.shop_name
           FROM notice_settings n CROSS JOIN settings s"#
    )
    .fetch_one(conn)
    .await?;
    let trouble = |problem: Option<String>, detail: String| {
        problem.as_deref().and_then(Problem::from_code).map(|problem| (problem, detail))
    };
    let api = row.telegram_api;
    Ok(Outgoing {
        bot: row.telegram_token.map(|token| Bot { token: Secret::new(token), api: api.clone() }),
        api,
        bot_name: row.telegram_bot.unwrap_or_default(),
        telegram_hold_until: row.telegram_hold_until,
        mail_hold_until: row.smtp_hold_until,
        mail: row.smtp_host.map(|host| MailServer {
            host,
            port: u16::try_from(row.smtp_port).unwrap_or(587),
            security: row.smtp_security,
            username: row.smtp_username,
            password: Secret::new(row.smtp_password),
            sender: row.smtp_sender,
        }),
        shop_name: row.shop_name,
        telegram_trouble: trouble(row.telegram_problem, row.telegram_detail),
        mail_trouble: trouble(row.smtp_problem, row.smtp_detail),
    })
}

/// What becomes of a secret that a form can't show.
#[derive(Clone, Debug)]
pub(super) enum SecretChange {
    Keep,
    Remove,
    Set(Secret<String>),
}

/// Changes the bot; another token begins anew.
///
/// # Errors
/// When the database fails.
pub(super) async fn save_bot(
    db: &PgPool,
    by: Actor,
    token: &SecretChange,
    api: &str,
    now: Time,
) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query!(
        "UPDATE notice_settings SET telegram_api = $1, telegram_problem = NULL,
                telegram_hold_until = CASE WHEN telegram_api = $1 THEN telegram_hold_until END",
        api
    )
    .execute(&mut *tx)
    .await?;
    let new = match token {
        SecretChange::Keep => None,
        SecretChange::Remove => Some(None),
        SecretChange::Set(token) => Some(Some(token.expose())),
    };
    if let Some(token) = new {
        sqlx::query!(
            "UPDATE notice_settings SET telegram_token = $1, telegram_bot = NULL, telegram_offset = 0,
                    telegram_hold_until = NULL",
            token
        )
        .execute(&mut *tx)
        .await?;
    }
    let change = match token {
        SecretChange::Keep => "kept",
        SecretChange::Remove => "removed",
        SecretChange::Set(_) => "changed",
    };
    let detail = json!({ "channel": "telegram", "api": api, "token": change });
    by.record(&mut tx, "notices.update", ("settings", None), detail, now).await?;
    tx.commit().await
}

/// Keeps the bot's user name, which links to it need.
///
/// # Errors
/// When the database fails.
pub(super) async fn keep_bot_name(db: &PgPool, name: &str) -> sqlx::Result<()> {
    sqlx::query!("UPDATE notice_settings SET telegram_bot = nullif($1, '')", name).execute(db).await?;
    Ok(())
}

/// Changes the mail server; `None` takes it away.
///
/// # Errors
/// When the database fails.
pub(super) async fn save_mail(
    db: &PgPool,
    by: Actor,
    server: Option<&MailServer>,
    now: Time,
) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    match server {
        None => {
            sqlx::query!(
                "UPDATE notice_settings SET smtp_host = NULL, smtp_username = '', smtp_password = '',
                        smtp_problem = NULL, smtp_hold_until = NULL"
            )
            .execute(&mut *tx)
            .await?;
        }
        Some(server) => {
            sqlx::query!(
                "UPDATE notice_settings SET smtp_host = $1, smtp_port = $2, smtp_security = $3, smtp_username = $4,
                        smtp_password = $5, smtp_sender = $6, smtp_problem = NULL, smtp_hold_until = NULL",
                server.host,
                i32::from(server.port),
                server.security.code(),
                server.username,
                server.password.expose(),
                server.sender
            )
            .execute(&mut *tx)
            .await?;
        }
    }
    let detail = json!({
        "channel": "email", "host": server.map(|server| &server.host), "username": server.map(|s| &s.username),
    });
    by.record(&mut tx, "notices.update", ("settings", None), detail, now).await?;
    tx.commit().await
}

/// Writes down how sending went, for the owner's eyes, and how long the courier is left alone: as long as the Bot API
/// asks for, or [`AWAY`] when it was not reached and the try before did not reach it either. A recipient who takes no
/// messages is no fault of the settings.
///
/// # Errors
/// When the database fails.
pub(super) async fn note(
    db: &PgPool,
    channel: Channel,
    result: &Result<(), Failure>,
    now: Time,
) -> sqlx::Result<()> {
    let failure = result.as_ref().err().filter(|failure| failure.problem != Problem::Recipient);
    let problem = failure.map(|failure| failure.problem.code());
    let detail = failure.map(|failure| failure.detail.as_str()).unwrap_or_default();
    let away = failure.filter(|failure| failure.problem.is_absence()).map(|_| now + AWAY);
    let absences = Problem::ABSENCES.map(|problem| problem.code().to_owned());
    match channel {
        Channel::Telegram => {
            let hold = failure.and_then(|failure| failure.wait).map(|wait| now + wait);
            sqlx::query!(
                "UPDATE notice_settings SET telegram_problem = $1, telegram_detail = $2,
                        telegram_hold_until = greatest(telegram_hold_until, $3::timestamptz,
                            CASE WHEN telegram_problem = ANY ($5) THEN $4::timestamptz END)
                 WHERE (telegram_problem, telegram_detail) IS DISTINCT FROM ($1, $2)
                    OR $3::timestamptz IS NOT NULL OR $4::timestamptz IS NOT NULL",
                problem,
                detail,
                hold,
                away,
                &absences
            )
            .execute(db)
            .await?;
        }
        Channel::Email => {
            sqlx::query!(
                "UPDATE notice_settings SET smtp_problem = $1, smtp_detail = $2,
                        smtp_hold_until = greatest(smtp_hold_until,
                            CASE WHEN smtp_problem = ANY ($4) THEN $3::timestamptz END)
                 WHERE (smtp_problem, smtp_detail) IS DISTINCT FROM ($1, $2) OR $3::timestamptz IS NOT NULL",
                problem,
                detail,
                away,
                &absences
            )
            .execute(db)
            .await?;
        }
    }
    Ok(())
}
