//! What the pages of buying show.

use sqlx::{PgConnection, PgPool};

use crate::{
    calendar::Time,
    ids::{OrderId, PaymentId, PlanId, ReceiptId, UserId},
    money::Toman,
    orders::queries::Choice,
};

/// The plans on offer, in the owner's order, at the public price.
///
/// # Errors
/// When the database fails.
pub async fn public_choices(db: &PgPool) -> sqlx::Result<Vec<Choice>> {
    sqlx::query_as!(
        Choice,
        r#"SELECT id AS "id: PlanId", name, days, data_limit_gb, price_public AS "price: Toman"
           FROM plans WHERE status = 'ACTIVE' ORDER BY position, id"#
    )
    .fetch_all(db)
    .await
}

/// A payment for an order.
#[derive(Clone, Debug)]
pub struct Tied {
    pub id: PaymentId,
    pub receipt_id: ReceiptId,
    /// Toman.
    pub amount: Toman,
    pub credited_amount: Option<Toman>,
    pub waits: bool,
    pub is_approved: bool,
    pub is_rejected: bool,
    /// The reason of a rejection, or a note to the approval.
    pub admin_notes: String,
    pub created_at: Time,
    pub processed_at: Option<Time>,
}

/// The payments for an order, the latest first.
///
/// # Errors
/// When the database fails.
pub async fn tied_payments(conn: &mut PgConnection, order: OrderId) -> sqlx::Result<Vec<Tied>> {
    sqlx::query_as!(
        Tied,
        r#"SELECT id AS "id: PaymentId", receipt_id AS "receipt_id: ReceiptId", amount AS "amount: Toman",
                  credited_amount AS "credited_amount: Toman", status = 'PENDING' AS "waits!",
                  status = 'APPROVED' AS "is_approved!", status = 'REJECTED' AS "is_rejected!",
                  coalesce(admin_notes, '') AS "admin_notes!", created_at, processed_at
           FROM payments WHERE order_id = $1 ORDER BY id DESC"#,
        order.0
    )
    .fetch_all(conn)
    .await
}

/// Today's public price of an order's plan, Toman; `None` where it is no longer on offer, or nothing is.
///
/// # Errors
/// When the database fails.
pub async fn price_now(conn: &mut PgConnection, order: OrderId) -> sqlx::Result<Option<Toman>> {
    sqlx::query_scalar!(
        r#"SELECT p.price_public AS "price: Toman" FROM orders o JOIN plans p ON p.id = o.plan_id CROSS JOIN settings s
           WHERE o.id = $1 AND p.status = 'ACTIVE' AND s.purchase_open"#,
        order.0
    )
    .fetch_optional(conn)
    .await
}

/// An order that waits for its payment, in one line.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub id: OrderId,
    pub username: String,
    pub plan_name: String,
    pub price: Toman,
    /// A payment for it waits for the admin.
    pub is_claimed: bool,
}

/// The orders of this buyer that wait for their payment, the latest first: a few at most.
///
/// # Errors
/// When the database fails.
pub async fn waiting_of(conn: &mut PgConnection, buyer: UserId) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as!(
        Waiting,
        r#"SELECT o.id AS "id: OrderId", o.marzban_username AS username, o.plan_name, o.amount AS "price: Toman",
                  EXISTS (SELECT FROM payments p WHERE p.order_id = o.id AND p.status = 'PENDING') AS "is_claimed!"
           FROM orders o WHERE o.user_id = $1 AND o.status = 'AWAITING_PAYMENT' ORDER BY o.id DESC"#,
        buyer.0
    )
    .fetch_all(conn)
    .await
}
