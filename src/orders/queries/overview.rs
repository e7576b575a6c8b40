//! What the overview tells: accounts by what they are, this month's sales, the last payments.

use sqlx::PgPool;

use super::SOON;
use crate::{calendar::Time, ids::UserId, money::Toman};

/// How many accounts an owner has, by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that work, also those about to end.
    pub active: i64,
    pub ending: i64,
    pub ended: i64,
    pub disabled: i64,
    pub provisioning: i64,
}

/// Counts an owner's accounts.
///
/// # Errors
/// When the database fails.
pub async fn counts(db: &PgPool, owner: UserId, now: Time) -> sqlx::Result<Counts> {
    sqlx::query_as!(
        Counts,
        r#"SELECT count(*) FILTER (WHERE status = 'ACTIVE' AND NOT ended) AS "active!",
                  count(*) FILTER (WHERE status = 'ACTIVE' AND NOT ended AND soon) AS "ending!",
                  count(*) FILTER (WHERE status = 'ACTIVE' AND ended) AS "ended!",
                  count(*) FILTER (WHERE status = 'DISABLED') AS "disabled!",
                  count(*) FILTER (WHERE status = 'PROVISIONING') AS "provisioning!"
           FROM (
               SELECT o.status, coalesce(m.expire_at <= $3, false) AS soon,
                      coalesce(m.expire_at <= $2 OR m.data_used_bytes >= nullif(m.data_limit_bytes, 0), false) AS ended
               FROM orders o LEFT JOIN marzban_users m ON m.order_id = o.id WHERE o.user_id = $1
           ) a"#,
        owner.0,
        now,
        now + SOON
    )
    .fetch_one(db)
    .await
}

/// What an owner has bought in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sales {
    /// Purchases and renewals, less what was paid back, Toman.
    pub sum: Toman,
    /// Purchases and renewals.
    pub count: i64,
}

/// What an owner has bought since then.
///
/// # Errors
/// When the database fails.
pub async fn sales(db: &PgPool, owner: UserId, since: Time) -> sqlx::Result<Sales> {
    sqlx::query_as!(
        Sales,
        r#"SELECT coalesce(-sum(confirmed_delta), 0)::bigint AS "sum!: Toman",
                  count(*) FILTER (WHERE type <> 'ORDER_REFUND') AS "count!"
           FROM transactions
           WHERE user_id = $1 AND created_at >= $2 AND type IN ('ORDER_CREATED', 'ORDER_RENEWED', 'ORDER_REFUND')"#,
        owner.0,
        since
    )
    .fetch_one(db)
    .await
}

/// How far a payment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    Pending,
    Approved,
    Rejected,
    Withdrawn,
}

/// A payment, at a glance.
#[derive(Clone, Debug)]
pub struct LastPayment {
    pub amount: Toman,
    pub status: PaymentStatus,
    pub created_at: Time,
}

/// The last payments of a person, newest first.
///
/// # Errors
/// When the database fails.
pub async fn last_payments(db: &PgPool, owner: UserId, limit: i64) -> sqlx::Result<Vec<LastPayment>> {
    sqlx::query_as!(
        LastPayment,
        r#"SELECT amount AS "amount: Toman", status AS "status: PaymentStatus", created_at
           FROM payments WHERE user_id = $1 ORDER BY id DESC LIMIT $2"#,
        owner.0,
        limit
    )
    .fetch_all(db)
    .await
}
