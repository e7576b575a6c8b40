//! Sending what waits for one person on one channel, as one message.
//!
//! A delivery is claimed for a while before it is sent, outside of any transaction, so that no two workers send it;
//! one that dies in between sends it once more.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgPool;

use super::{GIVE_UP, LONGEST_WAIT};
use crate::{
    calendar::{Clock, Time},
    ids::UserId,
    jobs::{FOR_NEWER, Job, LEASE, Verdict, backoff},
    locale::{Language, Tr},
    notices::{
        Channel, Couriers, Kind, Subject, Told,
        couriers::{Failure, Letter, Problem, WHOLE},
        settings::{self, Outgoing},
        words,
    },
    role::Role,
};

/// Longer than a message takes, and shorter than a job's lease: when the job is taken up again, what it had claimed is
/// free.
const CLAIM: Duration = Duration::from_secs(22);
const _: () = assert!(WHOLE.as_secs() < CLAIM.as_secs() && CLAIM.as_secs() < LEASE.as_secs());

/// Who gets the message, and what it says.
struct Parcel {
    user: UserId,
    channel: Channel,
    address: String,
    role: Role,
    t: Tr,
    /// Oldest first.
    told: Vec<Told>,
}

/// Sends what waits for the person of this job.
pub async fn deliver(db: &PgPool, couriers: &Couriers, clock: &Clock, job: &Job) -> Verdict {
    let user = job.payload.get("user").and_then(Value::as_i64).map(UserId);
    let channel = job.payload.get("channel").and_then(Value::as_str).and_then(Channel::from_code);
    let (Some(user), Some(channel)) = (user, channel) else {
        return Verdict::Fail { error: "the job names nobody".to_owned() };
    };
    match attempt(db, couriers, clock, (user, channel), job.attempts).await {
        Ok(None) => Verdict::Done,
        Ok(Some((after, error))) => Verdict::Retry { after, error },
        Err(error) => Verdict::Retry { after: backoff(job.attempts), error: error.to_string() },
    }
}

/// One attempt. `Some` says how long to wait, and why.
async fn attempt(
    db: &PgPool,
    couriers: &Couriers,
    clock: &Clock,
    (user, channel): (UserId, Channel),
    attempts: i32,
) -> sqlx::Result<Option<(Duration, String)>> {
    let now = clock.now();
    let outgoing = settings::outgoing(&mut *db.acquire().await?).await?;
    if let Some(until) = outgoing.hold_until(channel).filter(|until| *until > now) {
        let wait = Duration::try_from(until - now).unwrap_or_default();
        return Ok(Some((wait, "the courier is left alone for a while".to_owned())));
    }
    drop_old(db, user, channel, now).await?;
    if let Some(kind) = strange_kind(db, user, channel, now).await? {
        return Ok(Some((FOR_NEWER, format!("no notice is known here of the kind {kind}"))));
    }
    let claimed = claim(db, user, channel, now).await?;
    if claimed.is_empty() {
        return Ok(None);
    }
    let parcel = pack(db, user, channel, &claimed).await?;
    let result = match parcel {
        Some(parcel) => send(couriers, &outgoing, &parcel).await,
        None => None,
    };
    let now = clock.now();
    let Some(result) = result else {
        // She unlinked it meanwhile, or the shop has no way to send any more.
        settle(db, channel, &claimed, "DROPPED", now).await?;
        return Ok(None);
    };
    settings::note(db, channel, &result, now).await?;
    match result {
        Ok(()) => settle(db, channel, &claimed, "SENT", now).await.map(|()| None),
        Err(failure) if failure.problem == Problem::Recipient => {
            give_up(db, user, channel, &failure.detail, now).await.map(|()| None)
        }
        Err(failure) => {
            // While it is away, everybody waits for it together: nobody has to wait longer than that.
            let longest = if failure.problem.is_absence() { settings::AWAY } else { LONGEST_WAIT };
            let wait = failure.wait.unwrap_or_else(|| backoff(attempts + 2).min(longest));
            put_off(db, channel, &claimed, now + wait).await?;
            Ok(Some((wait, format!("{}: {}", failure.problem.code(), failure.detail))))
        }
    }
}

/// The kind of a due delivery that only a newer version can put into words: all that is due waits for one.
async fn strange_kind(
    db: &PgPool,
    user: UserId,
    channel: Channel,
    now: Time,
) -> sqlx::Result<Option<String>> {
    let known: Vec<String> = Kind::ALL.iter().map(|kind| kind.code().to_owned()).collect();
    sqlx::query_scalar!(
        "SELECT n.kind FROM notice_deliveries d JOIN notices n ON n.id = d.notice_id
         WHERE d.user_id = $1 AND d.channel = $2 AND d.outcome IS NULL AND d.due_at <= $3 AND n.kind <> ALL($4)
         LIMIT 1",
        user.0,
        channel.code(),
        now,
        &known
    )
    .fetch_optional(db)
    .await
}

