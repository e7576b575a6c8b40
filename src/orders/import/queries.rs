//! What the pages about imports show.

use sqlx::PgPool;

use super::{Stage, Verdict};
use crate::{
    calendar::Time,
    ids::{ImportId, UserId},
    orders::all::ServerStatus,
};

/// An import, for its page.
#[derive(Clone, Debug)]
pub struct Import {
    pub id: ImportId,
    pub stage: Stage,
    pub read: i64,
    /// How many accounts the server has; `None` before it said so.
    pub total: Option<i64>,
    /// Accounts that the server can't show, with names that nobody knows.
    pub hidden: i64,
    /// Why the server could not be asked at the last attempt.
    pub trouble: Option<String>,
    /// How often something was chosen: zero before the first time.
    pub choice: i32,
    pub pattern: String,
    pub keeper: Option<String>,
    pub note: String,
    pub owner: Option<UserId>,
    /// Her name, where somebody was chosen.
    pub owner_name: Option<String>,
    pub keeps_notes: bool,
    pub takes_lost: bool,
    pub by: String,
    pub created_at: Time,
    pub finished_at: Option<Time>,
    pub has_plan: bool,
}

/// One import; `None` where there is none of this number.
///
/// # Errors
/// When the database fails.
pub async fn import(db: &PgPool, id: ImportId) -> sqlx::Result<Option<Import>> {
    Ok(imports(db, Some(id), 1).await?.pop())
}

/// The last imports, newest first; or this one.
///
/// # Errors
/// When the database fails.
pub async fn imports(db: &PgPool, one: Option<ImportId>, limit: i64) -> sqlx::Result<Vec<Import>> {
    sqlx::query_as!(
        Import,
        r#"SELECT m.id AS "id: ImportId", m.status AS "stage: Stage", m.accounts_read AS read,
                  m.accounts_total AS total, m.hidden, m.trouble, m.choice, m.pattern, m.keeper, m.note_typed AS note,
                  m.owner_id AS "owner: UserId",
                  coalesce(nullif(trim(a.first_name || ' ' || a.last_name), ''), o.username) AS owner_name,
                  m.keeps_notes, m.takes_lost, b.username AS by, m.created_at, m.finished_at,
                  nearest_plan(NULL, 0) IS NOT NULL AS "has_plan!"
           FROM order_imports m
           JOIN users b ON b.id = m.requested_by
           LEFT JOIN users o ON o.id = m.owner_id
           LEFT JOIN agents a ON a.user_id = m.owner_id
           WHERE $1::bigint IS NULL OR m.id = $1
           ORDER BY m.id DESC LIMIT $2"#,
        one.map(|id| id.0),
        limit
    )
    .fetch_all(db)
    .await
}

/// How many accounts of an import have which verdict, the most first.
///
/// # Errors
/// When the database fails.
pub async fn counts(db: &PgPool, id: ImportId) -> sqlx::Result<Vec<(Verdict, i64)>> {
    let rows = sqlx::query!(
        r#"SELECT verdict AS "verdict!: Verdict", count(*) AS "count!" FROM order_import_verdicts
           WHERE import_id = $1 GROUP BY 1 ORDER BY 2 DESC, 1"#,
        id.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.verdict, row.count)).collect())
}

/// One account of an import.
#[derive(Clone, Debug)]
pub struct Line {
    pub place: i64,
    pub username: String,
    pub status: Option<ServerStatus>,
    pub expire_at: Option<Time>,
    pub on_hold_seconds: Option<i64>,
    pub data_limit_bytes: Option<i64>,
    pub keeper: Option<String>,
    pub note: String,
    pub verdict: Verdict,
    /// The order that came of it.
    pub order: Option<i64>,
    /// The plan that it is renewed by.
    pub plan: Option<String>,
}

/// The accounts with one of these verdicts behind this place, in the order of their names.
///
/// # Errors
/// When the database fails.
pub async fn lines(
    db: &PgPool,
    id: ImportId,
    verdicts: &[Verdict],
    after: i64,
    limit: i64,
    now: Time,
) -> sqlx::Result<Vec<Line>> {
    let verdicts: Vec<String> = verdicts.iter().map(|verdict| verdict.code().to_owned()).collect();
    sqlx::query_as!(
        Line,
        r#"WITH page AS MATERIALIZED (
               SELECT v.place, v.verdict FROM order_import_verdicts v
               WHERE v.import_id = $1 AND v.place > $2 AND v.verdict = ANY ($3) ORDER BY v.place LIMIT $4
           )
           SELECT i.place, i.username, i.status AS "status: ServerStatus", i.expire_at, i.on_hold_seconds,
                  i.data_limit_bytes, i.keeper, i.note, page.verdict AS "verdict!: Verdict", o.id AS "order?",
                  coalesce(o.plan_name, p.name) AS plan
           FROM page
           JOIN order_import_items i ON i.import_id = $1 AND i.place = page.place
           LEFT JOIN orders o ON o.id = i.order_id AND page.verdict = 'TAKEN'
           LEFT JOIN plans p ON p.id = nearest_plan(
               CASE WHEN i.data_limit_bytes > 0
                    THEN least(ceil(i.data_limit_bytes / 1073741824.0), 100000)::integer END,
               CASE WHEN i.expire_at > $5
                    THEN least(ceil(extract(epoch FROM i.expire_at - $5) / 86400), 100000)::integer
                    WHEN i.expire_at IS NULL THEN (coalesce(i.on_hold_seconds, 0) / 86400)::integer ELSE 0 END)
           ORDER BY i.place"#,
        id.0,
        after,
        &verdicts,
        limit,
        now
    )
    .fetch_all(db)
    .await
}

/// The server's administrators whose accounts were read, and how many each has; `None` is nobody.
///
/// # Errors
/// When the database fails.
pub async fn keepers(db: &PgPool, id: ImportId) -> sqlx::Result<Vec<(Option<String>, i64)>> {
    let rows = sqlx::query!(
        r#"SELECT keeper, count(*) AS "count!" FROM order_import_items WHERE import_id = $1 AND status IS NOT NULL
           GROUP BY keeper ORDER BY keeper NULLS LAST"#,
        id.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.keeper, row.count)).collect())
}

/// Somebody who may get the orders.
#[derive(Clone, Debug)]
pub struct Owner {
    pub id: UserId,
    pub username: String,
    pub name: String,
}

/// The active agents by name.
///
/// # Errors
/// When the database fails.
pub async fn agents(db: &PgPool) -> sqlx::Result<Vec<Owner>> {
    sqlx::query_as!(
        Owner,
        r#"SELECT u.id AS "id: UserId", u.username,
                  coalesce(nullif(trim(a.first_name || ' ' || a.last_name), ''), u.username) AS "name!"
           FROM agents a JOIN users u ON u.id = a.user_id WHERE u.status = 'ACTIVE' ORDER BY 3, 1"#
    )
    .fetch_all(db)
    .await
}
