//! Plans: days and volume for a price. An order keeps a copy of what it bought, so a plan may change.
//!
//! Invariant: a plan is never deleted, only taken off offer, and every change of its prices stands in its history,
//! written in the same transaction. Admins change plans one after the other.

pub mod handlers;
pub mod prices;
mod queries;
mod service;

use std::ops::RangeInclusive;

use sqlx::PgConnection;

use crate::{calendar::Time, ids::PlanId, money::Toman};

pub use service::{ChangeError, Direction, add, set_active, shift, update};

/// The longest name, characters.
pub const MAX_NAME: usize = 60;
/// The days that a plan may last.
pub const DAYS: RangeInclusive<i64> = 1..=3650;
/// The volume that a plan may have, GB of 2^30 bytes.
pub const GIGABYTES: RangeInclusive<i64> = 1..=100_000;
/// What a plan may cost, Toman. No plan costs a billion; a slip of the zeros does.
pub const PRICES: RangeInclusive<i64> = 1..=1_000_000_000;

/// A plan that can be bought.
#[derive(Clone, Debug)]
pub struct Plan {
    pub id: PlanId,
    pub name: String,
    pub days: i32,
    /// GB of 2^30 bytes; `None` is unlimited.
    pub data_limit_gb: Option<i32>,
    pub price_public: Toman,
    pub price_agent: Toman,
}

/// The plans on offer, in the owner's order.
///
/// # Errors
/// When the database fails.
pub async fn active(conn: &mut PgConnection) -> sqlx::Result<Vec<Plan>> {
    sqlx::query_as!(
        Plan,
        r#"SELECT id AS "id: PlanId", name, days, data_limit_gb, price_public AS "price_public: Toman",
                  price_agent AS "price_agent: Toman"
           FROM plans WHERE status = 'ACTIVE' ORDER BY position, id"#
    )
    .fetch_all(conn)
    .await
}

/// A plan that is on offer; `None` when there is none of this number, or no longer.
///
/// # Errors
/// When the database fails.
pub async fn find_active(conn: &mut PgConnection, id: PlanId) -> sqlx::Result<Option<Plan>> {
    sqlx::query_as!(
        Plan,
        r#"SELECT id AS "id: PlanId", name, days, data_limit_gb, price_public AS "price_public: Toman",
                  price_agent AS "price_agent: Toman"
           FROM plans WHERE id = $1 AND status = 'ACTIVE' FOR SHARE"#,
        id.0
    )
    .fetch_optional(conn)
    .await
}

/// What the owner sets of a plan.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Terms {
    /// 1 to [`MAX_NAME`] characters, unlike that of any other plan on offer.
    pub name: String,
    pub days: i32,
    /// GB of 2^30 bytes; `None` is unlimited.
    pub data_limit_gb: Option<i32>,
    pub price_public: Toman,
    /// Below the public price.
    pub price_agent: Toman,
}

/// A new plan.
#[derive(Clone, Copy, Debug)]
pub struct NewPlan<'a> {
    pub name: &'a str,
    pub days: i32,
    /// GB of 2^30 bytes; `None` is unlimited.
    pub data_limit_gb: Option<i32>,
    pub price_public: Toman,
    /// Below the public price.
    pub price_agent: Toman,
    /// Its place in lists.
    pub position: i32,
}

/// Stores a plan, which is on offer at once, and the first row of its price history.
///
/// # Errors
/// A check violation when a figure is out of its range.
pub async fn create(conn: &mut PgConnection, new: &NewPlan<'_>, now: Time) -> sqlx::Result<PlanId> {
    let id = insert(conn, new, now).await?;
    service::keep_prices(conn, None, id, None, (new.price_public, new.price_agent), now).await?;
    Ok(id)
}

async fn insert(conn: &mut PgConnection, new: &NewPlan<'_>, now: Time) -> sqlx::Result<PlanId> {
    sqlx::query_scalar!(
        r#"INSERT INTO plans (name, days, data_limit_gb, price_public, price_agent, position, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id AS "id: PlanId""#,
        new.name,
        new.days,
        new.data_limit_gb,
        new.price_public.0,
        new.price_agent.0,
        new.position,
        now
    )
    .fetch_one(conn)
    .await
}
