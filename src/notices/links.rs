//! Linking a chat or an address: a one-time code that only its owner can send back. A code is good once, and for
//! [`GOOD_FOR`].

use std::time::Duration;

use rand::RngExt as _;
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    Channel,
    jobs::{POLL, SEND_CODE},
};
use crate::{
    calendar::Time,
    ids::UserId,
    jobs::{self, NewJob},
    locale::Language,
};

/// How long a code can be used.
pub(super) const GOOD_FOR: Duration = Duration::from_secs(15 * 60);
/// No more codes than this are mailed for one person a day: the addresses are hers to type, not to bother.
const LETTERS_A_DAY: i64 = 10;
/// Without letters and digits that look alike.
const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
const LENGTH: usize = 8;

/// A code that waits to be sent back.
#[derive(Clone, Debug)]
pub(super) struct OpenLink {
    pub code: String,
    /// E-mail: where it was sent.
    pub address: String,
    pub expires_at: Time,
}

/// Why no code was made.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("too many codes were mailed today")]
    TooMany,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Makes a code, in place of an older one, and sees to its way: Telegram is listened to, a letter is sent.
///
/// # Errors
/// See [`LinkError`].
pub(super) async fn begin(
    db: &PgPool,
    user: UserId,
    channel: Channel,
    address: &str,
    now: Time,
) -> Result<(), LinkError> {
    let code: String = {
        let mut rng = rand::rng();
        (0..LENGTH).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect()
    };
    let mut tx = db.begin().await?;
    // One person's forms wait for each other here, so that the limit holds.
    sqlx::query_scalar!("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE", user.0)
        .fetch_one(&mut *tx)
        .await?;
    let day_ago = now + GOOD_FOR - Duration::from_secs(24 * 3600);
    let made = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM notice_links WHERE user_id = $1 AND channel = $2 AND expires_at > $3"#,
        user.0,
        channel.code(),
        day_ago
    )
    .fetch_one(&mut *tx)
    .await?;
    if channel == Channel::Email && made >= LETTERS_A_DAY {
        return Err(LinkError::TooMany);
    }
    sqlx::query!(
        "UPDATE notice_links SET used_at = $3 WHERE user_id = $1 AND channel = $2 AND used_at IS NULL",
        user.0,
        channel.code(),
        now
    )
    .execute(&mut *tx)
    .await?;
    let id = sqlx::query_scalar!(
        "INSERT INTO notice_links (user_id, channel, code, address, expires_at) VALUES ($1, $2, $3, $4, $5)
         RETURNING id",
        user.0,
        channel.code(),
        code,
        address,
        now + GOOD_FOR
    )
    .fetch_one(&mut *tx)
    .await?;
    let kind = match channel {
        Channel::Telegram => POLL,
        Channel::Email => SEND_CODE,
    };
    let job = NewJob { kind, payload: json!({ "link": id }), unique_key: None, run_at: now };
    jobs::enqueue(&mut tx, &job, now).await?;
    tx.commit().await?;
    Ok(())
}

/// The code of this person that can still be used.
///
/// # Errors
/// When the database fails.
pub(super) async fn open(
    conn: &mut PgConnection,
    user: UserId,
    channel: Channel,
    now: Time,
) -> sqlx::Result<Option<OpenLink>> {
    sqlx::query_as!(
        OpenLink,
        "SELECT code, address, expires_at FROM notice_links
         WHERE user_id = $1 AND channel = $2 AND used_at IS NULL AND expires_at > $3 ORDER BY id DESC LIMIT 1",
        user.0,
        channel.code(),
        now
    )
    .fetch_optional(conn)
    .await
}

/// A code by its number, for the job that sends it or waits for it.
pub(super) struct WaitingLink {
    pub code: String,
    pub address: String,
    pub language: Language,
}

/// The code with this number, while it can be used.
///
/// # Errors
/// When the database fails.
pub(super) async fn waiting(db: &PgPool, id: i64, now: Time) -> sqlx::Result<Option<WaitingLink>> {
    sqlx::query_as!(
        WaitingLink,
        r#"SELECT l.code, l.address, u.language AS "language: Language"
           FROM notice_links l JOIN users u ON u.id = l.user_id
           WHERE l.id = $1 AND l.used_at IS NULL AND l.expires_at > $2"#,
        id,
        now
    )
    .fetch_optional(db)
    .await
}

/// Takes a code that came back, once. `by` is the person who typed it into a page; what comes from a chat names
/// nobody. `address` is the chat that it came from; a letter's code knows its own. Returns whose it was.
///
/// # Errors
/// When the database fails.
pub(super) async fn take(
    db: &PgPool,
    channel: Channel,
    code: &str,
    by: Option<UserId>,
    address: Option<&str>,
    now: Time,
) -> sqlx::Result<Option<(UserId, Language)>> {
    let mut tx = db.begin().await?;
    let taken = sqlx::query!(
        r#"UPDATE notice_links l SET used_at = $4 FROM users u
           WHERE l.code = $1 AND l.channel = $2 AND ($3::bigint IS NULL OR l.user_id = $3)
             AND l.used_at IS NULL AND l.expires_at > $4 AND u.id = l.user_id AND u.status = 'ACTIVE'
           RETURNING l.user_id AS "user: UserId", l.address, u.language AS "language: Language""#,
        code,
        channel.code(),
        by.map(|by| by.0),
        now
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(taken) = taken else { return Ok(None) };
    sqlx::query!(
        "INSERT INTO notice_channels (user_id, channel, address, linked_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, channel) DO UPDATE
         SET address = excluded.address, linked_at = excluded.linked_at, broken_at = NULL, broken_reason = NULL",
        taken.user.0,
        channel.code(),
        address.unwrap_or(&taken.address),
        now
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Some((taken.user, taken.language)))
}
