//! Reads over the orders of everybody.

use sqlx::{PgConnection, PgPool};

use super::ServerStatus;
use crate::{
    calendar::Time,
    ids::{OrderId, PlanId, UserId},
    money::Toman,
    orders::{
        Status,
        queries::{Account, SOON, State, containing},
    },
    persian::{latin_digits, normalize},
    role::Role,
};

/// Which orders to list, newest first. Times are UTC, `until` is exclusive.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    pub owner: Option<UserId>,
    pub plan: Option<PlanId>,
    pub status: Option<Status>,
    pub server: Option<ServerStatus>,
    pub since: Option<Time>,
    pub until: Option<Time>,
    /// As typed: a part of the account's user name or of the alias.
    pub search: &'a str,
    /// Only orders before this one.
    pub before: Option<OrderId>,
}

/// One order of the list.
#[derive(Clone, Debug)]
pub struct Listed {
    pub account: Account,
    pub amount: Toman,
    pub created_at: Time,
    pub server: Option<ServerStatus>,
    pub owner: Owner,
}

/// Whose order it is.
#[derive(Clone, Debug)]
pub struct Owner {
    pub id: UserId,
    pub username: String,
    /// The agent's name, or the user name.
    pub name: String,
    pub role: Role,
}

impl Owner {
    /// The address of her page; empty for an admin, who has none.
    pub fn home(&self) -> String {
        match self.role {
            Role::Agent => format!("/admin/agents/{}", self.id),
            Role::EndUser => format!("/admin/customers/{}", self.id),
            Role::Admin => String::new(),
        }
    }
}

