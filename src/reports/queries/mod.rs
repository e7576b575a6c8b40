//! What reports read.

mod choices;
mod exports;

use futures_util::stream::BoxStream;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

pub use choices::{AgentName, MethodName, agents, find_people, methods, person};
pub use exports::{Export, export, exports_of};

use super::{Filter, Row, Sum, View};
use crate::{calendar::Time, money::Toman, payments::Status, role::Role};

/// A snapshot: what is read in it is of one instant.
///
/// # Errors
/// When the database fails.
pub async fn snapshot(db: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    let mut tx = db.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    // A plan for whatever filter would not use the index of the filter that there is.
    sqlx::query("SET LOCAL plan_cache_mode = force_custom_plan").execute(&mut *tx).await?;
    Ok(tx)
}

/// Behind which row a page begins: its time and number.
pub type Cursor = (Time, i64);

/// The rows of a report as they arrive, newest first: those behind `after`, at most `limit`.
pub fn rows<'c>(
    conn: &'c mut PgConnection,
    filter: &Filter,
    after: Option<Cursor>,
    limit: i64,
) -> BoxStream<'c, sqlx::Result<Row>> {
    match filter.view {
        View::Transactions => transactions(conn, filter, after, limit),
        View::Payments => payments(conn, filter, after, limit),
    }
}

/// Before the end of the period there is no row of this number.
fn start(filter: &Filter, after: Option<Cursor>) -> Cursor {
    after.filter(|(at, _)| *at < filter.until).unwrap_or((filter.until, i64::MIN))
}

fn transactions<'c>(
    conn: &'c mut PgConnection,
    filter: &Filter,
    after: Option<Cursor>,
    limit: i64,
) -> BoxStream<'c, sqlx::Result<Row>> {
    let (at, id) = start(filter, after);
    sqlx::query_as!(
        Row,
        r#"SELECT t.id, t.created_at AS at, u.username,
                  coalesce(nullif(trim(a.first_name || ' ' || a.last_name), ''), u.username) AS "name!",
                  t.type AS kind, t.confirmed_delta + t.pending_delta AS "amount!: Toman",
                  t.confirmed_delta AS "confirmed: Toman", t.pending_delta AS "pending: Toman",
                  p.status AS "status?: Status", m.alias AS "method?", o.marzban_username AS "reference?", t.notes
           FROM transactions t
           JOIN users u ON u.id = t.user_id
           LEFT JOIN agents a ON a.user_id = t.user_id
           LEFT JOIN payments p ON p.id = t.payment_id
           LEFT JOIN payment_methods m ON m.id = p.payment_method_id
           LEFT JOIN orders o ON o.id = t.order_id
           WHERE t.created_at >= $1 AND (t.created_at, t.id) < ($2, $3)
             AND ($4::bigint[] = '{}' OR t.user_id = ANY ($4))
             AND ($5::text IS NULL OR u.role = $5)
             AND ($6::text[] = '{}' OR t.type = ANY ($6))
             AND ($7::text[] = '{}' OR p.status = ANY ($7))
             AND ($8::bigint[] = '{}' OR p.payment_method_id = ANY ($8))
           ORDER BY t.created_at DESC, t.id DESC LIMIT $9"#,
        filter.since,
        at,
        id,
        &people(filter),
        filter.role.map(Role::code),
        &filter.types,
        &filter.statuses,
        &filter.methods,
        limit
    )
    .fetch(conn)
}

