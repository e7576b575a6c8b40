//! Whether the shop's admins must sign in with a second factor.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use crate::{audit::Actor, calendar::Time};

/// Whether admins need a second factor.
///
/// # Errors
/// When the database fails.
pub async fn admins_need_two_factor(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!("SELECT admins_need_two_factor FROM settings").fetch_one(conn).await
}

/// Asks admins for a second factor, or no longer. The same again changes nothing.
///
/// # Errors
/// When the database fails.
pub async fn require_two_factor(db: &PgPool, by: Actor, required: bool, now: Time) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    let changed = sqlx::query!(
        "UPDATE settings SET admins_need_two_factor = $1 WHERE admins_need_two_factor <> $1",
        required
    )
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() > 0 {
        let detail = json!({ "required": required });
        by.record(&mut tx, "settings.require_two_factor", ("settings", None), detail, now).await?;
    }
    tx.commit().await?;
    Ok(())
}
