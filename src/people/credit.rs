//! Credit by hand, up or down.

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    audit::{self, Actor},
    calendar::Time,
    ids::UserId,
    ledger::{self, EntryType, Posting, Reference},
    money::Toman,
};

const ACTION: &str = "wallet.adjust";

/// No more than this moves at once, Toman: a slip of the finger is caught.
pub const MAX_ADJUSTMENT: Toman = Toman(1_000_000_000);

/// A change of somebody's confirmed credit.
#[derive(Clone, Debug)]
pub struct Adjustment<'a> {
    pub user: UserId,
    /// Toman; below zero takes away, zero is nothing to adjust.
    pub change: Toman,
    /// What the person reads in her statement.
    pub reason: &'a str,
    /// The total that the admin saw when she decided, Toman.
    pub seen: Toman,
    pub request_id: Uuid,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adjusted {
    Now,
    /// The same form did it before.
    Before,
}

/// Why credit was not moved.
#[derive(Debug, thiserror::Error)]
pub enum AdjustError {
    #[error("no such wallet")]
    NotFound,
    #[error("the amount must be from 1 to {MAX_ADJUSTMENT:?}, up or down, and have a reason")]
    Invalid,
    /// The wallet has changed since it was shown.
    #[error("the wallet has changed")]
    BalanceChanged,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Moves confirmed credit by hand. The wallet's lock makes the same form, sent twice at once, wait in line.
///
/// # Errors
/// See [`AdjustError`].
pub async fn adjust(
    db: &PgPool,
    adjustment: &Adjustment<'_>,
    by: impl Into<Actor>,
    now: Time,
) -> Result<Adjusted, AdjustError> {
    let &Adjustment { user, change, reason, seen, request_id } = adjustment;
    let reason = reason.trim();
    if change == Toman::ZERO || change.0.unsigned_abs() > MAX_ADJUSTMENT.0.unsigned_abs() || reason.is_empty()
    {
        return Err(AdjustError::Invalid);
    }
    let by = by.into();
    let mut tx = db.begin().await?;
    let before = match ledger::lock(&mut tx, user).await {
        Err(sqlx::Error::RowNotFound) => return Err(AdjustError::NotFound),
        before => before?,
    };
    if audit::is_recorded(&mut tx, ACTION, user, request_id).await? {
        return Ok(Adjusted::Before);
    }
    if before.total() != seen {
        return Err(AdjustError::BalanceChanged);
    }
    let posting = Posting {
        user,
        entry_type: EntryType::ChargeManual,
        confirmed: change,
        pending: Toman::ZERO,
        reference: Reference::Manual,
        notes: reason.to_owned(),
        by: Some(by.user),
    };
    let (transaction, _) = ledger::post(&mut tx, &posting, now).await?;
    let detail =
        json!({ "amount": change, "reason": reason, "transaction": transaction, "request_id": request_id });
    by.record(&mut tx, ACTION, ("user", Some(user.0)), detail, now).await?;
    tx.commit().await?;
    Ok(Adjusted::Now)
}
