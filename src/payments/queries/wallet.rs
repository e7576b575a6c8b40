//! A payer's own payments.

use sqlx::PgConnection;

use crate::{
    calendar::Time,
    ids::{OrderId, PaymentId, PlanId, ReceiptId, UserId},
    money::Toman,
    payments::Status,
    receipts::{self, Receipt},
};

/// A payment as its payer follows it.
#[derive(Clone, Debug)]
pub struct OwnPayment {
    pub id: PaymentId,
    pub status: Status,
    pub receipt_id: ReceiptId,
    pub amount: Toman,
    pub credited_amount: Option<Toman>,
    pub method: String,
    pub tracking_number: Option<String>,
    /// The reason of a rejection, or a note to the approval.
    pub admin_notes: String,
    pub created_at: Time,
    pub processed_at: Option<Time>,
    /// What it is for, if not for the wallet.
    pub order_id: Option<OrderId>,
    /// The name of the order's account.
    pub account: Option<String>,
    pub plan_id: Option<PlanId>,
    /// Today's price of a cancelled order's plan, Toman, while it is on offer.
    pub price_now: Option<Toman>,
}

/// All payments of this payer that wait, and the latest five, newest first.
pub async fn latest_of(conn: &mut PgConnection, payer: UserId) -> sqlx::Result<Vec<OwnPayment>> {
    own(conn, payer, None, 5).await
}

/// At most `limit` payments of this payer, newest first, all of them before `before`.
pub async fn earlier_of(
    conn: &mut PgConnection,
    payer: UserId,
    before: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<OwnPayment>> {
    own(conn, payer, Some(before.unwrap_or(i64::MAX)), limit).await
}

/// Without `before` all that wait come too.
async fn own(
    conn: &mut PgConnection,
    payer: UserId,
    before: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<OwnPayment>> {
    sqlx::query_as!(
        OwnPayment,
        r#"SELECT p.id AS "id: PaymentId", p.status AS "status: Status", p.receipt_id AS "receipt_id: ReceiptId",
                  p.amount AS "amount: Toman", p.credited_amount AS "credited_amount: Toman", m.alias AS method,
                  p.tracking_number, coalesce(p.admin_notes, '') AS "admin_notes!", p.created_at, p.processed_at,
                  p.order_id AS "order_id: OrderId", o.marzban_username AS "account?", o.plan_id AS "plan_id?: PlanId",
                  l.price_public AS "price_now?: Toman"
           FROM payments p
           JOIN payment_methods m ON m.id = p.payment_method_id
           LEFT JOIN orders o ON o.id = p.order_id
           LEFT JOIN plans l ON l.id = o.plan_id AND l.status = 'ACTIVE' AND o.status = 'CANCELLED'
           WHERE p.id IN (
               (SELECT id FROM payments WHERE user_id = $1 AND status = 'PENDING' AND $2::bigint IS NULL)
               UNION
               (SELECT id FROM payments WHERE user_id = $1 AND ($2::bigint IS NULL OR id < $2)
                ORDER BY id DESC LIMIT $3)
           )
           ORDER BY p.id DESC"#,
        payer.0,
        before,
        limit
    )
    .fetch_all(conn)
    .await
}

/// The receipt, if this person may see it: its uploader and the admins.
pub async fn receipt_for(
    conn: &mut PgConnection,
    id: ReceiptId,
    viewer: UserId,
    is_admin: bool,
) -> sqlx::Result<Option<Receipt>> {
    Ok(receipts::get(conn, id).await?.filter(|receipt| is_admin || receipt.uploaded_by == viewer))
}

/// The receipt, if this payer uploaded it and no payment has used it: for a form that comes back.
pub async fn unused_receipt(
    conn: &mut PgConnection,
    id: ReceiptId,
    payer: UserId,
) -> sqlx::Result<Option<Receipt>> {
    let used =
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM payments WHERE receipt_id = $1) AS "used!""#, id.0)
            .fetch_one(&mut *conn)
            .await?;
    if used { Ok(None) } else { receipts::of_uploader(conn, id, payer).await }
}
