//! What the owner does with methods. Each verb is one transaction: the change and the audit log, which never holds
//! a whole number.

use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};

use super::MethodType;
use crate::{audit::Actor, calendar::Time, ids::PaymentMethodId, money::Toman};

/// What the owner sets of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Never changes once the method is stored.
    pub method_type: MethodType,
    /// The shop's own name for it, unlike that of any other.
    pub alias: String,
    pub holder: String,
    pub bank: String,
    /// The card number, the SHEBA or the address, valid for its type; no other method has it.
    pub number: String,
    /// CRYPTO only.
    pub coin: Option<String>,
    pub network: Option<String>,
    /// What is credited on top at approval; CRYPTO only.
    pub bonus_percent: i32,
    pub daily_limit_count: Option<i32>,
    /// Toman.
    pub daily_limit_amount: Option<Toman>,
    /// For the shop alone.
    pub notes: String,
}

/// Why a method was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("there is no such method")]
    NotFound,
    #[error("another method has this name")]
    AliasTaken,
    #[error("the method {alias} has this number")]
    NumberTaken { alias: String },
    /// Payments stand for it, or a payer has it before her eyes.
    #[error("money went to this number")]
    NumberFixed,
    /// It is no longer as the form showed it.
    #[error("the method changed meanwhile")]
    ChangedMeanwhile,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// One admin at a time, so that no two methods get one number. Payers don't wait.
async fn lock(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("LOCK TABLE payment_methods IN SHARE ROW EXCLUSIVE MODE").execute(conn).await?;
    Ok(())
}

/// Stores a method, which is on offer at once.
///
/// # Errors
/// [`ChangeError`]; nothing was stored.
pub async fn add(db: &PgPool, by: Actor, draft: &Draft, now: Time) -> Result<PaymentMethodId, ChangeError> {
    let mut tx = db.begin().await?;
    lock(&mut tx).await?;
    refuse_taken(&mut tx, draft, None).await?;
    let id = sqlx::query_scalar!(
        r#"INSERT INTO payment_methods (type, alias, holder, bank, card_number, sheba, wallet_address, coin, network,
                                        bonus_percent, daily_limit_count, daily_limit_amount, notes, created_at,
                                        updated_at)
           VALUES ($1, $2, $3, $4, CASE WHEN $1 = 'CARD' THEN $5 END, CASE WHEN $1 = 'SHEBA' THEN $5 END,
                   CASE WHEN $1 = 'CRYPTO' THEN $5 END, $6, $7, $8, $9, $10, $11, $12, $12)
           RETURNING id AS "id: PaymentMethodId""#,
        draft.method_type as MethodType,
        draft.alias,
        draft.holder,
        draft.bank,
        draft.number,
        draft.coin,
        draft.network,
        draft.bonus_percent,
        draft.daily_limit_count,
        draft.daily_limit_amount.map(|amount| amount.0),
        draft.notes,
        now
    )
    .fetch_one(&mut *tx)
    .await?;
    write_down(&mut tx, by, "payment_method.create", id, json!({ "after": told(draft) }), now).await?;
    tx.commit().await?;
    Ok(id)
}

