//! Exports as their owner follows them.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{calendar::Time, ids::UserId, reports::ExportStatus};

/// An export.
#[derive(Clone, Debug)]
pub struct Export {
    pub id: i64,
    pub description: String,
    pub file_key: Uuid,
    pub file_name: String,
    pub status: ExportStatus,
    pub rows_total: i64,
    pub rows_done: i64,
    pub size_bytes: Option<i64>,
    pub created_at: Time,
    pub expires_at: Time,
}

/// The export with this number, if it is this person's and still kept.
///
/// # Errors
/// When the database fails.
pub async fn export(
    conn: &mut PgConnection,
    id: i64,
    owner: UserId,
    now: Time,
) -> sqlx::Result<Option<Export>> {
    sqlx::query_as!(
        Export,
        r#"SELECT id, description, file_key, file_name, status AS "status: ExportStatus", rows_total, rows_done,
                  size_bytes, created_at, expires_at
           FROM exports WHERE id = $1 AND owner_id = $2 AND expires_at > $3"#,
        id,
        owner.0,
        now
    )
    .fetch_optional(conn)
    .await
}

/// The latest exports of this person that are still kept.
///
/// # Errors
/// When the database fails.
pub async fn exports_of(
    conn: &mut PgConnection,
    owner: UserId,
    now: Time,
    limit: i64,
) -> sqlx::Result<Vec<Export>> {
    sqlx::query_as!(
        Export,
        r#"SELECT id, description, file_key, file_name, status AS "status: ExportStatus", rows_total, rows_done,
                  size_bytes, created_at, expires_at
           FROM exports WHERE owner_id = $1 AND expires_at > $2 ORDER BY id DESC LIMIT $3"#,
        owner.0,
        now,
        limit
    )
    .fetch_all(conn)
    .await
}
