//! The order that a payment is for.

use sqlx::PgConnection;

use crate::{
    ids::{OrderId, UserId},
    money::Toman,
};

/// An order as its payer pays for it.
#[derive(Clone, Debug)]
pub struct OrderDue {
    pub id: OrderId,
    pub plan_name: String,
    /// The name of its account.
    pub account: String,
    pub price: Toman,
    /// What neither confirmed credit nor a payment that waits for the admin covers, Toman.
    pub due: Toman,
    /// It waits for its payment.
    pub waits: bool,
}

/// An order of this payer's; `None` where there is none, or where it is another's.
pub async fn order_due(
    conn: &mut PgConnection,
    payer: UserId,
    order: OrderId,
) -> sqlx::Result<Option<OrderDue>> {
    sqlx::query_as!(
        OrderDue,
        r#"SELECT o.id AS "id: OrderId", o.plan_name, o.marzban_username AS account, o.amount AS "price: Toman",
                  greatest(o.amount - w.confirmed - claimed.amount, 0) AS "due!: Toman",
                  o.status = 'AWAITING_PAYMENT' AS "waits!"
           FROM orders o
           JOIN wallets w ON w.user_id = o.user_id
           CROSS JOIN LATERAL (
               SELECT coalesce(sum(p.amount), 0)::bigint AS amount FROM payments p
               WHERE p.order_id = o.id AND p.status = 'PENDING'
           ) claimed
           WHERE o.id = $1 AND o.user_id = $2"#,
        order.0,
        payer.0
    )
    .fetch_optional(conn)
    .await
}
