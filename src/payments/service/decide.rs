//! Deciding a payment. Three verbs, one rule: the wallet is locked, then the row is changed only if it still
//! waits, then the ledger is posted. Whoever comes second is told what was decided.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::write_down;
use crate::{
    calendar::Time,
    ids::{OrderId, PaymentId, UserId},
    ledger::{self, EntryType, Posting, Reference},
    money::Toman,
    orders::purchase,
    payments::{Actor, Decision, Status},
    settings,
};

/// What the admin says when approving.
#[derive(Clone, Debug, Default)]
pub struct ApprovalInput {
    /// What really arrived, Toman, without bonus; `None` is the amount that was claimed.
    pub actual: Option<Toman>,
    pub note: Option<String>,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// No such payment, or not this payer's.
    #[error("no such payment")]
    NotFound,
    /// Somebody was first.
    #[error("already decided: {0:?}")]
    AlreadyDecided(Decision),
    /// A corrected amount must be positive and at most the largest payment.
    #[error("the amount is not between 1 and {max:?}")]
    AmountOutOfRange { max: Toman },
    #[error("a rejection needs a reason")]
    ReasonMissing,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// What the payer claimed; it can't change any more, so it may be read before anything is locked.
struct Claim {
    payer: UserId,
    amount: Toman,
    bonus_percent: i32,
    /// What it is for, if not for the wallet.
    order: Option<OrderId>,
}

async fn find_claim(conn: &mut PgConnection, id: PaymentId) -> Result<Claim, DecideError> {
    sqlx::query_as!(
        Claim,
        r#"SELECT user_id AS "payer: UserId", amount AS "amount: Toman", bonus_percent,
                  order_id AS "order: OrderId" FROM payments WHERE id = $1"#,
        id.0
    )
    .fetch_optional(conn)
    .await?
    .ok_or(DecideError::NotFound)
}

async fn already_decided(conn: &mut PgConnection, id: PaymentId) -> DecideError {
    let decision = sqlx::query_as!(
        Decision,
        r#"SELECT p.status AS "status: Status", u.username AS by, p.processed_at AS "at!"
           FROM payments p JOIN users u ON u.id = p.processed_by WHERE p.id = $1"#,
        id.0
    )
    .fetch_one(conn)
    .await;
    decision.map_or_else(DecideError::Database, DecideError::AlreadyDecided)
}

/// Approves: what arrived, and the bonus of the method on it, becomes confirmed credit in place of the pending. The
/// order that it is for is charged in the same transaction, where the confirmed credit covers it.
///
/// # Errors
/// See [`DecideError`].
pub async fn approve(
    db: &PgPool,
    id: PaymentId,
    admin: impl Into<Actor>,
    input: ApprovalInput,
    now: Time,
) -> Result<(), DecideError> {
    let admin = admin.into();
    let mut tx = db.begin().await?;
    let claim = find_claim(&mut tx, id).await?;
    let actual = input.actual.unwrap_or(claim.amount);
    let max = settings::get(&mut tx).await?.payment_max.max(claim.amount);
    if actual <= Toman::ZERO || actual > max {
        return Err(DecideError::AmountOutOfRange { max });
    }
    let credited = actual + actual.percent(claim.bonus_percent);
    let note = input.note.unwrap_or_default();
    ledger::lock(&mut tx, claim.payer).await?;
    let decided = sqlx::query!(
        "UPDATE payments SET status = 'APPROVED', approved_amount = $2, credited_amount = $3,
                admin_notes = nullif($4, ''), processed_at = $5, processed_by = $6
         WHERE id = $1 AND status = 'PENDING'",
        id.0,
        actual.0,
        credited.0,
        note,
        now,
        admin.user.0
    )
    .execute(&mut *tx)
    .await?;
    if decided.rows_affected() == 0 {
        return Err(already_decided(&mut tx, id).await);
    }
    let posting = Posting {
        user: claim.payer,
        entry_type: EntryType::ChargeApproved,
        confirmed: credited,
        pending: -claim.amount,
        reference: Reference::Payment(id),
        notes: note,
        by: Some(admin.user),
    };
    ledger::post(&mut tx, &posting, now).await?;
    let detail = json!({ "claimed": claim.amount, "actual": actual, "credited": credited });
    write_down(&mut tx, admin, "payment.approve", id, detail, now).await?;
    if let Some(order) = claim.order {
        // What came of it, its page and the admin's answer read from the order itself.
        purchase::settle(&mut tx, order, admin, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Rejects, with a reason that the payer reads: the pending credit is taken back, also below zero. The order that it
/// is for is cancelled, unless another payment for it waits.
///
/// # Errors
/// See [`DecideError`].
pub async fn reject(
    db: &PgPool,
    id: PaymentId,
    admin: impl Into<Actor>,
    reason: &str,
    now: Time,
) -> Result<(), DecideError> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(DecideError::ReasonMissing);
    }
    let mut tx = db.begin().await?;
    let claim = find_claim(&mut tx, id).await?;
    let end = End { status: Status::Rejected, action: "payment.reject", reason };
    take_back(&mut tx, id, &claim, end, admin.into(), now).await?;
    tx.commit().await?;
    Ok(())
}

/// Withdraws one's own payment before it was looked at: as a rejection, without a reason.
///
/// # Errors
/// See [`DecideError`]; somebody else's payment is not found.
pub async fn withdraw(
    db: &PgPool,
    id: PaymentId,
    payer: impl Into<Actor>,
    now: Time,
) -> Result<(), DecideError> {
    let payer = payer.into();
    let mut tx = db.begin().await?;
    let claim = find_claim(&mut tx, id).await?;
    if claim.payer != payer.user {
        return Err(DecideError::NotFound);
    }
    let end = End { status: Status::Withdrawn, action: "payment.withdraw", reason: "" };
    take_back(&mut tx, id, &claim, end, payer, now).await?;
    tx.commit().await?;
    Ok(())
}

/// How a payment ends without credit.
struct End<'a> {
    status: Status,
    action: &'static str,
    reason: &'a str,
}

async fn take_back(
    conn: &mut PgConnection,
    id: PaymentId,
    claim: &Claim,
    end: End<'_>,
    by: Actor,
    now: Time,
) -> Result<(), DecideError> {
    ledger::lock(conn, claim.payer).await?;
    let decided = sqlx::query!(
        "UPDATE payments SET status = $2, admin_notes = nullif($3, ''), processed_at = $4, processed_by = $5
         WHERE id = $1 AND status = 'PENDING'",
        id.0,
        end.status.code(),
        end.reason,
        now,
        by.user.0
    )
    .execute(&mut *conn)
    .await?;
    if decided.rows_affected() == 0 {
        return Err(already_decided(conn, id).await);
    }
    let posting = Posting {
        user: claim.payer,
        entry_type: EntryType::ChargeRejected,
        confirmed: Toman::ZERO,
        pending: -claim.amount,
        reference: Reference::Payment(id),
        notes: end.reason.to_owned(),
        by: Some(by.user),
    };
    ledger::post(conn, &posting, now).await?;
    let detail = json!({ "amount": claim.amount, "reason": end.reason });
    write_down(conn, by, end.action, id, detail, now).await?;
    if let Some(order) = claim.order {
        purchase::cancel_unpaid(conn, order, Some(by), now).await?;
    }
    Ok(())
}
