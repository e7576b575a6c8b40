//! Customers: end users, who buy for themselves and may spend confirmed credit only.

pub mod handlers;
mod queries;
pub mod registration;

use sqlx::PgConnection;

use crate::{
    accounts::{self, CreateError},
    calendar::Time,
    ids::UserId,
    role::Role,
};

/// Makes an end user with a wallet, in the caller's transaction. `phone` is canonical: `09` and nine digits.
///
/// # Errors
/// See [`CreateError`].
pub async fn create(
    conn: &mut PgConnection,
    username: &str,
    password: &str,
    phone: &str,
    now: Time,
) -> Result<UserId, CreateError> {
    let user = accounts::create_user(conn, username, password, Role::EndUser, now).await?;
    sqlx::query!(
        "INSERT INTO end_users (user_id, phone, created_at) VALUES ($1, $2, $3)",
        user.0,
        phone,
        now
    )
    .execute(conn)
    .await?;
    Ok(user)
}

/// Writes a customer's canonical phone, in the caller's transaction.
///
/// # Errors
/// When the database fails.
pub async fn set_phone(conn: &mut PgConnection, customer: UserId, phone: &str) -> sqlx::Result<()> {
    sqlx::query!("UPDATE end_users SET phone = $2 WHERE user_id = $1", customer.0, phone)
        .execute(conn)
        .await?;
    Ok(())
}
