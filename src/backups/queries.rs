//! Reads about backups, and of what goes into one.

use sqlx::PgConnection;
use uuid::Uuid;

use super::archive::Manifest;
use crate::{calendar::Time, ids::BackupId};

/// The newest backups on the page; at most a month's.
const SHOWN: i64 = 100;

/// An attempt to make a backup, as the page shows it.
pub struct BackupRow {
    pub id: BackupId,
    pub started_at: Time,
    pub finished_at: Option<Time>,
    pub error: Option<String>,
    /// A name means that it was made.
    pub file_name: Option<String>,
    pub size_bytes: i64,
    pub encrypted: bool,
    pub drilled_at: Option<Time>,
    pub drill_error: Option<String>,
    pub copied_at: Option<Time>,
    /// Endpoint, bucket and prefix.
    pub copied_to: Option<String>,
    pub copy_error: Option<String>,
    /// A job waits to copy it.
    pub copy_waits: bool,
}

/// The newest attempts first.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection) -> sqlx::Result<Vec<BackupRow>> {
    sqlx::query_as!(
        BackupRow,
        r#"SELECT id AS "id: BackupId", started_at, finished_at, error, file_name,
                  coalesce(size_bytes, 0) AS "size_bytes!", encrypted, drilled_at, drill_error,
                  copied_at, copied_to, copy_error,
                  EXISTS (SELECT FROM jobs j WHERE j.unique_key = 'backup-copy:' || b.id AND j.finished_at IS NULL)
                      AS "copy_waits!"
           FROM backups b ORDER BY started_at DESC, id DESC LIMIT $1"#,
        SHOWN
    )
    .fetch_all(conn)
    .await
}

/// The newest backup that is whole and did not fail its rehearsal.
#[derive(Clone, Copy, Debug)]
pub struct LastGood {
    pub id: BackupId,
    /// The instant that it holds.
    pub made_at: Time,
    pub size_bytes: i64,
}

/// The newest good backup, if there is one: its age is for the overview.
///
/// # Errors
/// When the database fails.
pub async fn last_good(conn: &mut PgConnection) -> sqlx::Result<Option<LastGood>> {
    sqlx::query_as!(
        LastGood,
        r#"SELECT id AS "id: BackupId", started_at AS made_at, size_bytes AS "size_bytes!" FROM backups
           WHERE outcome = 'DONE' AND drill_outcome IS DISTINCT FROM 'FAILED'
           ORDER BY started_at DESC, id DESC LIMIT 1"#
    )
    .fetch_optional(conn)
    .await
}

/// The name of a backup's file.
///
/// # Errors
/// When the database fails.
pub async fn file_name(conn: &mut PgConnection, id: BackupId) -> sqlx::Result<Option<String>> {
    let name = sqlx::query_scalar!("SELECT file_name FROM backups WHERE id = $1", id.0);
    Ok(name.fetch_optional(conn).await?.flatten())
}

/// A backup with a file.
pub struct FileRow {
    pub id: BackupId,
    pub file_name: String,
    pub started_at: Time,
    pub encrypted: bool,
    pub is_good: bool,
    /// Off this machine, as far as is known.
    pub is_copied: bool,
}

/// All backups with a file, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn files(conn: &mut PgConnection) -> sqlx::Result<Vec<FileRow>> {
    sqlx::query_as!(
        FileRow,
        r#"SELECT id AS "id: BackupId", file_name AS "file_name!", started_at, encrypted,
                  drill_outcome IS DISTINCT FROM 'FAILED' AS "is_good!", copied_to IS NOT NULL AS "is_copied!"
           FROM backups WHERE file_name IS NOT NULL ORDER BY started_at DESC, id DESC"#
    )
    .fetch_all(conn)
    .await
}

/// A backup that is to be copied.
pub(super) struct CopyRow {
    pub file_name: String,
    pub sha256: Vec<u8>,
    pub copied_to: Option<String>,
    /// The upload that was begun, and what the store calls the parts that it has.
    pub copy_upload: Option<String>,
    pub copy_parts: Vec<String>,
}

