//! Sums of the shop: sales, payments, accounts. A sale is what orders and renewals took, less what was given back.

use sqlx::PgConnection;

use super::Period;
use crate::{
    calendar::{JalaliDate, Time},
    ids::{PlanId, UserId},
    money::Toman,
};

/// A sum now and in the same stretch of the period before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pair {
    pub now: i64,
    pub before: i64,
}

/// How the shop does. Amounts are Toman.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    pub sales: Pair,
    /// What admins found to have arrived.
    pub payments: Pair,
    pub new_accounts: Pair,
    /// Accounts that work at the moment.
    pub active: i64,
}

/// The figures of a period.
///
/// # Errors
/// When the database fails.
pub async fn figures(conn: &mut PgConnection, period: &Period) -> sqlx::Result<Figures> {
    let row = sqlx::query!(
        r#"WITH sales AS (
               SELECT coalesce(-sum(confirmed_delta) FILTER (WHERE created_at >= $1), 0)::bigint AS now,
                      coalesce(-sum(confirmed_delta) FILTER (WHERE created_at < $4), 0)::bigint AS before
               FROM transactions
               WHERE type IN ('ORDER_CREATED', 'ORDER_RENEWED', 'ORDER_REFUND') AND created_at >= $3 AND created_at < $2
           ), arrived AS (
               SELECT coalesce(sum(approved_amount) FILTER (WHERE processed_at >= $1), 0)::bigint AS now,
                      coalesce(sum(approved_amount) FILTER (WHERE processed_at < $4), 0)::bigint AS before
               FROM payments WHERE status = 'APPROVED' AND processed_at >= $3 AND processed_at < $2
           ), made AS (
               SELECT count(*) FILTER (WHERE provisioned_at >= $1) AS now,
                      count(*) FILTER (WHERE provisioned_at < $4) AS before
               FROM orders WHERE provisioned_at >= $3 AND provisioned_at < $2 AND imported_at IS NULL
           )
           SELECT sales.now AS "sales!", sales.before AS "sales_before!", arrived.now AS "arrived!",
                  arrived.before AS "arrived_before!", made.now AS "made!", made.before AS "made_before!",
                  (SELECT count(*) FROM orders o JOIN marzban_users m ON m.order_id = o.id
                   WHERE o.status = 'ACTIVE' AND m.status IN ('ACTIVE', 'ON_HOLD')
                     AND (m.expire_at IS NULL OR m.expire_at > $2)) AS "active!"
           FROM sales, arrived, made"#,
        period.since,
        period.until,
        period.before_since,
        period.before_until
    )
    .fetch_one(conn)
    .await?;
    Ok(Figures {
        sales: Pair { now: row.sales, before: row.sales_before },
        payments: Pair { now: row.arrived, before: row.arrived_before },
        new_accounts: Pair { now: row.made, before: row.made_before },
        active: row.active,
    })
}

/// The sales of each of the last `days` days in Tehran, oldest first, today last.
///
/// # Errors
/// When the database fails.
pub async fn days(conn: &mut PgConnection, days: u16, now: Time) -> sqlx::Result<Vec<(Time, Toman)>> {
    let today = JalaliDate::from_time(now).start();
    let first = today - time::Duration::days(i64::from(days) - 1);
    let sums = sqlx::query!(
        r#"SELECT floor(extract(epoch FROM created_at - $1) / 86400)::bigint AS "day!",
                  -sum(confirmed_delta)::bigint AS "sum!"
           FROM transactions
           WHERE type IN ('ORDER_CREATED', 'ORDER_RENEWED', 'ORDER_REFUND') AND created_at >= $1 AND created_at < $2
           GROUP BY 1"#,
        first,
        today + time::Duration::DAY
    )
    .fetch_all(conn)
    .await?;
    let sum = |day: i64| sums.iter().filter(|row| row.day == day).map(|row| row.sum).sum();
    Ok((0..i64::from(days)).map(|day| (first + time::Duration::days(day), Toman(sum(day)))).collect())
}

/// Who or what sold most.
#[derive(Clone, Debug)]
pub struct Top<Id> {
    /// `None` is all who are no agents, together.
    pub id: Option<Id>,
    pub name: String,
    pub sales: Toman,
    /// Orders and renewals.
    pub count: i64,
}

/// The agents who sold most in a period; customers count together as one.
///
/// # Errors
/// When the database fails.
pub async fn top_agents(
    conn: &mut PgConnection,
    period: &Period,
    limit: i64,
) -> sqlx::Result<Vec<Top<UserId>>> {
    sqlx::query_as!(
        Top::<UserId>,
        r#"SELECT a.user_id AS "id?: UserId",
                  coalesce(max(nullif(trim(a.first_name || ' ' || a.last_name), '')), max(u.username), '') AS "name!",
                  sum(s.sales)::bigint AS "sales!: Toman", sum(s.count)::bigint AS "count!"
           FROM (
               SELECT user_id, -sum(confirmed_delta) AS sales, count(*) FILTER (WHERE confirmed_delta < 0) AS count
               FROM transactions
               WHERE type IN ('ORDER_CREATED', 'ORDER_RENEWED', 'ORDER_REFUND') AND created_at >= $1 AND created_at < $2
               GROUP BY user_id
           ) s
           LEFT JOIN agents a ON a.user_id = s.user_id
           LEFT JOIN users u ON u.id = a.user_id
           GROUP BY a.user_id ORDER BY 3 DESC, 1 LIMIT $3"#,
        period.since,
        period.until,
        limit
    )
    .fetch_all(conn)
    .await
}

/// The plans that sold most in a period.
///
/// # Errors
/// When the database fails.
pub async fn top_plans(
    conn: &mut PgConnection,
    period: &Period,
    limit: i64,
) -> sqlx::Result<Vec<Top<PlanId>>> {
    sqlx::query_as!(
        Top::<PlanId>,
        r#"SELECT p.id AS "id?: PlanId", p.name AS "name!", s.sales AS "sales!: Toman", s.count AS "count!"
           FROM (
               SELECT o.plan_id, -sum(t.confirmed_delta)::bigint AS sales,
                      count(*) FILTER (WHERE t.confirmed_delta < 0) AS count
               FROM transactions t JOIN orders o ON o.id = t.order_id
               WHERE t.type IN ('ORDER_CREATED', 'ORDER_RENEWED', 'ORDER_REFUND')
                 AND t.created_at >= $1 AND t.created_at < $2
               GROUP BY o.plan_id ORDER BY 2 DESC, 1 LIMIT $3
           ) s JOIN plans p ON p.id = s.plan_id
           ORDER BY s.sales DESC, p.id"#,
        period.since,
        period.until,
        limit
    )
    .fetch_all(conn)
    .await
}
