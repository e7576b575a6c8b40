//! What happened to a wallet from one day to another, as an account is settled: from an opening balance to a closing
//! one.
//!
//! Invariant: the closing balance is the opening one and the amounts of all rows between. A period is a stretch of the
//! wallet's running numbers, so that a row whose clock was a moment behind leaves no hole.

use sqlx::PgConnection;

use super::{Entry, EntryType};
use crate::{
    calendar::Time,
    ids::{OrderId, PaymentId, UserId},
    money::Toman,
};

/// A wallet between two instants.
#[derive(Clone, Debug)]
pub struct Period {
    /// Toman, before its first row.
    pub opening: Toman,
    /// Toman, after its last row.
    pub closing: Toman,
    /// How many rows it has.
    pub rows: i64,
    /// The first of them, oldest first, as many as were asked for.
    pub entries: Vec<Entry>,
}

/// The wallet from `since` to before `until` (UTC), with at most `limit` rows. Read it in one snapshot.
///
/// # Errors
/// When the database fails.
pub async fn period(
    conn: &mut PgConnection,
    user: UserId,
    since: Time,
    until: Time,
    limit: i64,
) -> sqlx::Result<Period> {
    let bounds = sqlx::query!(
        r#"SELECT b.first, b.last,
                  coalesce((SELECT balance_before FROM transactions WHERE user_id = $1 AND seq = b.first),
                           (SELECT balance_after FROM transactions WHERE user_id = $1 AND seq = b.before),
                           0) AS "opening!: Toman",
                  (SELECT balance_after FROM transactions WHERE user_id = $1 AND seq = b.last) AS "closing: Toman"
           FROM (SELECT min(seq) FILTER (WHERE created_at >= $2 AND created_at < $3) AS first,
                        max(seq) FILTER (WHERE created_at >= $2 AND created_at < $3) AS last,
                        max(seq) FILTER (WHERE created_at < $2) AS before
                 FROM transactions WHERE user_id = $1) b"#,
        user.0,
        since,
        until
    )
    .fetch_one(&mut *conn)
    .await?;
    let (Some(first), Some(last), Some(closing)) = (bounds.first, bounds.last, bounds.closing) else {
        return Ok(Period { opening: bounds.opening, closing: bounds.opening, rows: 0, entries: Vec::new() });
    };
    let entries = sqlx::query_as!(
        Entry,
        r#"SELECT t.seq, t.type AS "entry_type: EntryType", t.confirmed_delta AS "confirmed_delta: Toman",
                  t.pending_delta AS "pending_delta: Toman", t.balance_after AS "balance_after: Toman",
                  t.payment_id AS "payment_id: PaymentId", t.order_id AS "order_id: OrderId",
                  o.marzban_username AS "account?", t.notes, t.created_at,
                  u.username AS "by_username?", t.created_by AS "by_id: UserId"
           FROM transactions t
           LEFT JOIN orders o ON o.id = t.order_id
           LEFT JOIN users u ON u.id = t.created_by
           WHERE t.user_id = $1 AND t.seq BETWEEN $2 AND $3
           ORDER BY t.seq LIMIT $4"#,
        user.0,
        first,
        last,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(Period { opening: bounds.opening, closing, rows: last - first + 1, entries })
}
