//! Deeds, newest first, by what the owner looks for.

use std::net::IpAddr;

use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use super::Kind;
use crate::{calendar::Time, ids::UserId, role::Role};

/// Which deeds to show. Times are UTC, `until` is exclusive.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Deeds that she did, or that were done to her.
    pub person: Option<UserId>,
    pub kind: Option<Kind>,
    pub since: Option<Time>,
    pub until: Option<Time>,
    pub address: Option<IpAddr>,
    /// Only deeds before this one.
    pub before: Option<i64>,
}

/// One deed.
#[derive(Clone, Debug)]
pub struct Line {
    pub id: i64,
    pub action: String,
    pub subject_type: String,
    pub subject_id: Option<i64>,
    pub detail: Value,
    pub created_at: Time,
    /// Who did it; `None` is the panel itself, or somebody who was not let in.
    pub by: Option<String>,
    pub address: Option<String>,
    /// What it was done to, by its name.
    pub subject: Option<String>,
    /// The role of the person whom it was done to.
    pub subject_role: Option<Role>,
}

/// At most `limit` deeds, newest first.
///
/// # Errors
/// When the database fails.
pub async fn deeds(db: &PgPool, filter: &Filter, limit: i64) -> sqlx::Result<Vec<Line>> {
    let nouns: Option<Vec<String>> =
        filter.kind.map(|kind| kind.nouns().iter().map(|&noun| noun.to_owned()).collect());
    let mut tx = db.begin().await?;
    // One plan for all filters would read the whole log to find a few.
    sqlx::query!("SET LOCAL plan_cache_mode = force_custom_plan").execute(&mut *tx).await?;
    let lines = sqlx::query_as!(
        Line,
        r#"SELECT l.id AS "id!", l.action AS "action!", l.subject_type AS "subject_type!", l.subject_id,
                  l.detail AS "detail!", l.created_at AS "created_at!", u.username AS "by?",
                  host(l.address) AS address,
                  coalesce(s.username, o.marzban_username, p.name, m.alias) AS subject, s.role AS "subject_role?: Role"
           FROM (
               SELECT id, actor_id, action, subject_type, subject_id, detail, created_at, address
               FROM audit_log
               WHERE ($1::bigint IS NULL OR actor_id = $1 OR (subject_type = 'user' AND subject_id = $1))
                 AND ($2::text[] IS NULL OR split_part(action, '.', 1) = ANY ($2))
                 AND ($3::timestamptz IS NULL OR created_at >= $3)
                 AND ($4::timestamptz IS NULL OR created_at < $4)
                 AND ($5::text IS NULL OR address = ($5::text)::inet)
                 AND ($6::bigint IS NULL OR id < $6)
               ORDER BY id DESC LIMIT $7
           ) l
           LEFT JOIN users u ON u.id = l.actor_id
           LEFT JOIN users s ON l.subject_type = 'user' AND s.id = l.subject_id
           LEFT JOIN orders o ON l.subject_type = 'order' AND o.id = l.subject_id
           LEFT JOIN plans p ON l.subject_type = 'plan' AND p.id = l.subject_id
           LEFT JOIN payment_methods m ON l.subject_type = 'payment_method' AND m.id = l.subject_id
           ORDER BY l.id DESC"#,
        filter.person.map(|id| id.0),
        nouns.as_deref(),
        filter.since,
        filter.until,
        filter.address.map(|address| address.to_string()),
        filter.before,
        limit
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(lines)
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
