//! The rehearsal: a backup restored into a scratch database, and proved there.

use std::{collections::BTreeSet, fs::File, io, path::Path};

use sqlx::{PgConnection, PgPool, postgres::PgPoolOptions};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{
    BackupError, Backups,
    archive::{self, Manifest, Name},
    folder::Unfinished,
    queries,
    server::Server,
    service::{self, receipt_keys},
};
use crate::{calendar::Clock, ids::BackupId, verification};

/// Rehearses the restore of the newest backup, or of a new one where only its owner could open the newest.
/// `None` when there is no backup yet.
///
/// # Errors
/// The failure, which is then also in the backup's row.
pub async fn drill(backups: &Backups, clock: &Clock) -> Result<Option<BackupId>, BackupError> {
    if !backups.config.recipients.is_empty() {
        return service::create(backups, clock, true).await.map(|made| Some(made.id));
    }
    let mut conn = backups.db.acquire().await?;
    let rows = queries::files(&mut conn).await?;
    let Some(newest) = newest_openable(&backups.config.folder, rows) else { return Ok(None) };
    let result = of_file(backups, &mut conn, &newest.file_name).await;
    let error = result.as_ref().err().map(ToString::to_string);
    service::record_drill(&mut conn, newest.id, error.as_deref(), clock.now()).await?;
    result.map(|()| Some(newest.id))
}

fn newest_openable(folder: &Path, rows: Vec<queries::FileRow>) -> Option<queries::FileRow> {
    rows.into_iter().find(|row| !row.encrypted && folder.join(&row.file_name).is_file())
}

async fn of_file(backups: &Backups, conn: &mut PgConnection, name: &str) -> Result<(), BackupError> {
    let folder = &backups.config.folder;
    let dump = Unfinished::empty(folder, "drill").map_err(BackupError::folder(folder))?;
    let (path, to) = (folder.join(name), dump.path().to_owned());
    let manifest = spawn_blocking(move || {
        archive::check_sum(&path)?;
        archive::read(&path, &[], |name, content| match name {
            Name::Dump => io::copy(content, &mut File::create(&to)?).map(|_| ()),
            Name::Receipt(..) => Ok(()),
        })
    })
    .await??;
    let server = Server::find(conn, &backups.db.connect_options()).await?;
    let receipts = receipt_keys(manifest.members.iter().filter_map(|member| member.name.parse().ok()));
    rehearse(backups, &server, dump.path(), &manifest, &receipts).await
}

/// Restores the dump into a scratch database on the same server, brings it up to date, proves it, compares it with
/// the manifest and with the receipts at hand, and removes it again.
pub(super) async fn rehearse(
    backups: &Backups,
    server: &Server,
    dump: &Path,
    manifest: &Manifest,
    receipts: &BTreeSet<Uuid>,
) -> Result<(), BackupError> {
    let prefix = scratch_prefix(&backups.db).await?;
    drop_scratch(&backups.db, &prefix).await?;
    // It grows as large as the one that works, most often on the same disk.
    let size = sqlx::query_scalar!(r#"SELECT pg_database_size(current_database()) AS "size!""#);
    backups.check_space(size.fetch_one(&backups.db).await?)?;
    let name = format!("{prefix}{}", &Uuid::new_v4().simple().to_string()[..8]);
    sqlx::query(&format!("CREATE DATABASE \"{name}\" TEMPLATE template0")).execute(&backups.db).await?;
    let result = prove(&server.database(&name), dump, manifest, receipts).await;
    let dropped = drop_scratch(&backups.db, &prefix).await;
    result?;
    Ok(dropped?)
}

/// So begin the names of this database's scratch databases, and no other's.
async fn scratch_prefix(db: &PgPool) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        r#"SELECT 'rad_drill_' || oid || '_' AS "prefix!" FROM pg_database WHERE datname = current_database()"#
    )
    .fetch_one(db)
    .await
}

/// Removes the scratch database, and what a killed run left.
async fn drop_scratch(db: &PgPool, prefix: &str) -> sqlx::Result<()> {
    let left = sqlx::query_scalar!(
        r#"SELECT datname::text AS "name!" FROM pg_database WHERE starts_with(datname::text, $1)"#,
        prefix
    )
    .fetch_all(db)
    .await?;
    for name in left {
        sqlx::query(&format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")).execute(db).await?;
    }
    Ok(())
}

async fn prove(
    scratch: &Server,
    dump: &Path,
    manifest: &Manifest,
    receipts: &BTreeSet<Uuid>,
) -> Result<(), BackupError> {
    scratch.restore(dump).await?;
    let pool = PgPoolOptions::new().max_connections(1).connect_with(scratch.options().clone()).await?;
    crate::MIGRATOR.run(&pool).await?;
    let mut conn = pool.acquire().await?;
    let (users, transactions, rows) = queries::counts(&mut conn).await?;
    if (users, transactions, rows) != (manifest.users, manifest.transactions, manifest.receipts) {
        let found = format!("{users} users, {transactions} transactions, {rows} receipts");
        return Err(BackupError::Differs(found));
    }
    let report = verification::of_rows(&mut conn).await?;
    if !report.is_clean() {
        return Err(BackupError::Differs(report.summary()));
    }
    let mut last = 0;
    loop {
        let needed = verification::needed_receipts(&mut conn, last).await?;
        let Some(end) = needed.last() else { break };
        last = end.id;
        if let Some(missing) = needed.iter().find(|receipt| !receipts.contains(&receipt.storage_key)) {
            return Err(BackupError::Differs(format!("the file of receipt {} is not in it", missing.id)));
        }
    }
    drop(conn);
    pool.close().await;
    Ok(())
}