/// What copying a backup has to know; `None` when it is gone, or no file was made.
pub(super) async fn to_copy(conn: &mut PgConnection, id: BackupId) -> sqlx::Result<Option<CopyRow>> {
    sqlx::query_as!(
        CopyRow,
        r#"SELECT file_name AS "file_name!", sha256 AS "sha256!", copied_to, copy_upload, copy_parts
           FROM backups WHERE id = $1 AND file_name IS NOT NULL"#,
        id.0
    )
    .fetch_optional(conn)
    .await
}

/// Which of the newest good backups are not in the store of this place, the newest first.
pub(super) async fn uncopied(
    conn: &mut PgConnection,
    place: &str,
    among: i64,
) -> sqlx::Result<Vec<BackupId>> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id!: BackupId" FROM (
               SELECT id, started_at, copied_to FROM backups
               WHERE outcome = 'DONE' AND drill_outcome IS DISTINCT FROM 'FAILED'
               ORDER BY started_at DESC, id DESC LIMIT $2
           ) newest WHERE copied_to IS DISTINCT FROM $1 ORDER BY started_at DESC, id DESC"#,
        place,
        among
    )
    .fetch_all(conn)
    .await
}

/// Which of these files are known to be no good.
pub(super) async fn bad_among(conn: &mut PgConnection, names: &[String]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT file_name AS "file_name!" FROM backups WHERE file_name = ANY ($1) AND drill_outcome = 'FAILED'"#,
        names
    )
    .fetch_all(conn)
    .await
}

/// When the newest backup was made that is in the store of this place.
///
/// # Errors
/// When the database fails.
pub async fn last_copied(conn: &mut PgConnection, place: &str) -> sqlx::Result<Option<Time>> {
    sqlx::query_scalar!("SELECT max(started_at) FROM backups WHERE copied_to = $1", place)
        .fetch_one(conn)
        .await
}

/// What a backup will hold, and the name of the instant for pg_dump.
pub(super) struct Contents {
    pub snapshot: String,
    pub migration: i64,
    pub users: i64,
    pub transactions: i64,
    pub receipts: i64,
    pub receipt_bytes: i64,
    pub database_bytes: i64,
}

impl Contents {
    /// The manifest, its members still to come.
    pub fn manifest(&self, made_at: Time) -> Manifest {
        Manifest::new(made_at, self.migration, self.users, self.transactions, self.receipts)
    }
}

/// Exports the transaction's snapshot and counts what it sees.
pub(super) async fn contents(conn: &mut PgConnection) -> sqlx::Result<Contents> {
    sqlx::query_as!(
        Contents,
        r#"SELECT pg_export_snapshot() AS "snapshot!",
                  (SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success) AS "migration!",
                  (SELECT count(*) FROM users) AS "users!", (SELECT count(*) FROM transactions) AS "transactions!",
                  (SELECT count(*) FROM receipts) AS "receipts!",
                  (SELECT coalesce(sum(size_bytes), 0)::bigint FROM receipts) AS "receipt_bytes!",
                  pg_database_size(current_database()) AS "database_bytes!""#
    )
    .fetch_one(conn)
    .await
}

/// The same counts in a restored database: users, transactions, receipts.
pub(super) async fn counts(conn: &mut PgConnection) -> sqlx::Result<(i64, i64, i64)> {
    let row = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM users) AS "users!", (SELECT count(*) FROM transactions) AS "transactions!",
                  (SELECT count(*) FROM receipts) AS "receipts!""#
    )
    .fetch_one(conn)
    .await?;
    Ok((row.users, row.transactions, row.receipts))
}

/// A receipt whose files go into a backup.
pub(super) struct ReceiptRow {
    pub id: i64,
    pub storage_key: Uuid,
    /// It proves a payment, so it can't have been cleaned away.
    pub is_needed: bool,
}

/// All receipts that the transaction sees.
pub(super) async fn receipts(conn: &mut PgConnection) -> sqlx::Result<Vec<ReceiptRow>> {
    sqlx::query_as!(
        ReceiptRow,
        r#"SELECT r.id, r.storage_key, EXISTS (SELECT FROM payments p WHERE p.receipt_id = r.id) AS "is_needed!"
           FROM receipts r ORDER BY r.id"#
    )
    .fetch_all(conn)
    .await
}
