//! Agents: resellers with a wallet, a profile, and a ceiling for the pending credit that they may spend.

pub mod handlers;
mod queries;
mod service;

use sqlx::PgConnection;

pub use service::{Hired, Profile, ProfileError, hire, introduce, put_off, put_off_all, update};

use crate::{
    accounts::{self, CreateError},
    calendar::Time,
    ids::UserId,
    money::Toman,
    role::Role,
};

/// A new agent.
#[derive(Clone, Debug)]
pub struct NewAgent<'a> {
    pub username: &'a str,
    pub password: &'a str,
    pub first_name: &'a str,
    pub last_name: &'a str,
    /// Canonical: `09` and nine digits.
    pub phone: &'a str,
    pub shop_name: &'a str,
    pub province: &'a str,
    pub city: &'a str,
    /// What the names of this agent's accounts begin with.
    pub username_prefix: Option<&'a str>,
    /// How much pending credit may be spent, Toman.
    pub pending_ceiling: Toman,
}

/// Makes an agent with profile and wallet, in the caller's transaction.
///
/// # Errors
/// See [`CreateError`].
pub async fn create(conn: &mut PgConnection, new: &NewAgent<'_>, now: Time) -> Result<UserId, CreateError> {
    let user = accounts::create_user(conn, new.username, new.password, Role::Agent, now).await?;
    sqlx::query!(
        "INSERT INTO agents (user_id, first_name, last_name, phone, shop_name, province, city, username_prefix,
                             pending_ceiling, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        user.0,
        new.first_name,
        new.last_name,
        new.phone,
        new.shop_name,
        new.province,
        new.city,
        new.username_prefix,
        new.pending_ceiling.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(user)
}
