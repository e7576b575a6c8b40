//! Reads for the pages of notices.

use sqlx::PgConnection;

use super::{Channel, Kind, Subject, Told, quiet::QuietHours};
use crate::{calendar::Time, ids::UserId};

/// At most `limit` notices of a person, newest first, older than `before`.
///
/// # Errors
/// When the database fails.
pub(super) async fn list(
    conn: &mut PgConnection,
    user: UserId,
    before: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<Told>> {
    let kinds: Vec<String> = Kind::ALL.iter().map(|kind| kind.code().to_owned()).collect();
    let rows = sqlx::query!(
        r#"SELECT id, kind, subject_type, subject_id, data, created_at, read_at IS NOT NULL AS "is_read!"
           FROM notices WHERE user_id = $1 AND ($2::bigint IS NULL OR id < $2) AND kind = ANY($4)
           ORDER BY id DESC LIMIT $3"#,
        user.0,
        before,
        limit,
        &kinds
    )
    .fetch_all(conn)
    .await?;
    let told = rows.into_iter().filter_map(|row| {
        Some(Told {
            id: row.id,
            kind: Kind::from_code(&row.kind)?,
            subject: Subject::from_columns(row.subject_type.as_deref(), row.subject_id),
            data: row.data,
            created_at: row.created_at,
            is_read: row.is_read,
        })
    });
    Ok(told.collect())
}

/// A chat or an address of a person.
#[derive(Clone, Debug)]
pub(super) struct Linked {
    pub channel: Channel,
    pub address: String,
    pub linked_at: Time,
    /// Why it takes no more messages, in the other side's words.
    pub broken_reason: Option<String>,
}

/// What a person has set.
#[derive(Clone, Debug, Default)]
pub(super) struct Choices {
    pub linked: Vec<Linked>,
    pub mutes: Vec<(Channel, Kind)>,
    pub quiet: Option<QuietHours>,
}

impl Choices {
    pub(super) fn linked(&self, channel: Channel) -> Option<&Linked> {
        self.linked.iter().find(|linked| linked.channel == channel)
    }
}

/// What this person has set.
///
/// # Errors
/// When the database fails.
pub(super) async fn choices(conn: &mut PgConnection, user: UserId) -> sqlx::Result<Choices> {
    let linked = sqlx::query_as!(
        Linked,
        r#"SELECT channel AS "channel: Channel", address, linked_at, broken_reason
           FROM notice_channels WHERE user_id = $1"#,
        user.0
    )
    .fetch_all(&mut *conn)
    .await?;
    let mutes = sqlx::query!(
        r#"SELECT channel AS "channel: Channel", kind FROM notice_mutes WHERE user_id = $1"#,
        user.0
    )
    .fetch_all(&mut *conn)
    .await?;
    let quiet =
        sqlx::query!("SELECT quiet_from, quiet_until FROM notice_quiet_hours WHERE user_id = $1", user.0)
            .fetch_optional(conn)
            .await?;
    Ok(Choices {
        linked,
        mutes: mutes.into_iter().filter_map(|row| Some((row.channel, Kind::from_code(&row.kind)?))).collect(),
        quiet: quiet.map(|row| QuietHours { from: row.quiet_from, until: row.quiet_until }),
    })
}
