//! What the pages about orders show. Each reading is limited to one owner: another's order is not found.

use sqlx::PgPool;
use time::Duration;

use super::{DisabledReason, FailureReason, Status};
use crate::{
    calendar::Time,
    ids::{OrderId, PlanId, UserId},
    money::Toman,
    persian::{latin_digits, normalize},
};

/// An account is about to end when no more than this is left of it.
pub const SOON: Duration = Duration::days(3);
/// How many accounts stand on one page.
pub const PAGE: i64 = 25;

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
    sqlx::query_as!(
        Order,
        r#"SELECT o.id AS "id: OrderId", o.user_id AS "owner: UserId", o.marzban_username AS username, o.alias, o.note,
                  coalesce(o.renewed_plan_id, o.plan_id) AS "plan_id!: PlanId",
                  coalesce(o.renewed_plan_name, o.plan_name) AS "plan_name!", coalesce(o.renewed_days, o.days) AS "days!",
                  CASE WHEN o.renewed_at IS NULL THEN o.data_limit_gb ELSE o.renewed_data_limit_gb END AS data_limit_gb,
                  o.amount AS "amount: Toman",
                  o.on_hold, o.status AS "status: Status", o.disabled_reason AS "disabled_reason: DisabledReason",
                  o.failure_reason AS "failure_reason: FailureReason", o.created_at,
                  m.subscription_url AS "subscription_url?", m.expire_at AS "expire_at?",
                  m.on_hold_seconds AS "on_hold_seconds?", m.data_limit_bytes AS "data_limit_bytes?", m.data_used_bytes AS "data_used_bytes?", m.last_synced_at AS "last_synced_at?"
           FROM orders o LEFT JOIN marzban_users m ON m.order_id = o.id
           WHERE o.id = $1 AND ($2::bigint IS NULL OR o.user_id = $2)"#,
        id.0,
        owner.into().map(|owner| owner.0)
    )
    .fetch_optional(db)
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

/// What an owner wants to know of an account at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    AwaitingPayment,
    Provisioning,
    Active,
    /// Waits for its first connection.
    OnHold,
    /// Active, with no more than [`SOON`] left.
    Ending,
    /// Its time or its volume is used up.
    Ended,
    Disabled,
    Deleted,
    Failed,
    Cancelled,
}

/// Which accounts a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateFilter {
    #[default]
    All,
    /// All that work, also those about to end.
    Active,
    Ending,
    Ended,
    Disabled,
    Provisioning,
    Failed,
}

impl StateFilter {
    /// All filters, in the order of the page.
    pub const ALL: [Self; 7] = [
        Self::All,
        Self::Active,
        Self::Ending,
        Self::Ended,
        Self::Disabled,
        Self::Provisioning,
        Self::Failed,
    ];

    /// The word in the page's address.
    pub fn code(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Active => "active",
            Self::Ending => "ending",
            Self::Ended => "ended",
            Self::Disabled => "disabled",
            Self::Provisioning => "provisioning",
            Self::Failed => "failed",
        }
    }

    fn states(self) -> Option<Vec<String>> {
        let states: &[&str] = match self {
            Self::All => return None,
            Self::Active => &["ACTIVE", "ON_HOLD", "ENDING"],
            Self::Ending => &["ENDING"],
            Self::Ended => &["ENDED"],
            Self::Disabled => &["DISABLED"],
            Self::Provisioning => &["PROVISIONING"],
            Self::Failed => &["FAILED"],
        };
        Some(states.iter().map(|&state| state.to_owned()).collect())
    }
}

/// One account of a list.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: OrderId,
    pub username: String,
    pub alias: String,
    pub plan_name: String,
    pub days: i32,
    pub state: State,
    pub subscription_url: Option<String>,
    pub expire_at: Option<Time>,
    pub data_limit_bytes: Option<i64>,
    pub data_used_bytes: Option<i64>,
}

