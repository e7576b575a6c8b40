//! What the shop says to its payers in its own words: ready-made reasons, notes, and where it answers questions.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::ChangeError;
use crate::{audit::Actor, calendar::Time};

/// The most ready-made reasons.
pub const MAX_REASONS: usize = 12;
/// The longest of them, characters.
pub const MAX_REASON: usize = 150;
/// The longest note, characters.
pub const MAX_NOTE: usize = 600;

/// The shop's own words; each may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Texts {
    /// Offered when a payment is rejected, in this order.
    pub rejection_reasons: Vec<String>,
    /// Above the form of a payment.
    pub charge_note: String,
    /// On the page of the wallet.
    pub wallet_note: String,
    /// A name in Telegram, without its @.
    pub support_telegram: String,
    /// `0` and ten digits.
    pub support_phone: String,
}

/// Reads the shop's words.
///
/// # Errors
/// When the database fails.
pub async fn texts(conn: &mut PgConnection) -> sqlx::Result<Texts> {
    Ok(dated(conn).await?.0)
}

/// The shop's words, and when they were changed last.
pub(super) async fn dated(conn: &mut PgConnection) -> sqlx::Result<(Texts, Time)> {
    let row = sqlx::query!(
        "SELECT rejection_reasons, charge_note, wallet_note, support_telegram, support_phone, updated_at
         FROM shop_texts"
    )
    .fetch_one(conn)
    .await?;
    let texts = Texts {
        rejection_reasons: row.rejection_reasons,
        charge_note: row.charge_note,
        wallet_note: row.wallet_note,
        support_telegram: row.support_telegram,
        support_phone: row.support_phone,
    };
    Ok((texts, row.updated_at))
}

/// Changes the words that are still as they were `seen`, by the time of their last change; `change` is applied to
/// what is stored. Written down in the same transaction.
///
/// # Errors
/// [`ChangeError`]; nothing was changed.
pub async fn update_texts(
    db: &PgPool,
    by: Actor,
    change: impl FnOnce(&mut Texts),
    seen: Time,
    now: Time,
) -> Result<(), ChangeError> {
    let mut tx = db.begin().await?;
    sqlx::query_scalar!("SELECT only_row FROM shop_texts FOR UPDATE").fetch_one(&mut *tx).await?;
    let (before, updated_at) = dated(&mut tx).await?;
    let mut new = before.clone();
    change(&mut new);
    // The same form sent twice has been taken already.
    if before == new {
        return Ok(());
    }
    if updated_at != seen {
        return Err(ChangeError::ChangedMeanwhile);
    }
    sqlx::query!(
        "UPDATE shop_texts SET rejection_reasons = $1, charge_note = $2, wallet_note = $3, support_telegram = $4,
                support_phone = $5, updated_at = greatest($6, updated_at + interval '1 microsecond')",
        &new.rejection_reasons,
        new.charge_note,
        new.wallet_note,
        new.support_telegram,
        new.support_phone,
        now
    )
    .execute(&mut *tx)
    .await?;
    let detail = json!({ "before": before, "after": new });
    by.record(&mut tx, "settings.update_texts", ("settings", None), detail, now).await?;
    tx.commit().await?;
    Ok(())
}
