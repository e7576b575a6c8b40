//! Raising a notice: its rows, and the deliveries of those who have a channel on for it.

use std::time::Duration;

use serde_json::json;
use sqlx::PgConnection;

use super::{Channel, Notice, Recipients, jobs::DELIVER, quiet::QuietHours};
use crate::{
    calendar::Time,
    ids::UserId,
    jobs::{self, NewJob},
};

/// A message waits so long for others to the same person, which then go along with it.
pub const MERGING: Duration = Duration::from_secs(20);

/// Tells people, in the caller's transaction. Only rows are written: nothing is sent from here.
///
/// # Errors
/// When the database fails.
pub async fn raise(conn: &mut PgConnection, notice: Notice, now: Time) -> sqlx::Result<()> {
    let user = match notice.to {
        Recipients::User(user) => Some(user.0),
        Recipients::Admins => None,
    };
    let roles: Vec<String> = notice.kind.roles().iter().map(|role| role.code().to_owned()).collect();
    let (subject_type, subject_id) = notice.subject.columns();
    let raised = sqlx::query_scalar!(
        "INSERT INTO notices (user_id, kind, subject_type, subject_id, data, dedupe_key, created_at)
         SELECT u.id, $3, $4, $5, $6, $7, $8 FROM users u
         WHERE u.status = 'ACTIVE' AND u.role = ANY($2) AND ($1::bigint IS NULL OR u.id = $1)
         ON CONFLICT (dedupe_key, user_id) DO NOTHING RETURNING id",
        user,
        &roles,
        notice.kind.code(),
        subject_type,
        subject_id,
        notice.data,
        notice.key,
        now
    )
    .fetch_all(&mut *conn)
    .await?;
    if raised.is_empty() {
        return Ok(());
    }
    let targets = sqlx::query!(
        r#"SELECT n.id, n.user_id AS "user: UserId", c.channel AS "channel: Channel",
                  q.quiet_from AS "quiet_from?", q.quiet_until AS "quiet_until?"
           FROM notices n
           JOIN notice_channels c ON c.user_id = n.user_id AND c.broken_at IS NULL
           LEFT JOIN notice_quiet_hours q ON q.user_id = n.user_id
           WHERE n.id = ANY($1) AND NOT EXISTS (
               SELECT FROM notice_mutes m WHERE m.user_id = n.user_id AND m.channel = c.channel AND m.kind = n.kind
           )"#,
        &raised
    )
    .fetch_all(&mut *conn)
    .await?;
    for target in targets {
        let quiet = match (target.quiet_from, target.quiet_until) {
            (Some(from), Some(until)) if !notice.kind.is_urgent() => Some(QuietHours { from, until }),
            _ => None,
        };
        let due_at = quiet.map_or(now, |quiet| quiet.sendable_at(now));
        let delivery = Delivery { notice: target.id, user: target.user, channel: target.channel, due_at };
        delivery.store(conn, now).await?;
    }
    Ok(())
}

/// What bears this key is dealt with: it counts as read by all who were told, in the caller's transaction.
///
/// # Errors
/// When the database fails.
pub async fn resolve(conn: &mut PgConnection, key: &str, now: Time) -> sqlx::Result<()> {
    sqlx::query!("UPDATE notices SET read_at = $2 WHERE dedupe_key = $1 AND read_at IS NULL", key, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// A message to be sent.
struct Delivery {
    notice: i64,
    user: UserId,
    channel: Channel,
    due_at: Time,
}

impl Delivery {
    async fn store(&self, conn: &mut PgConnection, now: Time) -> sqlx::Result<()> {
        sqlx::query!(
            "INSERT INTO notice_deliveries (notice_id, channel, user_id, due_at) VALUES ($1, $2, $3, $4)",
            self.notice,
            self.channel.code(),
            self.user.0,
            self.due_at
        )
        .execute(&mut *conn)
        .await?;
        // Without a key: a job of the same person that is under way may have looked already. The one that comes
        // first takes along what is due; the others find nothing to do.
        let job = NewJob {
            kind: DELIVER,
            payload: json!({ "user": self.user, "channel": self.channel.code() }),
            unique_key: None,
            run_at: self.due_at + MERGING,
        };
        jobs::enqueue(conn, &job, now).await
    }
}
