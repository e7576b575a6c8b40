//! Submitting a payment: its receipt first, then the row and its pending credit in one transaction.

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::write_down;
use crate::{
    calendar::Time,
    ids::{OrderId, PaymentId, PaymentMethodId, ReceiptId, UserId},
    ledger::{self, EntryType, Posting, Reference},
    money::Toman,
    orders::purchase,
    payment_methods::{self, Locked, Refusal},
    payments::Actor,
    receipts::{ReceiptError, Store},
    settings,
};

/// A payment as its payer claims it; texts are normalised by the caller, empty is `None`.
#[derive(Clone, Debug)]
pub struct NewPayment {
    /// The form's own id: the same form sent twice makes one payment.
    pub request_id: Uuid,
    pub method: PaymentMethodId,
    /// Toman.
    pub amount: Toman,
    pub tracking_number: Option<String>,
    /// CRYPTO only.
    pub transaction_hash: Option<String>,
    pub note: String,
    /// Stored before, by the payer herself.
    pub receipt: ReceiptId,
}

/// Why nothing was submitted and nothing charged.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The owner lets end users pay for orders only.
    #[error("charging a wallet is closed")]
    ChargingClosed,
    /// Not the payer's, or paid for or cancelled before.
    #[error("the order waits for no payment")]
    OrderNotWaiting,
    #[error("the amount is not between {min:?} and {max:?}")]
    AmountOutOfRange { min: Toman, max: Toman },
    #[error("the method takes no payment from this payer: {0:?}")]
    Method(Refusal),
    /// The method takes less than this amount today.
    #[error("the method takes at most {room:?} today")]
    MethodRoom { room: Toman },
    #[error("a transaction hash is needed")]
    HashMissing,
    #[error("the transaction hash was used before")]
    HashTaken,
    /// Not there, not the payer's own, or used for another payment.
    #[error("the receipt can't be used")]
    ReceiptUnusable,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// The payment that a form made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    pub id: PaymentId,
    /// The same form had been taken before.
    pub again: bool,
}

/// What a form that was taken before had claimed.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub id: PaymentId,
    /// Toman.
    pub amount: Toman,
    pub tracking_number: Option<String>,
    pub transaction_hash: Option<String>,
}

/// Checks and stores an upload; a form that comes back with errors carries it on by its id.
///
/// # Errors
/// See [`ReceiptError`].
pub async fn keep_receipt(
    db: &PgPool,
    store: &Store,
    payer: UserId,
    upload: Vec<u8>,
    now: Time,
) -> Result<ReceiptId, ReceiptError> {
    let prepared = store.prepare(upload).await?;
    let mut conn = db.acquire().await?;
    let id = store.save(&mut conn, prepared, payer, now).await?;
    let surplus = store.remove_surplus(&mut conn, payer).await?;
    store.discard(&surplus).await?;
    Ok(id)
}

/// What this form had claimed when it was taken before, if it was.
///
/// # Errors
/// When the database fails.
pub async fn find_submitted(
    conn: &mut PgConnection,
    payer: UserId,
    request_id: Uuid,
) -> sqlx::Result<Option<Claimed>> {
    sqlx::query_as!(
        Claimed,
        r#"SELECT id AS "id: PaymentId", amount AS "amount: Toman", tracking_number, transaction_hash
           FROM payments WHERE user_id = $1 AND request_id = $2"#,
        payer.0,
        request_id
    )
    .fetch_optional(conn)
    .await
}

/// Takes a payment: its row, its pending credit, and the payer's draw given back, all at once.
///
/// # Errors
/// See [`SubmitError`]; whichever it is, nothing was charged.
pub async fn submit(
    db: &PgPool,
    payer: impl Into<Actor>,
    new: &NewPayment,
    now: Time,
) -> Result<Submitted, SubmitError> {
    take(db, payer.into(), new, None, now).await
}

/// The same for an order of the payer's that waits for its payment: the decision about the payment settles it.
///
/// # Errors
/// See [`SubmitError`]; whichever it is, nothing was charged.
pub async fn submit_for_order(
    db: &PgPool,
    payer: impl Into<Actor>,
    new: &NewPayment,
    order: OrderId,
    now: Time,
) -> Result<Submitted, SubmitError> {
    take(db, payer.into(), new, Some(order), now).await
}

