//! A wallet's rows as its owner reads them, newest first.

use sqlx::PgConnection;

use super::EntryType;
use crate::{
    calendar::Time,
    ids::{OrderId, PaymentId, UserId},
    money::Toman,
};

/// One row of a statement.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The wallet's own running number, without holes; the key of the pages.
    pub seq: i64,
    pub entry_type: EntryType,
    pub confirmed_delta: Toman,
    pub pending_delta: Toman,
    pub balance_after: Toman,
    pub payment_id: Option<PaymentId>,
    pub order_id: Option<OrderId>,
    /// The account that the order made, where the row is about an order.
    pub account: Option<String>,
    pub notes: String,
    pub created_at: Time,
    /// Who did it; `None` is the panel itself.
    pub by_username: Option<String>,
    pub by_id: Option<UserId>,
}

impl Entry {
    /// The change of the total, Toman.
    pub fn amount(&self) -> Toman {
        Toman(self.confirmed_delta.0 + self.pending_delta.0)
    }
}

/// Which rows to show. Times are UTC; `until` is exclusive.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatementFilter {
    pub entry_type: Option<EntryType>,
    pub since: Option<Time>,
    pub until: Option<Time>,
    /// Only rows older than this running number.
    pub before_seq: Option<i64>,
}

/// At most `limit` rows of the wallet, newest first.
pub async fn statement(
    conn: &mut PgConnection,
    user: UserId,
    filter: &StatementFilter,
    limit: i64,
) -> sqlx::Result<Vec<Entry>> {
    sqlx::query_as!(
        Entry,
        r#"SELECT t.seq, t.type AS "entry_type: EntryType", t.confirmed_delta AS "confirmed_delta: Toman",
                  t.pending_delta AS "pending_delta: Toman", t.balance_after AS "balance_after: Toman",
                  t.payment_id AS "payment_id: PaymentId", t.order_id AS "order_id: OrderId",
                  o.marzban_username AS "account?", t.notes, t.created_at,
                  u.username AS "by_username?", t.created_by AS "by_id: UserId"
           FROM transactions t
           LEFT JOIN orders o ON o.id = t.order_id
           LEFT JOIN users u ON u.id = t.created_by
           WHERE t.user_id = $1
             AND ($2::text IS NULL OR t.type = $2)
             AND ($3::timestamptz IS NULL OR t.created_at >= $3)
             AND ($4::timestamptz IS NULL OR t.created_at < $4)
             AND ($5::bigint IS NULL OR t.seq < $5)
           ORDER BY t.seq DESC LIMIT $6"#,
        user.0,
        filter.entry_type.map(EntryType::code),
        filter.since,
        filter.until,
        filter.before_seq,
        limit
    )
    .fetch_all(conn)
    .await
}

/// The rows that one payment made, oldest first.
pub async fn entries_of_payment(conn: &mut PgConnection, payment: PaymentId) -> sqlx::Result<Vec<Entry>> {
    sqlx::query_as!(
        Entry,
        r#"SELECT t.seq, t.type AS "entry_type: EntryType", t.confirmed_delta AS "confirmed_delta: Toman",
                  t.pending_delta AS "pending_delta: Toman", t.balance_after AS "balance_after: Toman",
                  t.payment_id AS "payment_id: PaymentId", t.order_id AS "order_id: OrderId",
                  NULL::text AS "account", t.notes, t.created_at,
                  u.username AS "by_username?", t.created_by AS "by_id: UserId"
           FROM transactions t LEFT JOIN users u ON u.id = t.created_by
           WHERE t.payment_id = $1 ORDER BY t.seq"#,
        payment.0
    )
    .fetch_all(conn)
    .await
}

/// The rows that one order made, newest first.
pub async fn entries_of_order(conn: &mut PgConnection, order: OrderId) -> sqlx::Result<Vec<Entry>> {
    sqlx::query_as!(
        Entry,
        r#"SELECT t.seq, t.type AS "entry_type: EntryType", t.confirmed_delta AS "confirmed_delta: Toman",
                  t.pending_delta AS "pending_delta: Toman", t.balance_after AS "balance_after: Toman",
                  t.payment_id AS "payment_id: PaymentId", t.order_id AS "order_id: OrderId",
                  NULL::text AS "account", t.notes, t.created_at,
                  u.username AS "by_username?", t.created_by AS "by_id: UserId"
           FROM transactions t LEFT JOIN users u ON u.id = t.created_by
           WHERE t.order_id = $1 ORDER BY t.id DESC"#,
        order.0
    )
    .fetch_all(conn)
    .await
}
