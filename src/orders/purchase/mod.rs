//! Orders that wait for their payment: an end user's, from her form to the account.
//!
//! Invariant: such an order has cost nothing. It is charged once, at the price it was placed at and from confirmed
//! credit alone, in the transaction that makes it PROVISIONING; or it is cancelled. Whoever changes one locks its
//! buyer's wallet first, so that an approval, a withdrawal and the buyer herself wait for each other.

mod open;
pub(super) mod queries;

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    NewOrder, PlaceError, Status, Username,
    buyer::Buyer,
    service::{enqueue_provisioning, find_by_request, insert, place},
};
use crate::{
    audit::Actor,
    calendar::Time,
    ids::{OrderId, UserId},
    ledger::{self, EntryType, Posting, Reference},
    money::Toman,
};

pub use open::{Cancelled, KEPT_FOR, cancel, cancel_forgotten, cancel_unpaid, is_awaiting_payment};

/// How many unpaid orders a buyer may have at a time: each keeps a name from everybody else.
pub const MOST_UNPAID: i64 = 3;

/// Why nothing was bought; nothing was charged.
#[derive(Debug, thiserror::Error)]
pub enum PurchaseError {
    /// The owner takes no orders of end users.
    #[error("buying is closed")]
    Closed,
    /// She has [`MOST_UNPAID`] orders that wait for their payment.
    #[error("too many unpaid orders")]
    TooManyUnpaid,
    #[error(transparent)]
    Place(#[from] PlaceError),
}

impl From<sqlx::Error> for PurchaseError {
    fn from(error: sqlx::Error) -> Self {
        Self::Place(error.into())
    }
}

/// Whether end users may order: the owner's switch.
///
/// # Errors
/// When the database fails.
pub async fn is_open(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!("SELECT purchase_open FROM settings").fetch_one(conn).await
}

/// Places an end user's order and charges it to her confirmed credit.
///
/// # Errors
/// See [`PurchaseError`].
pub async fn buy(db: &PgPool, new: &NewOrder<'_>, now: Time) -> Result<OrderId, PurchaseError> {
    if !is_open(&mut *db.acquire().await?).await? {
        return Err(PurchaseError::Closed);
    }
    Ok(place(db, new, now).await?)
}

/// Places an end user's order that is paid for later: it keeps its name and the price of now. The same form again
/// gives the same order.
///
/// # Errors
/// See [`PurchaseError`].
pub async fn reserve(
    db: &PgPool,
    new: &NewOrder<'_>,
    by: Actor,
    now: Time,
) -> Result<OrderId, PurchaseError> {
    let mut tx = db.begin().await?;
    ledger::lock(&mut tx, new.buyer).await?;
    let buyer = Buyer::find(&mut tx, new.buyer).await.map_err(PlaceError::from)?;
    let username = Username::parse(new.username, &buyer.prefix);
    if let Some(order) = find_by_request(&mut tx, new, username.as_ref().ok()).await? {
        return Ok(order);
    }
    if !is_open(&mut tx).await? {
        return Err(PurchaseError::Closed);
    }
    let username = username.map_err(PlaceError::from)?;
    let (plan, price) = buyer.offer(&mut tx, new.plan, new.price_seen).await.map_err(PlaceError::from)?;
    if count_unpaid(&mut tx, new.buyer).await? >= MOST_UNPAID {
        return Err(PurchaseError::TooManyUnpaid);
    }
    let order = insert(&mut tx, new, &plan, &username, price, Status::AwaitingPayment, now).await?;
    let detail = json!({ "amount": price });
    by.record(&mut tx, "order.reserve", ("order", Some(order.0)), detail, now).await?;
    tx.commit().await?;
    Ok(order)
}

async fn count_unpaid(conn: &mut PgConnection, buyer: UserId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM orders WHERE user_id = $1 AND status = 'AWAITING_PAYMENT'"#,
        buyer.0
    )
    .fetch_one(conn)
    .await
}

/// What came of an unpaid order when there was money to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is charged, and its account is being made.
    Paid,
    /// Confirmed credit does not cover it yet; it goes on waiting.
    Short { missing: Toman },
    /// Its buyer is disabled; it goes on waiting.
    BuyerDisabled,
    /// It does not wait: it was paid for or cancelled before.
    NotWaiting,
}

/// Charges an unpaid order where its buyer's confirmed credit covers it, in the caller's transaction. The order
/// keeps the price it was placed at, whatever its plan costs by now and whether it is still on offer: that is what
/// its buyer was shown when she paid.
///
/// # Errors
/// When the database fails.
pub async fn settle(conn: &mut PgConnection, order: OrderId, by: Actor, now: Time) -> sqlx::Result<Settled> {
    let Some(buyer) = buyer_of(conn, order).await? else { return Ok(Settled::NotWaiting) };
    let balance = ledger::lock(conn, buyer).await?;
    let unpaid = sqlx::query!(
        r#"SELECT o.amount AS "price: Toman", u.status = 'ACTIVE' AS "is_active!"
           FROM orders o JOIN users u ON u.id = o.user_id
           WHERE o.id = $1 AND o.status = 'AWAITING_PAYMENT' FOR UPDATE OF o FOR SHARE OF u"#,
        order.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(unpaid) = unpaid else { return Ok(Settled::NotWaiting) };
    if !unpaid.is_active {
        return Ok(Settled::BuyerDisabled);
    }
    if balance.confirmed < unpaid.price {
        return Ok(Settled::Short { missing: unpaid.price - balance.confirmed });
    }
    sqlx::query!(
        "UPDATE orders SET status = 'PROVISIONING' WHERE id = $1 AND status = 'AWAITING_PAYMENT'",
        order.0
    )
    .execute(&mut *conn)
    .await?;
    let posting = Posting {
        user: buyer,
        entry_type: EntryType::OrderCreated,
        confirmed: -unpaid.price,
        pending: Toman::ZERO,
        reference: Reference::Order(order),
        notes: String::new(),
        // She ordered it, whoever confirmed her money.
        by: Some(buyer),
    };
    ledger::post(conn, &posting, now).await?;
    enqueue_provisioning(conn, order, now).await?;
    let detail = json!({ "amount": unpaid.price });
    by.record(conn, "order.pay", ("order", Some(order.0)), detail, now).await?;
    Ok(Settled::Paid)
}

/// Whose order it is.
async fn buyer_of(conn: &mut PgConnection, order: OrderId) -> sqlx::Result<Option<UserId>> {
    sqlx::query_scalar!(r#"SELECT user_id AS "user_id: UserId" FROM orders WHERE id = $1"#, order.0)
        .fetch_optional(conn)
        .await
}

/// Charges her own unpaid order to her confirmed credit; `None` where it is not hers.
///
/// # Errors
/// When the database fails.
pub async fn finish(db: &PgPool, order: OrderId, buyer: Actor, now: Time) -> sqlx::Result<Option<Settled>> {
    let mut tx = db.begin().await?;
    if buyer_of(&mut tx, order).await? != Some(buyer.user) {
        return Ok(None);
    }
    let settled = settle(&mut tx, order, buyer, now).await?;
    tx.commit().await?;
    Ok(Some(settled))
}

/// The id of the form that places a cancelled order once more: however often and from wherever it is sent, it makes
/// one order.
pub fn again_id(cancelled: OrderId) -> uuid::Uuid {
    const AGAIN: u64 = 0x6f72_6465_725f_6167;
    uuid::Uuid::from_u64_pair(AGAIN, cancelled.0.cast_unsigned())
}