async fn claim(db: &PgPool, user: UserId, channel: Channel, now: Time) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "UPDATE notice_deliveries d SET claimed_until = $4, attempts = attempts + 1
         FROM (SELECT notice_id FROM notice_deliveries
               WHERE user_id = $1 AND channel = $2 AND outcome IS NULL AND due_at <= $3
                 AND (claimed_until IS NULL OR claimed_until <= $3)
               ORDER BY notice_id LIMIT 500 FOR UPDATE SKIP LOCKED) due
         WHERE d.notice_id = due.notice_id AND d.channel = $2 RETURNING d.notice_id",
        user.0,
        channel.code(),
        now,
        now + CLAIM
    )
    .fetch_all(db)
    .await
}

async fn pack(db: &PgPool, user: UserId, channel: Channel, claimed: &[i64]) -> sqlx::Result<Option<Parcel>> {
    let to = sqlx::query!(
        r#"SELECT c.address, u.role AS "role: Role", u.language AS "language: Language"
           FROM notice_channels c JOIN users u ON u.id = c.user_id
           WHERE c.user_id = $1 AND c.channel = $2 AND c.broken_at IS NULL AND u.status = 'ACTIVE'"#,
        user.0,
        channel.code()
    )
    .fetch_optional(db)
    .await?;
    let Some(to) = to else { return Ok(None) };
    let rows = sqlx::query!(
        "SELECT id, kind, subject_type, subject_id, data, created_at FROM notices WHERE id = ANY($1) ORDER BY id",
        claimed
    )
    .fetch_all(db)
    .await?;
    let told = rows.into_iter().filter_map(|row| {
        Some(Told {
            id: row.id,
            kind: Kind::from_code(&row.kind)?,
            subject: Subject::from_columns(row.subject_type.as_deref(), row.subject_id),
            data: row.data,
            created_at: row.created_at,
            is_read: false,
        })
    });
    let told: Vec<Told> = told.collect();
    let parcel = Parcel { user, channel, address: to.address, role: to.role, t: Tr::new(to.language), told };
    Ok(Some(parcel).filter(|parcel| !parcel.told.is_empty()))
}

/// `None` where the shop has no bot or mail server.
async fn send(couriers: &Couriers, outgoing: &Outgoing, parcel: &Parcel) -> Option<Result<(), Failure>> {
    let message = words::message(&parcel.t, couriers, parcel.role, &parcel.told);
    tracing::debug!(user = %parcel.user, channel = parcel.channel.code(), count = parcel.told.len(), "sending");
    match parcel.channel {
        Channel::Telegram => {
            let bot = outgoing.bot.as_ref()?;
            let text = format!("{}\n{}", message.title, message.body);
            Some(couriers.send_to_chat(bot, &parcel.address, &text, &message.buttons).await)
        }
        Channel::Email => {
            let letter = Letter {
                to: &parcel.address,
                from_name: &outgoing.shop_name,
                subject: &message.title,
                body: &message.body,
            };
            Some(couriers.post(outgoing.mail.as_ref()?, &letter).await)
        }
    }
}

async fn settle(
    db: &PgPool,
    channel: Channel,
    claimed: &[i64],
    outcome: &str,
    now: Time,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE notice_deliveries SET outcome = $3, settled_at = $4, claimed_until = NULL
         WHERE notice_id = ANY($1) AND channel = $2 AND outcome IS NULL",
        claimed,
        channel.code(),
        outcome,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn put_off(db: &PgPool, channel: Channel, claimed: &[i64], until: Time) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE notice_deliveries SET claimed_until = $3
         WHERE notice_id = ANY($1) AND channel = $2 AND outcome IS NULL",
        claimed,
        channel.code(),
        until
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Drops what has been due for too long.
async fn drop_old(db: &PgPool, user: UserId, channel: Channel, now: Time) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE notice_deliveries SET outcome = 'DROPPED', settled_at = $3, claimed_until = NULL
         WHERE user_id = $1 AND channel = $2 AND outcome IS NULL AND due_at < $4",
        user.0,
        channel.code(),
        now,
        now - GIVE_UP
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The chat or address takes nothing: it is marked, the person is shown why, and nothing more is sent to it.
async fn give_up(db: &PgPool, user: UserId, channel: Channel, reason: &str, now: Time) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query!(
        "UPDATE notice_channels SET broken_at = $3, broken_reason = $4
         WHERE user_id = $1 AND channel = $2 AND broken_at IS NULL",
        user.0,
        channel.code(),
        now,
        reason
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE notice_deliveries SET outcome = 'DROPPED', settled_at = $3, claimed_until = NULL
         WHERE user_id = $1 AND channel = $2 AND outcome IS NULL",
        user.0,
        channel.code(),
        now
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}
