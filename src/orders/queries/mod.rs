//! What the pages about orders show. Each reading is limited to one owner: another's order is not found.

mod list;
mod overview;

use sqlx::PgPool;
use time::Duration;

use super::{DisabledReason, FailureReason, Status};
use crate::{
    calendar::Time,
    ids::{OrderId, PlanId, UserId},
    money::Toman,
};

pub(super) use list::containing;
pub use list::{Account, Listing, PAGE, Sort, State, StateFilter, accounts};
pub use overview::{Counts, LastPayment, PaymentStatus, counts, last_payments, sales};

/// An account is about to end when no more than this is left of it.
pub const SOON: Duration = Duration::days(3);

/// A plan on offer, at the price that this buyer pays.
#[derive(Clone, Debug)]
pub struct Choice {
    pub id: PlanId,
    pub name: String,
    pub days: i32,
    pub data_limit_gb: Option<i32>,
    pub price: Toman,
}

/// The plans on offer, in the owner's order, at the agents' price.
///
/// # Errors
/// When the database fails.
pub async fn agent_choices(db: &PgPool) -> sqlx::Result<Vec<Choice>> {
    sqlx::query_as!(
        Choice,
        r#"SELECT id AS "id: PlanId", name, days, data_limit_gb, price_agent AS "price: Toman"
           FROM plans WHERE status = 'ACTIVE' ORDER BY position, id"#
    )
    .fetch_all(db)
    .await
}

/// An order with its account, for its own page.
#[derive(Clone, Debug)]
pub struct Order {
    pub id: OrderId,
    pub owner: UserId,
    pub username: String,
    pub alias: String,
    pub note: String,
    /// The plan and its terms are those of the last renewal, or of the purchase.
    pub plan_id: PlanId,
    pub plan_name: String,
    pub days: i32,
    pub data_limit_gb: Option<i32>,
    /// What the purchase cost.
    pub amount: Toman,
    pub on_hold: bool,
    pub status: Status,
    pub disabled_reason: Option<DisabledReason>,
    pub failure_reason: Option<FailureReason>,
    pub created_at: Time,
    /// When its account was made.
    pub provisioned_at: Option<Time>,
    pub subscription_url: Option<String>,
    pub expire_at: Option<Time>,
    pub on_hold_seconds: Option<i64>,
    pub data_limit_bytes: Option<i64>,
    pub data_used_bytes: Option<i64>,
    pub last_synced_at: Option<Time>,
}

/// One order of this owner, or of anybody where no owner is named; `None` where there is none, or where it is
/// another's.
///
/// # Errors
/// When the database fails.
pub async fn order(
    db: &PgPool,
    owner: impl Into<Option<UserId>>,
    id: OrderId,
) -> sqlx::Result<Option<Order>> {
    Ok(orders(db, owner, &[id]).await?.pop())
}

/// Those of these orders that belong to this owner, or all where no owner is named; in no order.
///
/// # Errors
/// When the database fails.
pub async fn orders(
    db: &PgPool,
    owner: impl Into<Option<UserId>>,
    ids: &[OrderId],
) -> sqlx::Result<Vec<Order>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    sqlx::query_as!(
        Order,
        r#"SELECT o.id AS "id: OrderId", o.user_id AS "owner: UserId", o.marzban_username AS username, o.alias, o.note,
                  coalesce(o.renewed_plan_id, o.plan_id) AS "plan_id!: PlanId",
                  coalesce(o.renewed_plan_name, o.plan_name) AS "plan_name!", coalesce(o.renewed_days, o.days) AS "days!",
                  CASE WHEN o.renewed_at IS NULL THEN o.data_limit_gb ELSE o.renewed_data_limit_gb END AS data_limit_gb,
                  o.amount AS "amount: Toman",
                  o.on_hold, o.status AS "status: Status", o.disabled_reason AS "disabled_reason: DisabledReason",
                  o.failure_reason AS "failure_reason: FailureReason", o.created_at, o.provisioned_at,
                  m.subscription_url AS "subscription_url?", m.expire_at AS "expire_at?",
                  m.on_hold_seconds AS "on_hold_seconds?", m.data_limit_bytes AS "data_limit_bytes?", m.data_used_bytes AS "data_used_bytes?", m.last_synced_at AS "last_synced_at?"
           FROM orders o LEFT JOIN marzban_users m ON m.order_id = o.id
           WHERE o.id = ANY ($1) AND ($2::bigint IS NULL OR o.user_id = $2)"#,
        &ids,
        owner.into().map(|owner| owner.0)
    )
    .fetch_all(db)
    .await
}

/// Whether the outcome of an order is still unknown.
///
/// # Errors
/// When the database fails.
pub async fn is_provisioning(db: &PgPool, id: OrderId) -> sqlx::Result<bool> {
    let status = sqlx::query_scalar!(r#"SELECT status AS "status: Status" FROM orders WHERE id = $1"#, id.0);
    Ok(status.fetch_optional(db).await? == Some(Status::Provisioning))
}