/// Which accounts to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct Listing<'a> {
    /// As typed: a part of the user name, of the alias or of the note.
    pub search: &'a str,
    pub filter: StateFilter,
    /// Only orders before this one.
    pub before: Option<OrderId>,
}

/// At most `limit` accounts of this owner, newest first.
///
/// # Errors
/// When the database fails.
pub async fn accounts(
    db: &PgPool,
    owner: UserId,
    listing: &Listing<'_>,
    limit: i64,
    now: Time,
) -> sqlx::Result<Vec<Account>> {
    let states = listing.filter.states();
    sqlx::query_as!(
        Account,
        r#"SELECT id AS "id!: OrderId", username AS "username!", alias AS "alias!", plan_name AS "plan_name!",
                  days AS "days!", state AS "state!: State", subscription_url AS "subscription_url?",
                  expire_at AS "expire_at?", data_limit_bytes AS "data_limit_bytes?",
                  data_used_bytes AS "data_used_bytes?"
           FROM (
               SELECT o.id, o.marzban_username AS username, o.alias,
                      coalesce(o.renewed_plan_name, o.plan_name) AS plan_name, coalesce(o.renewed_days, o.days) AS days,
                      m.subscription_url, m.expire_at, m.data_limit_bytes, m.data_used_bytes,
                      CASE WHEN o.status <> 'ACTIVE' THEN o.status
                           WHEN m.expire_at <= $3 OR m.data_used_bytes >= nullif(m.data_limit_bytes, 0) THEN 'ENDED'
                           WHEN m.expire_at <= $4 THEN 'ENDING'
                           WHEN m.expire_at IS NULL AND m.on_hold_seconds IS NOT NULL THEN 'ON_HOLD'
                           ELSE 'ACTIVE' END AS state
               FROM orders o LEFT JOIN marzban_users m ON m.order_id = o.id
               WHERE o.user_id = $1 AND ($2::bigint IS NULL OR o.id < $2)
                 AND (o.marzban_username LIKE $5
                      OR translate(o.alias || ' ' || o.note, '۰۱۲۳۴۵۶۷۸۹', '0123456789') ILIKE $6)
           ) a
           WHERE $7::text[] IS NULL OR state = ANY ($7)
           ORDER BY id DESC LIMIT $8"#,
        owner.0,
        listing.before.map(|id| id.0),
        now,
        now + SOON,
        containing(&latin_digits(listing.search.trim()).to_lowercase()),
        containing(&latin_digits(&normalize(listing.search))),
        states.as_deref(),
        limit
    )
    .fetch_all(db)
    .await
}

/// The pattern of LIKE for texts that contain this one.
fn containing(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// How many accounts an owner has, by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that work, also those about to end.
    pub active: i64,
    pub ending: i64,
    pub ended: i64,
    pub disabled: i64,
    pub provisioning: i64,
}

/// Counts an owner's accounts.
///
/// # Errors
/// When the database fails.
pub async fn counts(db: &PgPool, owner: UserId, now: Time) -> sqlx::Result<Counts> {
    sqlx::query_as!(
        Counts,
        r#"SELECT count(*) FILTER (WHERE status = 'ACTIVE' AND NOT ended) AS "active!",
                  count(*) FILTER (WHERE status = 'ACTIVE' AND NOT ended AND soon) AS "ending!",
                  count(*) FILTER (WHERE status = 'ACTIVE' AND ended) AS "ended!",
                  count(*) FILTER (WHERE status = 'DISABLED') AS "disabled!",
                  count(*) FILTER (WHERE status = 'PROVISIONING') AS "provisioning!"
           FROM (
               SELECT o.status, coalesce(m.expire_at <= $3, false) AS soon,
                      coalesce(m.expire_at <= $2 OR m.data_used_bytes >= nullif(m.data_limit_bytes, 0), false) AS ended
               FROM orders o LEFT JOIN marzban_users m ON m.order_id = o.id WHERE o.user_id = $1
           ) a"#,
        owner.0,
        now,
        now + SOON
    )
    .fetch_one(db)
    .await
}
