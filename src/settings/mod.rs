//! The shop's settings: one row, which always exists.

mod checklist;
pub mod end_users;
pub mod handlers;
mod security;
mod texts;

use serde_json::json;
use sqlx::{PgConnection, PgPool};

pub use checklist::{hide_checklist, is_checklist_hidden};
pub use security::{admins_need_two_factor, require_two_factor};
pub use texts::{MAX_NOTE, MAX_REASON, MAX_REASONS, Texts, texts, update_texts};

use crate::{audit::Actor, calendar::Time, money::Toman};

/// The longest name of a shop, characters.
pub const MAX_SHOP_NAME: usize = 60;

/// What the owner has set.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Settings {
    pub shop_name: String,
    /// The smallest payment, Toman.
    pub payment_min: Toman,
    /// The largest payment, Toman.
    pub payment_max: Toman,
    /// How much pending credit a new agent may spend, Toman.
    pub default_pending_ceiling: Toman,
}

/// Why the settings were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("the smallest payment is above the largest")]
    LimitsReversed,
    /// They are no longer as the form showed them.
    #[error("the settings changed meanwhile")]
    ChangedMeanwhile,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Reads the settings.
///
/// # Errors
/// When the database fails.
pub async fn get(conn: &mut PgConnection) -> sqlx::Result<Settings> {
    Ok(get_dated(conn).await?.0)
}

/// The settings, and when they were changed last.
async fn get_dated(conn: &mut PgConnection) -> sqlx::Result<(Settings, Time)> {
    let row = sqlx::query!(
        r#"SELECT shop_name, payment_min AS "payment_min: Toman", payment_max AS "payment_max: Toman",
                  default_pending_ceiling AS "default_pending_ceiling: Toman", updated_at
           FROM settings"#
    )
    .fetch_one(conn)
    .await?;
    let settings = Settings {
        shop_name: row.shop_name,
        payment_min: row.payment_min,
        payment_max: row.payment_max,
        default_pending_ceiling: row.default_pending_ceiling,
    };
    Ok((settings, row.updated_at))
}

/// Changes the settings that are still as they were `seen`, by the time of their last change; written down in the
/// same transaction.
///
/// # Errors
/// [`ChangeError`]; nothing was changed.
pub async fn update(
    db: &PgPool,
    by: Actor,
    new: &Settings,
    seen: Time,
    now: Time,
) -> Result<(), ChangeError> {
    if new.payment_min > new.payment_max {
        return Err(ChangeError::LimitsReversed);
    }
    let mut tx = db.begin().await?;
    sqlx::query_scalar!("SELECT only_row FROM settings FOR UPDATE").fetch_one(&mut *tx).await?;
    let (before, updated_at) = get_dated(&mut tx).await?;
    // The same form sent twice has been taken already.
    if before == *new {
        return Ok(());
    }
    if updated_at != seen {
        return Err(ChangeError::ChangedMeanwhile);
    }
    sqlx::query!(
        "UPDATE settings SET shop_name = $1, payment_min = $2, payment_max = $3, default_pending_ceiling = $4,
                updated_at = greatest($5, updated_at + interval '1 microsecond')",
        new.shop_name,
        new.payment_min.0,
        new.payment_max.0,
        new.default_pending_ceiling.0,
        now
    )
    .execute(&mut *tx)
    .await?;
    let detail = json!({ "before": before, "after": new });
    by.record(&mut tx, "settings.update", ("settings", None), detail, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Who changed the settings last, and when; `None` when nobody has yet.
async fn last_change(conn: &mut PgConnection) -> sqlx::Result<Option<(String, Time)>> {
    let row = sqlx::query!(
        "SELECT u.username, l.created_at FROM audit_log l JOIN users u ON u.id = l.actor_id
         WHERE l.subject_type = 'settings' AND l.subject_id IS NULL ORDER BY l.id DESC LIMIT 1"
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.username, row.created_at)))
}

/// Changes the shop's name, 1 to 60 characters.
///
/// # Errors
/// A check violation when the name is too long or empty.
pub async fn set_shop_name(conn: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    sqlx::query!("UPDATE settings SET shop_name = $1, updated_at = now()", name).execute(conn).await?;
    Ok(())
}