/// Whether this person may charge her wallet without an order: the owner's switch for end users.
///
/// # Errors
/// When the database fails.
pub async fn may_charge(conn: &mut PgConnection, payer: UserId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT u.role <> 'END_USER' OR s.charging_open AS "may!" FROM users u CROSS JOIN settings s WHERE u.id = $1"#,
        payer.0
    )
    .fetch_one(conn)
    .await
}

async fn take(
    db: &PgPool,
    payer: Actor,
    new: &NewPayment,
    order: Option<OrderId>,
    now: Time,
) -> Result<Submitted, SubmitError> {
    let mut tx = db.begin().await?;
    let limits = settings::get(&mut tx).await?;
    // The method before the wallet, everywhere: two submissions then wait for each other in one order.
    let method = payment_methods::lock_for_payment(&mut tx, new.method, payer.user, now).await?;
    ledger::lock(&mut tx, payer.user).await?;
    if let Some(before) = find_submitted(&mut tx, payer.user, new.request_id).await? {
        return Ok(Submitted { id: before.id, again: true });
    }
    match order {
        Some(order) if !purchase::is_awaiting_payment(&mut tx, order, payer.user).await? => {
            return Err(SubmitError::OrderNotWaiting);
        }
        None if !may_charge(&mut tx, payer.user).await? => return Err(SubmitError::ChargingClosed),
        _ => {}
    }
    if new.amount < limits.payment_min || new.amount > limits.payment_max {
        return Err(SubmitError::AmountOutOfRange { min: limits.payment_min, max: limits.payment_max });
    }
    let method = method.map_err(SubmitError::Method)?;
    if let Some(room) = method.room.filter(|room| *room < new.amount) {
        return Err(SubmitError::MethodRoom { room });
    }
    if method.needs_hash && new.transaction_hash.is_none() {
        return Err(SubmitError::HashMissing);
    }
    let id = insert(&mut tx, payer.user, new, order, method, now).await?;
    let posting = Posting {
        user: payer.user,
        entry_type: EntryType::ChargePending,
        confirmed: Toman::ZERO,
        pending: new.amount,
        reference: Reference::Payment(id),
        notes: String::new(),
        by: Some(payer.user),
    };
    ledger::post(&mut tx, &posting, now).await?;
    payment_methods::release(&mut tx, payer.user).await?;
    let detail = json!({ "amount": new.amount, "payment_method_id": new.method, "order_id": order });
    write_down(&mut tx, payer, "payment.submit", id, detail, now).await?;
    tx.commit().await?;
    Ok(Submitted { id, again: false })
}

async fn insert(
    conn: &mut PgConnection,
    payer: UserId,
    new: &NewPayment,
    order: Option<OrderId>,
    method: Locked,
    now: Time,
) -> Result<PaymentId, SubmitError> {
    let hash = new.transaction_hash.as_deref().filter(|_| method.needs_hash);
    let inserted = sqlx::query_scalar!(
        r#"INSERT INTO payments (user_id, payment_method_id, receipt_id, amount, bonus_percent, tracking_number,
               transaction_hash, payer_note, request_id, created_at, order_id)
           SELECT $1, $2, r.id, $4, $5, $6, $7, $8, $9, $10, $11 FROM receipts r WHERE r.id = $3 AND r.uploaded_by = $1
           RETURNING id AS "id: PaymentId""#,
        payer.0,
        new.method.0,
        new.receipt.0,
        new.amount.0,
        method.bonus_percent,
        new.tracking_number,
        hash,
        new.note,
        new.request_id,
        now,
        order.map(|order| order.0)
    )
    .fetch_optional(conn)
    .await;
    let inserted = inserted.map_err(|error| {
        match error.as_database_error().and_then(|e| e.constraint().map(str::to_owned)).as_deref() {
            Some("payments_transaction_hash_key") => SubmitError::HashTaken,
            Some("payments_receipt_id_key") => SubmitError::ReceiptUnusable,
            _ => SubmitError::Database(error),
        }
    })?;
    inserted.ok_or(SubmitError::ReceiptUnusable)
}
