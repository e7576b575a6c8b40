//! What the admin decides by: the payment, its payer, and what gives reason to look twice.

use sqlx::PgConnection;

use crate::{
    calendar::Time,
    ids::{OrderId, PaymentId, ReceiptId},
    money::Toman,
    orders,
    payment_methods::MethodType,
    payments::Status,
};

/// Which waiting payments to show. Ids are committed out of order, so a page says which ones it has.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// Only younger ones.
    pub after: Option<i64>,
    /// None younger than this one.
    pub until: Option<i64>,
    /// Those the page shows already.
    pub seen: Vec<i64>,
}

/// The oldest waiting payments of the window, `limit` at most.
pub async fn next_waiting(conn: &mut PgConnection, window: &Window, limit: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT id FROM payments
         WHERE status = 'PENDING' AND id <> ALL ($1) AND id > $2 AND ($3::bigint IS NULL OR id <= $3)
         ORDER BY id LIMIT $4",
        &window.seen,
        window.after.unwrap_or(0),
        window.until,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Those of these payments that wait no more.
pub async fn decided_among(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT id FROM payments WHERE id = ANY ($1) AND status <> 'PENDING' ORDER BY id",
        ids
    )
    .fetch_all(conn)
    .await
}

/// How many payments wait.
pub async fn waiting_count(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM payments WHERE status = 'PENDING'"#)
        .fetch_one(conn)
        .await
}

/// One payment as the admin sees it.
#[derive(Clone, Debug)]
pub struct Card {
    pub id: PaymentId,
    pub status: Status,
    pub receipt_id: ReceiptId,
    /// A picture has a thumbnail; a PDF has none.
    pub receipt_is_image: bool,
    pub payer_username: String,
    pub payer_name: String,
    pub amount: Toman,
    pub bonus_percent: i32,
    pub method: String,
    pub method_type: MethodType,
    /// The holder of the method, as a payer reads it.
    pub method_holder: String,
    pub tracking_number: Option<String>,
    pub transaction_hash: Option<String>,
    pub payer_note: String,
    pub created_at: Time,
    /// The payer's total now, Toman.
    pub balance: Toman,
    /// No payment of this payer has been approved so far.
    pub first: bool,
    /// The method took more that day than its limits allow.
    pub over_limit: bool,
    pub approved_amount: Option<Toman>,
    pub credited_amount: Option<Toman>,
    pub admin_notes: String,
    pub processed_at: Option<Time>,
    pub processed_by: String,
    /// What it is for, if not for the wallet.
    pub order_id: Option<OrderId>,
    pub order_status: Option<orders::Status>,
    pub order_plan: Option<String>,
    pub order_account: Option<String>,
    /// What the payer's confirmed credit lacks for the order now, Toman; below zero when it is more than enough.
    pub order_missing: Option<Toman>,
}

impl Card {
    /// The payer's total if this payment were rejected, Toman.
    pub fn balance_on_rejection(&self) -> Toman {
        self.balance - self.amount
    }

    /// What is credited if the claimed amount is approved, Toman.
    pub fn credit_on_approval(&self) -> Toman {
        self.amount + self.amount.percent(self.bonus_percent)
    }
}