/// Changes a method that is still as it was `seen`, by the time of its last change. Its number stays once money may
/// have gone to it: the payments' history names the method.
///
/// # Errors
/// [`ChangeError`]; nothing was changed.
pub async fn update(
    db: &PgPool,
    by: Actor,
    id: PaymentMethodId,
    draft: &Draft,
    seen: Time,
    now: Time,
) -> Result<(), ChangeError> {
    let mut tx = db.begin().await?;
    lock(&mut tx).await?;
    let stored = super::queries::find(&mut tx, id, now).await?.ok_or(ChangeError::NotFound)?;
    let before = stored.draft;
    // The same form sent twice has been taken already.
    if before == *draft {
        return Ok(());
    }
    if stored.updated_at != seen {
        return Err(ChangeError::ChangedMeanwhile);
    }
    let destination = |draft: &Draft| (draft.number.clone(), draft.coin.clone(), draft.network.clone());
    let moved = destination(&before) != destination(draft);
    if before.method_type != draft.method_type || (moved && stored.is_fixed) {
        return Err(ChangeError::NumberFixed);
    }
    refuse_taken(&mut tx, draft, Some(id)).await?;
    sqlx::query!(
        "UPDATE payment_methods
         SET alias = $2, holder = $3, bank = $4, card_number = CASE WHEN type = 'CARD' THEN $5 END,
             sheba = CASE WHEN type = 'SHEBA' THEN $5 WHEN type = 'CARD' THEN sheba END,
             wallet_address = CASE WHEN type = 'CRYPTO' THEN $5 END, coin = $6, network = $7, bonus_percent = $8,
             daily_limit_count = $9, daily_limit_amount = $10, notes = $11,
             updated_at = greatest($12, updated_at + interval '1 microsecond')
         WHERE id = $1",
        id.0,
        draft.alias,
        draft.holder,
        draft.bank,
        draft.number,
        draft.coin,
        draft.network,
        draft.bonus_percent,
        draft.daily_limit_count,
        draft.daily_limit_amount.map(|amount| amount.0),
        draft.notes,
        now
    )
    .execute(&mut *tx)
    .await?;
    let detail = json!({ "before": told(&before), "after": told(draft) });
    write_down(&mut tx, by, "payment_method.update", id, detail, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Offers a method to payers, or takes it off. One that is so already stays as it is.
///
/// # Errors
/// [`ChangeError::NotFound`] when there is none of this number.
pub async fn set_active(
    db: &PgPool,
    by: Actor,
    id: PaymentMethodId,
    active: bool,
    now: Time,
) -> Result<(), ChangeError> {
    let mut tx = db.begin().await?;
    lock(&mut tx).await?;
    let found = sqlx::query!(
        r#"SELECT alias, status = 'ACTIVE' AS "active!" FROM payment_methods WHERE id = $1"#,
        id.0
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(ChangeError::NotFound)?;
    if found.active == active {
        return Ok(());
    }
    let (status, action) = if active {
        ("ACTIVE", "payment_method.activate")
    } else {
        ("INACTIVE", "payment_method.deactivate")
    };
    sqlx::query!("UPDATE payment_methods SET status = $2 WHERE id = $1", id.0, status)
        .execute(&mut *tx)
        .await?;
    write_down(&mut tx, by, action, id, json!({ "alias": found.alias }), now).await?;
    tx.commit().await?;
    Ok(())
}

async fn refuse_taken(
    conn: &mut PgConnection,
    draft: &Draft,
    own: Option<PaymentMethodId>,
) -> Result<(), ChangeError> {
    // One address may be good on several networks; an account may be paid by its card and by its SHEBA.
    let other = sqlx::query!(
        r#"SELECT alias, coalesce(coalesce(card_number, sheba, wallet_address) = $1
                  AND type = $2 AND coin IS NOT DISTINCT FROM $3 AND network IS NOT DISTINCT FROM $4, false)
                  AS "same_number!"
           FROM payment_methods
           WHERE id IS DISTINCT FROM $5
             AND (lower(alias) = lower($6)
                  OR (coalesce(card_number, sheba, wallet_address) = $1 AND type = $2
                      AND coin IS NOT DISTINCT FROM $3 AND network IS NOT DISTINCT FROM $4))
           ORDER BY 2 DESC LIMIT 1"#,
        draft.number,
        draft.method_type as MethodType,
        draft.coin,
        draft.network,
        own.map(|id| id.0),
        draft.alias
    )
    .fetch_optional(conn)
    .await?;
    match other {
        None => Ok(()),
        Some(other) if other.same_number => Err(ChangeError::NumberTaken { alias: other.alias }),
        Some(_) => Err(ChangeError::AliasTaken),
    }
}

/// The method as the audit log tells it: of its number the end alone.
fn told(draft: &Draft) -> Value {
    let end: String = draft.number.chars().skip(draft.number.chars().count().saturating_sub(4)).collect();
    json!({
        "alias": draft.alias,
        "holder": draft.holder,
        "bank": draft.bank,
        "number_ends": end,
        "coin": draft.coin,
        "network": draft.network,
        "bonus_percent": draft.bonus_percent,
        "daily_limit_count": draft.daily_limit_count,
        "daily_limit_amount": draft.daily_limit_amount,
        "notes": draft.notes,
    })
}

async fn write_down(
    conn: &mut PgConnection,
    by: Actor,
    action: &'static str,
    id: PaymentMethodId,
    detail: Value,
    now: Time,
) -> sqlx::Result<()> {
    by.record(conn, action, ("payment_method", Some(id.0)), detail, now).await
}
