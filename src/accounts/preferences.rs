//! How a person wants her pages, on whatever device.

use sqlx::PgPool;

use crate::{
    ids::UserId,
    locale::{Digits, Language},
};

/// What she chose; `None` leaves what was chosen before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice {
    pub language: Option<Language>,
    /// `system`, `light` or `dark`.
    pub theme: Option<&'static str>,
    pub digits: Option<Digits>,
}

/// Keeps what a person chose for her pages.
///
/// # Errors
/// When the database fails.
pub async fn choose(db: &PgPool, user: UserId, choice: Choice) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE users SET language = coalesce($2, language), theme = coalesce($3, theme), digits = coalesce($4, digits)
         WHERE id = $1",
        user.0,
        choice.language.map(Language::code),
        choice.theme,
        choice.digits.map(Digits::code)
    )
    .execute(db)
    .await?;
    Ok(())
}
