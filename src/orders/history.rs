//! How accounts were used over time: what each had used in its whole life at the end of each hour.
//!
//! Invariant: one sample an hour and only where something changed; with age the last one of a day, then of a month is
//! left. The lifetime figure never falls, so a reset of the volume is no hole.

use sqlx::{PgConnection, PgPool};

use crate::{
    calendar::{Time, day_bounds},
    ids::{OrderId, UserId},
};

/// Younger than this, each hour is kept.
const HOURLY: time::Duration = time::Duration::days(2);
/// Younger than this, each day is kept; older than this, each month.
const DAILY: time::Duration = time::Duration::days(90);
/// So far behind those ages is looked for what is too many.
const BACKLOG: time::Duration = time::Duration::days(40);

/// How far an account had got, and how far it was known to be before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub order: OrderId,
    pub bytes: i64,
    pub before: i64,
    pub known_at: Time,
}

/// Stores what these accounts had used by now. The first sample of an account is what was known before, so that its
/// first day doesn't seem to hold its whole life.
pub(super) async fn add(conn: &mut PgConnection, steps: &[Step], now: Time) -> sqlx::Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let orders: Vec<i64> = steps.iter().map(|step| step.order.0).collect();
    let before: Vec<i64> = steps.iter().map(|step| step.before).collect();
    let known_at: Vec<Time> = steps.iter().map(|step| step.known_at).collect();
    sqlx::query!(
        "INSERT INTO usage_samples (order_id, at, lifetime_bytes)
         SELECT order_id, date_trunc('hour', known_at) - interval '1 hour', bytes
         FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS u (order_id, bytes, known_at)
         WHERE NOT EXISTS (SELECT FROM usage_samples s WHERE s.order_id = u.order_id)
         ORDER BY order_id ON CONFLICT (order_id, at) DO NOTHING",
        &orders,
        &before,
        &known_at
    )
    .execute(&mut *conn)
    .await?;
    let bytes: Vec<i64> = steps.iter().map(|step| step.bytes).collect();
    sqlx::query!(
        "INSERT INTO usage_samples (order_id, at, lifetime_bytes)
         SELECT order_id, date_trunc('hour', $3::timestamptz), bytes
         FROM unnest($1::bigint[], $2::bigint[]) AS u (order_id, bytes) ORDER BY order_id
         ON CONFLICT (order_id, at) DO UPDATE
             SET lifetime_bytes = greatest(usage_samples.lifetime_bytes, excluded.lifetime_bytes)",
        &orders,
        &bytes,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes what is finer than its age needs. Returns how many samples went.
///
/// # Errors
/// When the database fails.
pub async fn thin(db: &PgPool, now: Time) -> sqlx::Result<u64> {
    let days = sqlx::query!(
        "DELETE FROM usage_samples s WHERE at >= $1 AND at < $2 AND EXISTS (
             SELECT FROM usage_samples later WHERE later.order_id = s.order_id AND later.at > s.at
             AND date_trunc('day', later.at, 'Asia/Tehran') = date_trunc('day', s.at, 'Asia/Tehran')
         )",
        now - HOURLY - BACKLOG,
        day_bounds(now - HOURLY).0
    )
    .execute(db)
    .await?;
    let months = sqlx::query!(
        "DELETE FROM usage_samples s WHERE at >= $1 AND at < $2 AND EXISTS (
             SELECT FROM usage_samples later WHERE later.order_id = s.order_id AND later.at > s.at
             AND date_trunc('month', later.at, 'Asia/Tehran') = date_trunc('month', s.at, 'Asia/Tehran')
         )",
        now - DAILY - BACKLOG,
        now - DAILY
    )
    .execute(db)
    .await?;
    Ok(days.rows_affected() + months.rows_affected())
}

/// What an account used on a day.
#[derive(Clone, Debug)]
pub struct Day {
    /// Its beginning in Tehran.
    pub start: Time,
    pub bytes: i64,
}

/// What this owner's account used on each of the last `days` days, today included, oldest first; empty while nothing
/// is known yet.
///
/// # Errors
/// When the database fails.
pub async fn days(
    db: &PgPool,
    owner: UserId,
    order: OrderId,
    days: i32,
    now: Time,
) -> sqlx::Result<Vec<Day>> {
    let rows = sqlx::query_as!(
        Day,
        r#"WITH bounds AS (
               SELECT n, $3::timestamptz - make_interval(days => n) AS start FROM generate_series(0, $4::int) AS n
           ), reached AS (
               -- At the end of each day; what was used before the first sample is nobody's day.
               SELECT b.start, coalesce((SELECT s.lifetime_bytes FROM usage_samples s
                                         WHERE s.order_id = $1 AND s.at < b.start + interval '1 day'
                                         ORDER BY s.at DESC LIMIT 1),
                                        (SELECT min(s.lifetime_bytes) FROM usage_samples s WHERE s.order_id = $1)) AS bytes
               FROM bounds b
           )
           SELECT start AS "start!", bytes AS "bytes!" FROM (
               SELECT start, bytes - lag(bytes) OVER (ORDER BY start) AS bytes FROM reached
           ) d
           WHERE bytes IS NOT NULL
             AND EXISTS (SELECT FROM usage_samples s JOIN orders o ON o.id = s.order_id
                         WHERE s.order_id = $1 AND o.user_id = $2)
           ORDER BY start"#,
        order.0,
        owner.0,
        day_bounds(now).0,
        days
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}