/// The payments with these ids, oldest first.
pub async fn cards(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<Vec<Card>> {
    sqlx::query_as!(
        Card,
        r#"SELECT p.id AS "id: PaymentId", p.status AS "status: Status", p.receipt_id AS "receipt_id: ReceiptId",
                  r.content_type LIKE 'image/%' AS "receipt_is_image!", u.username AS payer_username,
                  coalesce(nullif(trim(a.first_name || ' ' || a.last_name), ''), u.username) AS "payer_name!",
                  p.amount AS "amount: Toman", p.bonus_percent, m.alias AS method,
                  m.type AS "method_type: MethodType", m.holder AS method_holder, p.tracking_number,
                  p.transaction_hash, p.payer_note, p.created_at, w.total AS "balance!: Toman",
                  NOT EXISTS (SELECT FROM payments e WHERE e.user_id = p.user_id AND e.status = 'APPROVED'
                              AND e.id <> p.id) AS "first!",
                  coalesce(day.count > m.daily_limit_count, false)
                      OR coalesce(day.amount > m.daily_limit_amount, false) AS "over_limit!",
                  p.approved_amount AS "approved_amount: Toman", p.credited_amount AS "credited_amount: Toman",
                  coalesce(p.admin_notes, '') AS "admin_notes!", p.processed_at,
                  coalesce(d.username, '') AS "processed_by!",
                  p.order_id AS "order_id: OrderId", o.status AS "order_status?: orders::Status",
                  o.plan_name AS "order_plan?", o.marzban_username AS "order_account?",
                  o.amount - w.confirmed AS "order_missing?: Toman"
           FROM payments p
           JOIN receipts r ON r.id = p.receipt_id
           JOIN users u ON u.id = p.user_id
           JOIN wallets w ON w.user_id = p.user_id
           JOIN payment_methods m ON m.id = p.payment_method_id
           LEFT JOIN agents a ON a.user_id = p.user_id
           LEFT JOIN users d ON d.id = p.processed_by
           LEFT JOIN orders o ON o.id = p.order_id
           -- The day in Tehran, UTC+3:30 all year.
           CROSS JOIN LATERAL (
               SELECT date_trunc('day', p.created_at AT TIME ZONE interval '3:30') AT TIME ZONE interval '3:30' AS start
           ) tehran
           CROSS JOIN LATERAL (
               SELECT count(*) AS count, sum(o.amount) AS amount FROM payments o
               WHERE o.payment_method_id = p.payment_method_id AND o.status IN ('PENDING', 'APPROVED')
                 AND o.created_at >= tehran.start AND o.created_at < tehran.start + interval '1 day'
           ) day
           WHERE p.id = ANY ($1)
           ORDER BY p.id"#,
        ids
    )
    .fetch_all(conn)
    .await
}

/// What two payments have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DuplicateKind {
    /// Byte for byte the same receipt.
    SameReceipt,
    /// A picture that looks like it.
    LooksAlike,
    SameTrackingNumber,
}

/// An earlier payment that has something in common with one of the page.
#[derive(Clone, Debug)]
pub struct Duplicate {
    pub payment_id: PaymentId,
    pub kind: DuplicateKind,
    pub earlier: PaymentId,
    pub earlier_status: Status,
    pub earlier_payer: String,
    pub earlier_at: Time,
}

/// For each of these payments the earlier ones with the same or a similar receipt or the same tracking number,
/// newest first, three of each kind at most. Similar pictures (2 bits of 64 apart) are looked for among those of
/// the 90 days before, equal ones among all.
pub async fn duplicates(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<Vec<Duplicate>> {
    sqlx::query_as!(
        Duplicate,
        r#"SELECT p.id AS "payment_id!: PaymentId", f.kind AS "kind!: DuplicateKind", e.id AS "earlier!: PaymentId",
                  e.status AS "earlier_status: Status", u.username AS earlier_payer, e.created_at AS earlier_at
           FROM payments p
           JOIN receipts r ON r.id = p.receipt_id
           CROSS JOIN LATERAL (
               (SELECT o.id, 'SAME_RECEIPT' AS kind FROM payments o JOIN receipts s ON s.id = o.receipt_id
                WHERE s.sha256 = r.sha256 AND o.id < p.id ORDER BY o.id DESC LIMIT 3)
               UNION ALL
               (SELECT o.id, 'LOOKS_ALIKE' FROM payments o JOIN receipts s ON s.id = o.receipt_id
                WHERE o.id < p.id AND s.sha256 <> r.sha256
                  AND (s.perceptual_hash = r.perceptual_hash
                       OR o.created_at > p.created_at - interval '90 days'
                          AND bit_count((s.perceptual_hash # r.perceptual_hash)::bit(64)) <= 2)
                ORDER BY o.id DESC LIMIT 3)
               UNION ALL
               (SELECT o.id, 'SAME_TRACKING_NUMBER' FROM payments o
                WHERE o.tracking_number = p.tracking_number AND o.id < p.id ORDER BY o.id DESC LIMIT 3)
           ) f
           JOIN payments e ON e.id = f.id
           JOIN users u ON u.id = e.user_id
           WHERE p.id = ANY ($1)
           ORDER BY p.id, f.kind, e.id DESC"#,
        ids
    )
    .fetch_all(conn)
    .await
}