fn payments<'c>(
    conn: &'c mut PgConnection,
    filter: &Filter,
    after: Option<Cursor>,
    limit: i64,
) -> BoxStream<'c, sqlx::Result<Row>> {
    let (at, id) = start(filter, after);
    sqlx::query_as!(
        Row,
        r#"SELECT p.id, p.created_at AS at, u.username,
                  coalesce(nullif(trim(a.first_name || ' ' || a.last_name), ''), u.username) AS "name!",
                  m.type AS kind, p.amount AS "amount: Toman", coalesce(p.credited_amount, 0) AS "confirmed!: Toman",
                  CASE WHEN p.status = 'PENDING' THEN p.amount ELSE 0 END AS "pending!: Toman",
                  p.status AS "status?: Status", m.alias AS "method?",
                  coalesce(p.tracking_number, p.transaction_hash) AS reference,
                  concat_ws(' · ', nullif(p.payer_note, ''), nullif(p.admin_notes, '')) AS "notes!"
           FROM payments p
           JOIN users u ON u.id = p.user_id
           JOIN payment_methods m ON m.id = p.payment_method_id
           LEFT JOIN agents a ON a.user_id = p.user_id
           WHERE p.created_at >= $1 AND (p.created_at, p.id) < ($2, $3)
             AND ($4::bigint[] = '{}' OR p.user_id = ANY ($4))
             AND ($5::text IS NULL OR u.role = $5)
             AND ($6::text[] = '{}' OR p.status = ANY ($6))
             AND ($7::bigint[] = '{}' OR p.payment_method_id = ANY ($7))
           ORDER BY p.created_at DESC, p.id DESC LIMIT $8"#,
        filter.since,
        at,
        id,
        &people(filter),
        filter.role.map(Role::code),
        &filter.statuses,
        &filter.methods,
        limit
    )
    .fetch(conn)
}

/// The sums of a report, by ledger type or by payment status.
///
/// # Errors
/// When the database fails.
pub async fn sums(conn: &mut PgConnection, filter: &Filter) -> sqlx::Result<Vec<Sum>> {
    match filter.view {
        View::Transactions => transaction_sums(conn, filter).await,
        View::Payments => payment_sums(conn, filter).await,
    }
}

async fn transaction_sums(conn: &mut PgConnection, filter: &Filter) -> sqlx::Result<Vec<Sum>> {
    // Left joins, so that those which no filter needs are left out of the plan.
    sqlx::query_as!(
        Sum,
        r#"SELECT t.type AS kind, count(*) AS "rows!",
                  sum(t.confirmed_delta + t.pending_delta)::bigint AS "amount!: Toman",
                  sum(t.confirmed_delta)::bigint AS "confirmed!: Toman",
                  sum(t.pending_delta)::bigint AS "pending!: Toman"
           FROM transactions t
           LEFT JOIN users u ON u.id = t.user_id
           LEFT JOIN payments p ON p.id = t.payment_id
           WHERE t.created_at >= $1 AND t.created_at < $2
             AND ($3::bigint[] = '{}' OR t.user_id = ANY ($3))
             AND ($4::text IS NULL OR u.role = $4)
             AND ($5::text[] = '{}' OR t.type = ANY ($5))
             AND ($6::text[] = '{}' OR p.status = ANY ($6))
             AND ($7::bigint[] = '{}' OR p.payment_method_id = ANY ($7))
           GROUP BY t.type"#,
        filter.since,
        filter.until,
        &people(filter),
        filter.role.map(Role::code),
        &filter.types,
        &filter.statuses,
        &filter.methods
    )
    .fetch_all(conn)
    .await
}

async fn payment_sums(conn: &mut PgConnection, filter: &Filter) -> sqlx::Result<Vec<Sum>> {
    sqlx::query_as!(
        Sum,
        r#"SELECT p.status AS kind, count(*) AS "rows!", sum(p.amount)::bigint AS "amount!: Toman",
                  coalesce(sum(p.credited_amount), 0)::bigint AS "confirmed!: Toman",
                  coalesce(sum(p.amount) FILTER (WHERE p.status = 'PENDING'), 0)::bigint AS "pending!: Toman"
           FROM payments p
           LEFT JOIN users u ON u.id = p.user_id
           WHERE p.created_at >= $1 AND p.created_at < $2
             AND ($3::bigint[] = '{}' OR p.user_id = ANY ($3))
             AND ($4::text IS NULL OR u.role = $4)
             AND ($5::text[] = '{}' OR p.status = ANY ($5))
             AND ($6::bigint[] = '{}' OR p.payment_method_id = ANY ($6))
           GROUP BY p.status"#,
        filter.since,
        filter.until,
        &people(filter),
        filter.role.map(Role::code),
        &filter.statuses,
        &filter.methods
    )
    .fetch_all(conn)
    .await
}

fn people(filter: &Filter) -> Vec<i64> {
    filter.people.iter().map(|person| person.0).collect()
}
