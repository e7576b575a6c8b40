//! Plans as their pages show them.

use sqlx::PgConnection;

use super::Terms;
use crate::{calendar::Time, ids::PlanId, money::Toman};

/// Changes of a plan's prices that its page shows.
const HISTORY_ROWS: i64 = 50;

/// A plan of the owner's list.
#[derive(Clone, Debug)]
pub struct PlanRow {
    pub id: PlanId,
    pub name: String,
    pub days: i32,
    /// GB of 2^30 bytes; `None` is unlimited.
    pub data_limit_gb: Option<i32>,
    pub price_public: Toman,
    pub price_agent: Toman,
    pub is_active: bool,
    /// First and last of those on offer.
    pub is_first: bool,
    pub is_last: bool,
    /// Accounts sold: neither renewals nor what was brought in from the server.
    pub sales: i64,
}

/// All plans, those on offer first, in the owner's order.
pub async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<PlanRow>> {
    sqlx::query_as!(
        PlanRow,
        r#"SELECT p.id AS "id: PlanId", p.name, p.days, p.data_limit_gb, p.price_public AS "price_public: Toman",
                  p.price_agent AS "price_agent: Toman", p.status = 'ACTIVE' AS "is_active!",
                  row_number() OVER (PARTITION BY p.status ORDER BY p.position, p.id) = 1 AS "is_first!",
                  row_number() OVER (PARTITION BY p.status ORDER BY p.position DESC, p.id DESC) = 1 AS "is_last!",
                  coalesce(s.sales, 0) AS "sales!"
           FROM plans p
           LEFT JOIN (
               SELECT plan_id, count(*) AS sales FROM orders
               WHERE status NOT IN ('AWAITING_PAYMENT', 'FAILED', 'CANCELLED') AND imported_at IS NULL GROUP BY plan_id
           ) s ON s.plan_id = p.id
           ORDER BY p.status, p.position, p.id"#
    )
    .fetch_all(conn)
    .await
}

/// One plan, whether on offer or not.
#[derive(Clone, Debug)]
pub struct PlanDetail {
    pub terms: Terms,
    pub is_active: bool,
    pub updated_at: Time,
}

/// One plan; `None` when there is none of this number.
pub async fn find(conn: &mut PgConnection, id: PlanId) -> sqlx::Result<Option<PlanDetail>> {
    let row = sqlx::query!(
        r#"SELECT name, days, data_limit_gb, price_public AS "price_public: Toman",
                  price_agent AS "price_agent: Toman", status = 'ACTIVE' AS "is_active!", updated_at
           FROM plans WHERE id = $1"#,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| PlanDetail {
        terms: Terms {
            name: row.name,
            days: row.days,
            data_limit_gb: row.data_limit_gb,
            price_public: row.price_public,
            price_agent: row.price_agent,
        },
        is_active: row.is_active,
        updated_at: row.updated_at,
    }))
}

/// A change of a plan's prices.
#[derive(Clone, Debug)]
pub struct PriceChange {
    /// `None`: the plan was new.
    pub public_before: Option<Toman>,
    pub agent_before: Option<Toman>,
    pub price_public: Toman,
    pub price_agent: Toman,
    pub changed_at: Time,
    /// The admin's user name; `None` is the panel itself.
    pub by: Option<String>,
}

/// The last changes of a plan's prices, newest first.
pub async fn price_history(conn: &mut PgConnection, id: PlanId) -> sqlx::Result<Vec<PriceChange>> {
    sqlx::query_as!(
        PriceChange,
        r#"SELECT h.public_before AS "public_before: Toman", h.agent_before AS "agent_before: Toman",
                  h.price_public AS "price_public: Toman", h.price_agent AS "price_agent: Toman", h.changed_at,
                  u.username AS "by?"
           FROM plan_prices h LEFT JOIN users u ON u.id = h.changed_by
           WHERE h.plan_id = $1 ORDER BY h.id DESC LIMIT $2"#,
        id.0,
        HISTORY_ROWS
    )
    .fetch_all(conn)
    .await
}

/// Who changed a plan last, and when; `None` when nobody has yet.
pub async fn last_change(conn: &mut PgConnection, id: PlanId) -> sqlx::Result<Option<(String, Time)>> {
    let row = sqlx::query!(
        r#"SELECT u.username, l.created_at FROM audit_log l JOIN users u ON u.id = l.actor_id
           WHERE l.subject_type = 'plan' AND l.subject_id = $1 AND l.action IN ('plan.create', 'plan.update', 'plan.reprice')
           ORDER BY l.id DESC LIMIT 1"#,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.username, row.created_at)))
}