/// At most `limit` orders, newest first.
///
/// # Errors
/// When the database fails.
pub async fn orders(db: &PgPool, filter: &Filter<'_>, limit: i64, now: Time) -> sqlx::Result<Vec<Listed>> {
    let search = Some(filter.search.trim()).filter(|search| !search.is_empty());
    let mut tx = db.begin().await?;
    // One plan for all filters would read all orders to find a few.
    sqlx::query!("SET LOCAL plan_cache_mode = force_custom_plan").execute(&mut *tx).await?;
    let rows = sqlx::query!(
        r#"SELECT o.id AS "id: OrderId", o.marzban_username AS username, o.alias,
                  coalesce(o.renewed_plan_name, o.plan_name) AS "plan_name!", coalesce(o.renewed_days, o.days) AS "days!",
                  o.amount AS "amount: Toman", o.created_at,
                  CASE WHEN o.status <> 'ACTIVE' THEN o.status
                       WHEN m.expire_at <= $11 OR m.data_used_bytes >= nullif(m.data_limit_bytes, 0) THEN 'ENDED'
                       WHEN m.expire_at <= $12 THEN 'ENDING'
                       WHEN m.expire_at IS NULL AND m.on_hold_seconds IS NOT NULL THEN 'ON_HOLD'
                       ELSE 'ACTIVE' END AS "state!: State",
                  m.subscription_url AS "subscription_url?", m.expire_at AS "expire_at?",
                  m.data_limit_bytes AS "data_limit_bytes?", m.data_used_bytes AS "data_used_bytes?",
                  m.status AS "server?: ServerStatus", o.user_id AS "owner: UserId", u.username AS owner_username,
                  coalesce(nullif(trim(a.first_name || ' ' || a.last_name), ''), u.username) AS "owner_name!",
                  u.role AS "role: Role"
           FROM orders o
           JOIN users u ON u.id = o.user_id
           LEFT JOIN agents a ON a.user_id = o.user_id
           LEFT JOIN marzban_users m ON m.order_id = o.id
           WHERE ($1::bigint IS NULL OR o.user_id = $1)
             AND ($2::bigint IS NULL OR o.plan_id = $2)
             AND ($3::text IS NULL OR o.status = $3)
             AND ($4::text IS NULL OR m.status = $4)
             AND ($5::timestamptz IS NULL OR o.created_at >= $5)
             AND ($6::timestamptz IS NULL OR o.created_at < $6)
             AND ($7::text IS NULL OR lower(o.marzban_username) LIKE $7
                  OR translate(o.alias, '۰۱۲۳۴۵۶۷۸۹', '0123456789') ILIKE $8)
             AND ($9::bigint IS NULL OR o.id < $9)
           ORDER BY o.id DESC LIMIT $10"#,
        filter.owner.map(|id| id.0),
        filter.plan.map(|id| id.0),
        filter.status.map(Status::code),
        filter.server.map(ServerStatus::code),
        filter.since,
        filter.until,
        search.map(|search| containing(&latin_digits(search).to_lowercase())),
        search.map(|search| containing(&latin_digits(&normalize(search)))),
        filter.before.map(|id| id.0),
        limit,
        now,
        now + SOON
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let listed = rows.into_iter().map(|row| Listed {
        account: Account {
            id: row.id,
            username: row.username,
            alias: row.alias,
            plan_name: row.plan_name,
            days: row.days,
            state: row.state,
            subscription_url: row.subscription_url,
            expire_at: row.expire_at,
            data_limit_bytes: row.data_limit_bytes,
            data_used_bytes: row.data_used_bytes,
            // This list stands in one order only.
            key: 0,
        },
        amount: row.amount,
        created_at: row.created_at,
        server: row.server,
        owner: Owner { id: row.owner, username: row.owner_username, name: row.owner_name, role: row.role },
    });
    Ok(listed.collect())
}

/// The person with this user name.
///
/// # Errors
/// When the database fails.
pub async fn person(conn: &mut PgConnection, username: &str) -> sqlx::Result<Option<UserId>> {
    sqlx::query_scalar!(r#"SELECT id AS "id: UserId" FROM users WHERE username = $1"#, username)
        .fetch_optional(conn)
        .await
}

/// A plan, for the filter's list.
#[derive(Clone, Debug)]
pub struct PlanName {
    pub id: PlanId,
    pub name: String,
}

/// All plans, also those no longer sold, in the owner's order.
///
/// # Errors
/// When the database fails.
pub async fn plan_names(conn: &mut PgConnection) -> sqlx::Result<Vec<PlanName>> {
    sqlx::query_as!(
        PlanName,
        r#"SELECT id AS "id: PlanId", name FROM plans ORDER BY status = 'ACTIVE' DESC, position, id"#
    )
    .fetch_all(conn)
    .await
}

/// What only the owner of the shop sees of an order.
#[derive(Clone, Debug)]
pub struct Background {
    pub owner: Owner,
    pub server: Option<ServerStatus>,
    pub online_at: Option<Time>,
    /// Bytes over the account's whole life.
    pub lifetime_used_bytes: Option<i64>,
}

/// Whose order it is, and what the server says of its account; `None` where there is no such order.
///
/// # Errors
/// When the database fails.
pub async fn background(conn: &mut PgConnection, id: OrderId) -> sqlx::Result<Option<Background>> {
    let row = sqlx::query!(
        r#"SELECT o.user_id AS "owner: UserId", u.username,
                  coalesce(nullif(trim(a.first_name || ' ' || a.last_name), ''), u.username) AS "name!",
                  u.role AS "role: Role", m.status AS "server?: ServerStatus", m.online_at AS "online_at?",
                  m.lifetime_used_bytes AS "lifetime_used_bytes?"
           FROM orders o
           JOIN users u ON u.id = o.user_id
           LEFT JOIN agents a ON a.user_id = o.user_id
           LEFT JOIN marzban_users m ON m.order_id = o.id
           WHERE o.id = $1"#,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Background {
        owner: Owner { id: row.owner, username: row.username, name: row.name, role: row.role },
        server: row.server,
        online_at: row.online_at,
        lifetime_used_bytes: row.lifetime_used_bytes,
    }))
}
