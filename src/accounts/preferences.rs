//! How a person wants her pages, on whatever device.

use sqlx::PgPool;

use crate::ids::UserId;

/// Changes the language of a person's pages.
///
/// # Errors
/// When the database fails.
pub async fn set_language(db: &PgPool, user: UserId, language: &str) -> sqlx::Result<()> {
    sqlx::query!("UPDATE users SET language = $2 WHERE id = $1", user.0, language).execute(db).await?;
    Ok(())
}
