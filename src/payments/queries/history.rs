//! All payments, newest first, by what the admin looks for.

use sqlx::PgConnection;

use crate::{calendar::Time, ids::PaymentId, money::Toman, payments::Status};

/// Which payments to show. Times are UTC, `until` is exclusive; amounts are Toman, both ends included.
#[derive(Clone, Debug, Default)]
pub struct HistoryFilter {
    pub status: Option<Status>,
    /// The payer's user name, whole.
    pub username: Option<String>,
    pub method: Option<i64>,
    pub since: Option<Time>,
    pub until: Option<Time>,
    pub at_least: Option<Toman>,
    pub at_most: Option<Toman>,
    pub tracking_number: Option<String>,
    /// Only those older than this one.
    pub before: Option<i64>,
}

/// One line of the history.
#[derive(Clone, Debug)]
pub struct HistoryRow {
    pub id: PaymentId,
    pub status: Status,
    pub payer_username: String,
    pub amount: Toman,
    pub credited_amount: Option<Toman>,
    pub method: String,
    pub tracking_number: Option<String>,
    pub created_at: Time,
    pub processed_at: Option<Time>,
    pub processed_by: String,
}

/// At most `limit` payments, newest first.
pub async fn history(
    conn: &mut PgConnection,
    filter: &HistoryFilter,
    limit: i64,
) -> sqlx::Result<Vec<HistoryRow>> {
    sqlx::query_as!(
        HistoryRow,
        r#"SELECT p.id AS "id: PaymentId", p.status AS "status: Status", u.username AS payer_username,
                  p.amount AS "amount: Toman", p.credited_amount AS "credited_amount: Toman", m.alias AS method,
                  p.tracking_number, p.created_at, p.processed_at, coalesce(d.username, '') AS "processed_by!"
           FROM payments p
           JOIN users u ON u.id = p.user_id
           JOIN payment_methods m ON m.id = p.payment_method_id
           LEFT JOIN users d ON d.id = p.processed_by
           WHERE ($1::text IS NULL OR p.status = $1)
             AND ($2::text IS NULL OR p.user_id = (SELECT id FROM users WHERE username = $2))
             AND ($3::bigint IS NULL OR p.payment_method_id = $3)
             AND ($4::timestamptz IS NULL OR p.created_at >= $4)
             AND ($5::timestamptz IS NULL OR p.created_at < $5)
             AND ($6::bigint IS NULL OR p.amount >= $6)
             AND ($7::bigint IS NULL OR p.amount <= $7)
             AND ($8::text IS NULL OR p.tracking_number = $8)
             AND ($9::bigint IS NULL OR p.id < $9)
           ORDER BY p.id DESC LIMIT $10"#,
        filter.status.map(Status::code),
        filter.username,
        filter.method,
        filter.since,
        filter.until,
        filter.at_least.map(|amount| amount.0),
        filter.at_most.map(|amount| amount.0),
        filter.tracking_number,
        filter.before,
        limit
    )
    .fetch_all(conn)
    .await
}

/// A method, for the filter's list.
#[derive(Clone, Debug)]
pub struct MethodName {
    pub id: i64,
    pub alias: String,
}

/// All methods, also those no longer in use.
pub async fn method_names(conn: &mut PgConnection) -> sqlx::Result<Vec<MethodName>> {
    sqlx::query_as!(MethodName, "SELECT id, alias FROM payment_methods ORDER BY alias, id")
        .fetch_all(conn)
        .await
}
