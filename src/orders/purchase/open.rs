//! How an unpaid order ends without an account.

use std::time::Duration;

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::buyer_of;
use crate::{
    audit::{self, Actor, Deed},
    calendar::Time,
    ids::{OrderId, UserId},
    ledger,
};

/// How long an unpaid order keeps its name after it was placed, or after the last decision about a payment for it.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

/// What came of a wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    Now,
    /// A payment for it waits for the admin: that one is withdrawn instead.
    PaymentWaits,
    /// It was paid for, or cancelled before.
    NotWaiting,
}

/// Whether it is this buyer's and waits for its payment. It goes on waiting until the caller's transaction, which
/// has locked her wallet, ends.
///
/// # Errors
/// When the database fails.
pub async fn is_awaiting_payment(
    conn: &mut PgConnection,
    order: OrderId,
    buyer: UserId,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM orders WHERE id = $1 AND user_id = $2 AND status = 'AWAITING_PAYMENT') AS "it!""#,
        order.0,
        buyer.0
    )
    .fetch_one(conn)
    .await
}

/// Cancels her own unpaid order; `None` where it is not hers.
///
/// # Errors
/// When the database fails.
pub async fn cancel(db: &PgPool, order: OrderId, buyer: Actor, now: Time) -> sqlx::Result<Option<Cancelled>> {
    let mut tx = db.begin().await?;
    if buyer_of(&mut tx, order).await? != Some(buyer.user) {
        return Ok(None);
    }
    ledger::lock(&mut tx, buyer.user).await?;
    if cancel_unpaid(&mut tx, order, Some(buyer), now).await? {
        tx.commit().await?;
        return Ok(Some(Cancelled::Now));
    }
    let waits = is_awaiting_payment(&mut tx, order, buyer.user).await?;
    Ok(Some(if waits { Cancelled::PaymentWaits } else { Cancelled::NotWaiting }))
}

/// Cancels an unpaid order that no payment waits for, in the caller's transaction, which has locked its buyer's
/// wallet. Returns whether it was cancelled.
///
/// # Errors
/// When the database fails.
pub async fn cancel_unpaid(
    conn: &mut PgConnection,
    order: OrderId,
    by: Option<Actor>,
    now: Time,
) -> sqlx::Result<bool> {
    cancel_quiet(conn, order, by, now, now).await
}

/// The same where nothing has happened to it since `quiet_since`.
async fn cancel_quiet(
    conn: &mut PgConnection,
    order: OrderId,
    by: Option<Actor>,
    quiet_since: Time,
    now: Time,
) -> sqlx::Result<bool> {
    let cancelled = sqlx::query!(
        "UPDATE orders SET status = 'CANCELLED'
         WHERE id = $1 AND status = 'AWAITING_PAYMENT' AND created_at <= $2
           AND NOT EXISTS (SELECT FROM payments p WHERE p.order_id = orders.id
                           AND (p.status = 'PENDING' OR p.processed_at > $2))",
        order.0,
        quiet_since
    )
    .execute(&mut *conn)
    .await?;
    if cancelled.rows_affected() == 0 {
        return Ok(false);
    }
    let deed = Deed {
        actor: by.map(|by| by.user),
        action: "order.cancel",
        subject_type: "order",
        subject_id: Some(order.0),
        detail: json!({}),
        address: by.as_ref().and_then(|by| by.address.as_ref()),
    };
    audit::record(conn, &deed, now).await?;
    Ok(true)
}

/// Cancels the orders that were not paid for in [`KEPT_FOR`], so that their names are free again. Returns how many.
///
/// # Errors
/// When the database fails; what was cancelled before stays so.
pub async fn cancel_forgotten(db: &PgPool, now: Time) -> sqlx::Result<usize> {
    let quiet_since = now - KEPT_FOR;
    let forgotten = sqlx::query!(
        r#"SELECT o.id AS "id: OrderId", o.user_id AS "buyer: UserId" FROM orders o
           WHERE o.status = 'AWAITING_PAYMENT' AND o.created_at <= $1
             AND NOT EXISTS (SELECT FROM payments p WHERE p.order_id = o.id
                             AND (p.status = 'PENDING' OR p.processed_at > $1))
           ORDER BY o.id"#,
        quiet_since
    )
    .fetch_all(db)
    .await?;
    let mut count = 0;
    for order in forgotten {
        let mut tx = db.begin().await?;
        ledger::lock(&mut tx, order.buyer).await?;
        count += usize::from(cancel_quiet(&mut tx, order.id, None, quiet_since, now).await?);
        tx.commit().await?;
    }
    Ok(count)
}
