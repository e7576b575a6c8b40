//! Whether the overview shows the first steps.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use crate::{audit::Actor, calendar::Time};

/// Whether the owner has put the list away.
///
/// # Errors
/// When the database fails.
pub async fn is_checklist_hidden(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!("SELECT checklist_hidden FROM settings").fetch_one(conn).await
}

/// Puts the list away, or brings it back. The same again changes nothing.
///
/// # Errors
/// When the database fails.
pub async fn hide_checklist(db: &PgPool, by: Actor, hidden: bool, now: Time) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    let changed =
        sqlx::query!("UPDATE settings SET checklist_hidden = $1 WHERE checklist_hidden <> $1", hidden)
            .execute(&mut *tx)
            .await?;
    if changed.rows_affected() > 0 {
        let action = if hidden { "settings.hide_checklist" } else { "settings.show_checklist" };
        by.record(&mut tx, action, ("settings", None), json!({}), now).await?;
    }
    tx.commit().await?;
    Ok(())
}
