//! Linking a chat or an address: a code goes out by mail, or comes back through the bot.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgPool;

use super::{LONGEST_WAIT, POLL};
use crate::{
    calendar::{Clock, Time},
    config::Secret,
    jobs::{self, Job, NewJob, Verdict, backoff},
    locale::{Language, Tr},
    notices::{
        Channel, Couriers,
        couriers::{Bot, Letter, Problem, Update},
        links, settings,
    },
};

/// How long one call of the Bot API waits for a word.
const PATIENCE: Duration = Duration::from_secs(8);
/// Longer than such a call can take: only one worker listens at a time, as the Bot API demands.
const LISTENING: Duration = Duration::from_secs(30);
/// Between two calls, and while another worker listens.
const PAUSE: Duration = Duration::from_secs(2);

fn link_of(job: &Job) -> Option<i64> {
    job.payload.get("link").and_then(Value::as_i64)
}

/// Mails the code of this job.
pub async fn send_code(db: &PgPool, couriers: &Couriers, clock: &Clock, job: &Job) -> Verdict {
    let Some(link) = link_of(job) else { return Verdict::Fail { error: "the job names no code".to_owned() } };
    match mail_code(db, couriers, clock, link).await {
        Ok(None) => Verdict::Done,
        Ok(Some(error)) => Verdict::Retry { after: backoff(job.attempts + 1).min(LONGEST_WAIT), error },
        Err(error) => Verdict::Retry { after: backoff(job.attempts), error: error.to_string() },
    }
}

async fn mail_code(
    db: &PgPool,
    couriers: &Couriers,
    clock: &Clock,
    link: i64,
) -> sqlx::Result<Option<String>> {
    let outgoing = settings::outgoing(&mut *db.acquire().await?).await?;
    let Some(server) = outgoing.mail else { return Ok(None) };
    let Some(link) = links::waiting(db, link, clock.now()).await? else { return Ok(None) };
    let t = Tr::new(link.language);
    let letter = Letter {
        to: &link.address,
        from_name: &outgoing.shop_name,
        subject: &t.notices_code_subject(),
        body: &t.notices_code_letter(&link.code, &outgoing.shop_name),
    };
    let result = couriers.post(&server, &letter).await;
    settings::note(db, Channel::Email, &result, clock.now()).await?;
    // An address that takes nothing is a slip of the finger: she sees that no code comes, and types it anew.
    Ok(result.err().filter(|failure| failure.problem != Problem::Recipient).map(|failure| failure.detail))
}

/// Listens to the bot for a while, for as long as the code of this job waits to come back.
pub async fn poll(db: &PgPool, couriers: &Couriers, clock: &Clock, job: &Job) -> Verdict {
    match listen(db, couriers, clock, job).await {
        Ok(()) => Verdict::Done,
        Err(error) => Verdict::Retry { after: backoff(job.attempts), error: error.to_string() },
    }
}

async fn listen(db: &PgPool, couriers: &Couriers, clock: &Clock, job: &Job) -> sqlx::Result<()> {
    let Some(link) = link_of(job) else { return Ok(()) };
    if links::waiting(db, link, clock.now()).await?.is_none() {
        return Ok(());
    }
    let mut pause = PAUSE;
    if let Some((bot, offset)) = begin_listening(db, clock.now()).await? {
        let heard = couriers.updates(&bot, offset, PATIENCE).await;
        if let Ok(updates) = &heard {
            for update in updates {
                answer(db, couriers, &bot, update, clock.now()).await?;
            }
        } else {
            pause = Duration::from_secs(15);
        }
        let last = heard.as_ref().ok().and_then(|updates| updates.last()).map(|update| update.id + 1);
        end_listening(db, last).await?;
        settings::note(db, Channel::Telegram, &heard.map(drop), clock.now()).await?;
    }
    // The next turn is a job of its own: many turns are no failures.
    let now = clock.now();
    let next = NewJob { kind: POLL, payload: job.payload.clone(), unique_key: None, run_at: now + pause };
    jobs::enqueue(&mut *db.acquire().await?, &next, now).await
}

/// `None` while another worker listens, or when there is no bot.
async fn begin_listening(db: &PgPool, now: Time) -> sqlx::Result<Option<(Bot, i64)>> {
    let row = sqlx::query!(
        r#"UPDATE notice_settings SET telegram_polling_until = $2
           WHERE telegram_token IS NOT NULL AND (telegram_polling_until IS NULL OR telegram_polling_until <= $1)
             AND (telegram_hold_until IS NULL OR telegram_hold_until <= $1)
           RETURNING telegram_token AS "token!", telegram_api, telegram_offset"#,
        now,
        now + LISTENING
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (Bot { token: Secret::new(row.token), api: row.telegram_api }, row.telegram_offset)))
}

async fn end_listening(db: &PgPool, offset: Option<i64>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE notice_settings SET telegram_polling_until = NULL, telegram_offset = greatest(telegram_offset, $1)",
        offset
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes the code in what somebody wrote, and tells her what became of it.
async fn answer(db: &PgPool, couriers: &Couriers, bot: &Bot, update: &Update, now: Time) -> sqlx::Result<()> {
    let Some(chat) = update.chat.map(|chat| chat.to_string()) else { return Ok(()) };
    let code = update.text.trim().trim_start_matches("/start").trim().to_uppercase();
    let taken = links::take(db, Channel::Telegram, &code, None, Some(&chat), now).await?;
    let text = match taken {
        Some((_, language)) => Tr::new(language).notices_chat_linked(),
        None => Tr::new(Language::default()).notices_chat_unknown_code(),
    };
    // A courtesy: the page says the same.
    if let Err(failure) = couriers.send_to_chat(bot, &chat, &text, &[]).await {
        tracing::debug!(problem = failure.problem.code(), "no answer to a code");
    }
    Ok(())
}
