//! Reads of the accounts about which the server says something else, and what may be done about each.

use sqlx::PgPool;

use super::Drift;
use crate::{
    calendar::Time,
    ids::{OrderId, UserId},
    orders::{
        DisabledReason,
        settlement::{Lasting, Way, is_possible},
    },
    panel::note_of,
};

/// A drifted account.
#[derive(Clone, Debug)]
pub struct Drifted {
    pub order: OrderId,
    pub username: String,
    pub owner: UserId,
    pub owner_name: String,
    pub kinds: Vec<Drift>,
    pub since: Time,
    /// Since when the server says that there is no such account.
    pub missing_since: Option<Time>,
    pub there: Terms,
    pub ours: Terms,
    /// Where by our word it still waits for its first connection: how long it lasts from then.
    on_hold_seconds: Option<i64>,
    /// The server is being set to ours.
    pub is_under_way: bool,
    disabled_reason: Option<DisabledReason>,
}

/// End and volume of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub end: Option<Time>,
    /// Bytes; `None` is unlimited.
    pub data_limit_bytes: Option<i64>,
}

impl Drifted {
    /// Whether it can be settled so.
    pub fn allows(&self, way: Way, now: Time) -> bool {
        let lasting = Lasting { end: self.ours.end, on_hold_seconds: self.on_hold_seconds };
        !self.is_under_way && is_possible(&self.kinds, way, self.disabled_reason, lasting, now)
    }

    /// The note by which the account would be this order's.
    pub fn note(&self) -> String {
        note_of(self.order)
    }
}

/// The drift of one order's account; `None` where both agree.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &PgPool, order: OrderId) -> sqlx::Result<Option<Drifted>> {
    Ok(select(db, Some(order), None, 1).await?.pop())
}

/// At most `limit` drifted accounts, the newest orders first, before this one.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &PgPool, before: Option<OrderId>, limit: i64) -> sqlx::Result<Vec<Drifted>> {
    select(db, None, before, limit).await
}

async fn select(
    db: &PgPool,
    one: Option<OrderId>,
    before: Option<OrderId>,
    limit: i64,
) -> sqlx::Result<Vec<Drifted>> {
    let rows = sqlx::query!(
        r#"SELECT m.order_id AS "order: OrderId", m.username, o.user_id AS "owner: UserId",
                  u.username AS owner_name, m.drift, m.drift_since AS "since!", m.missing_since, m.expire_at,
                  m.data_limit_bytes, m.ours_expire_at, m.ours_data_limit_bytes,
                  CASE WHEN 'EXPIRY' = ANY (m.drift) THEN NULL ELSE m.on_hold_seconds END AS on_hold_seconds,
                  o.disabled_reason AS "disabled_reason: DisabledReason",
                  EXISTS (SELECT FROM jobs j WHERE j.unique_key = 'restore:' || o.id AND j.finished_at IS NULL)
                      AS "is_under_way!"
           FROM marzban_users m JOIN orders o ON o.id = m.order_id JOIN users u ON u.id = o.user_id
           WHERE m.drift_since IS NOT NULL AND o.status IN ('ACTIVE', 'DISABLED')
             AND ($1::bigint IS NULL OR m.order_id = $1) AND ($2::bigint IS NULL OR m.order_id < $2)
           ORDER BY m.order_id DESC LIMIT $3"#,
        one.map(|order| order.0),
        before.map(|order| order.0),
        limit
    )
    .fetch_all(db)
    .await?;
    let drifted = rows.into_iter().map(|row| {
        let kinds = Drift::from_codes(&row.drift);
        let there = Terms { end: row.expire_at, data_limit_bytes: row.data_limit_bytes };
        let ours = Terms {
            end: if kinds.contains(&Drift::Expiry) { row.ours_expire_at } else { row.expire_at },
            data_limit_bytes: if kinds.contains(&Drift::Volume) {
                row.ours_data_limit_bytes
            } else {
                row.data_limit_bytes
            },
        };
        Drifted {
            order: row.order,
            username: row.username,
            owner: row.owner,
            owner_name: row.owner_name,
            kinds,
            since: row.since,
            missing_since: row.missing_since,
            there,
            ours,
            on_hold_seconds: row.on_hold_seconds,
            is_under_way: row.is_under_way,
            disabled_reason: row.disabled_reason,
        }
    });
    Ok(drifted.collect())
}
