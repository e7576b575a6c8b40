//! The shop's settings: one row, which always exists.

use sqlx::PgConnection;

use crate::money::Toman;

/// What the owner has set.
#[derive(Clone, Debug)]
pub struct Settings {
    pub shop_name: String,
    /// The smallest payment, Toman.
    pub payment_min: Toman,
    /// The largest payment, Toman.
    pub payment_max: Toman,
    /// How much pending credit a new agent may spend, Toman.
    pub default_pending_ceiling: Toman,
}

/// Reads the settings.
///
/// # Errors
/// When the database fails.
pub async fn get(conn: &mut PgConnection) -> sqlx::Result<Settings> {
    sqlx::query_as!(
        Settings,
        r#"SELECT shop_name, payment_min AS "payment_min: Toman", payment_max AS "payment_max: Toman",
                  default_pending_ceiling AS "default_pending_ceiling: Toman"
           FROM settings"#
    )
    .fetch_one(conn)
    .await
}

/// Changes the shop's name, 1 to 60 characters.
///
/// # Errors
/// A check violation when the name is too long or empty.
pub async fn set_shop_name(conn: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    sqlx::query!("UPDATE settings SET shop_name = $1, updated_at = now()", name).execute(conn).await?;
    Ok(())
}
