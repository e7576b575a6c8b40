//! Making a backup: one instant, one file, one row.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{
    BackupError, Backups,
    archive::{self, ArchiveError, Manifest, Name, hexadecimal, sum_file},
    copying, drill, folder,
    folder::Unfinished,
    keeping, queries,
    server::Server,
};
use crate::{
    audit::Actor,
    calendar::{Clock, Time},
    ids::BackupId,
    jobs::schedule::{self, Task},
    receipts::Variant,
};

/// The number of the lock that whoever makes a backup holds.
const LOCK: i64 = 0x5241_445f_4241_434b;

/// A backup that was made and is good.
#[derive(Clone, Debug)]
pub struct Made {
    pub id: BackupId,
    pub file: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Receipts in it.
    pub receipts: i64,
}

/// Asks for a backup now. `false` when one is under way already.
///
/// # Errors
/// When the database fails.
pub async fn ask_for(db: &PgPool, admin: Actor, now: Time) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    if !schedule::ask_for(&mut tx, Task::Backup, admin.user, now).await? {
        return Ok(false);
    }
    let task = json!({ "task": Task::Backup.code() });
    admin.record(&mut tx, "task.run", ("task", None), task, now).await?;
    tx.commit().await?;
    Ok(true)
}

/// Removes what is kept no longer, makes a backup, and reads it again. With `rehearse` its dump is restored into a
/// scratch database before it is put away, for archives that the panel itself can't open.
///
/// # Errors
/// The failure, which is then also in the backup's row; no file is left.
pub async fn create(backups: &Backups, clock: &Clock, rehearse: bool) -> Result<Made, BackupError> {
    let mut snapshot = backups.db.begin().await?;
    // Everything below sees the same instant, and so does pg_dump.
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *snapshot).await?;
    let locked = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "locked!""#, LOCK);
    if !locked.fetch_one(&mut *snapshot).await? {
        return Err(BackupError::UnderWay);
    }
    let now = clock.now();
    let mut conn = backups.db.acquire().await?;
    let id = begin(&mut conn, now).await?;
    let making = Making { backups, now, rehearse };
    let made = making.run(&mut snapshot).await;
    let written = match &made {
        Ok(file) => finish(backups, id, file, clock.now()).await,
        Err(error) => fail(&mut conn, id, &error.to_string(), clock.now()).await,
    };
    snapshot.rollback().await?;
    let file = made?;
    written?;
    Ok(Made { id, file: backups.config.folder.join(&file.name), size: file.size, receipts: file.receipts })
}

/// A new row; whoever holds the lock knows that an older one without end was cut off.
async fn begin(conn: &mut PgConnection, now: Time) -> sqlx::Result<BackupId> {
    sqlx::query!(
        "UPDATE backups SET finished_at = $1, outcome = 'FAILED', error = 'cut off before its end'
         WHERE outcome IS NULL",
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query_scalar!(r#"INSERT INTO backups (started_at) VALUES ($1) RETURNING id AS "id: BackupId""#, now)
        .fetch_one(conn)
        .await
}

/// The backup is made; where a store is set up, its copy is asked for in the same transaction.
async fn finish(backups: &Backups, id: BackupId, file: &MadeFile, now: Time) -> sqlx::Result<()> {
    let mut tx = backups.db.begin().await?;
    sqlx::query!(
        "UPDATE backups SET finished_at = $2, outcome = 'DONE', file_name = $3, size_bytes = $4, sha256 = $5,
                encrypted = $6, verified_at = $2, drilled_at = CASE WHEN $7 THEN $2::timestamptz END,
                drill_outcome = CASE WHEN $7 THEN 'DONE' END
         WHERE id = $1",
        id.0,
        now,
        file.name,
        i64::try_from(file.size).unwrap_or(i64::MAX),
        file.sha256.as_slice(),
        file.encrypted,
        file.rehearsed
    )
    .execute(&mut *tx)
    .await?;
    if backups.config.offsite.is_some() {
        copying::ask_for(&mut tx, id, now).await?;
    }
    tx.commit().await
}

async fn fail(conn: &mut PgConnection, id: BackupId, error: &str, now: Time) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE backups SET finished_at = $2, outcome = 'FAILED', error = $3 WHERE id = $1",
        id.0,
        now,
        error
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct MadeFile {
    name: String,
    size: u64,
    sha256: [u8; 32],
    receipts: i64,
    encrypted: bool,
    rehearsed: bool,
}

struct Making<'a> {
    backups: &'a Backups,
    now: Time,
    rehearse: bool,
}

impl Making<'_> {
    async fn run(&self, snapshot: &mut PgConnection) -> Result<MadeFile, BackupError> {
        let Backups { db, config, .. } = self.backups;
        let folder = &config.folder;
        folder::make(folder)
            .and_then(|()| folder::tidy(folder, self.now))
            .map_err(BackupError::folder(folder))?;
        // First, for it may be what takes the room that is needed.
        if let Err(error) = keeping::prune(self.backups, self.now).await {
            tracing::warn!(%error, "old backups could not be removed");
        }
        let contents = queries::contents(snapshot).await?;
        self.check_space(contents.database_bytes + contents.receipt_bytes).await?;
        let server = Server::find(snapshot, &db.connect_options()).await?;
        let dump = Unfinished::empty(folder, "dump").map_err(BackupError::folder(folder))?;
        server.dump(&contents.snapshot, dump.path()).await?;
        server.list(dump.path()).await?;
        let files = self.files(snapshot, dump.path()).await?;
        let manifest = contents.manifest(self.now);
        if self.rehearse {
            let receipts = receipt_keys(files.iter().map(|(name, _)| *name));
            drill::rehearse(self.backups, &server, dump.path(), &manifest, &receipts).await?;
        }
        let (config, receipts) = (Arc::clone(config), manifest.receipts);
        let name = folder::name(self.now, !config.recipients.is_empty());
        let encrypted = !config.recipients.is_empty();
        let put_away = {
            let name = name.clone();
            move || put_away(&config.folder, &name, &config.recipients, manifest, &files)
        };
        let (size, sha256) = spawn_blocking(put_away).await??;
        Ok(MadeFile { name, size, sha256, receipts, encrypted, rehearsed: self.rehearse })
    }

    /// Twice the last good backup: its dump lies beside the archive for a while. Without one, the database and the
    /// receipts as they are.
    async fn check_space(&self, all_bytes: i64) -> Result<(), BackupError> {
        let last = queries::last_good(&mut *self.backups.db.acquire().await?).await?;
        let needed = last.map_or(all_bytes, |last| last.size_bytes.saturating_mul(2));
        self.backups.check_space(needed)
    }

    /// What goes into the archive: the dump, and the files of all receipts that the dump's rows name. A receipt
    /// that no payment refers to may be cleaned away meanwhile.
    async fn files(
        &self,
        snapshot: &mut PgConnection,
        dump: &Path,
    ) -> Result<Vec<(Name, PathBuf)>, BackupError> {
        let rows = queries::receipts(snapshot).await?;
        let store = self.backups.receipts.clone();
        let dump = (Name::Dump, dump.to_owned());
        spawn_blocking(move || {
            let mut files = vec![dump];
            for row in rows {
                let file = |variant| {
                    let path = store.path(row.storage_key, variant);
                    path.is_file().then_some((Name::Receipt(row.storage_key, variant), path))
                };
                let full = file(Variant::Full);
                if full.is_none() && row.is_needed {
                    let file = row.storage_key.simple().to_string();
                    return Err(BackupError::MissingReceipt { receipt: row.id, file });
                }
                files.extend(full.into_iter().chain(file(Variant::Thumbnail)));
            }
            Ok(files)
        })
        .await?
    }
}

/// Writes the archive, reads it again, and only then gives it its name.
fn put_away(
    folder: &Path,
    name: &str,
    recipients: &[age::x25519::Recipient],
    mut manifest: Manifest,
    files: &[(Name, PathBuf)],
) -> Result<(u64, [u8; 32]), BackupError> {
    let target = folder.join(name);
    if target.exists() {
        return Err(BackupError::folder(folder)(io::ErrorKind::AlreadyExists.into()));
    }
    let unfinished = Unfinished::new(folder, "tar");
    let (size, sha256) = archive::write(unfinished.path(), recipients, &mut manifest, files)?;
    let (read, _) = archive::check_sum(unfinished.path())?;
    if read != sha256 {
        return Err(ArchiveError::Damaged(name.to_owned()).into());
    }
    // What is encrypted can be opened by its owner only; that the bytes are the ones written is all to be seen.
    if recipients.is_empty() {
        archive::read(unfinished.path(), &[], |_, _| Ok(()))?;
    }
    let put = || {
        let sum = Unfinished::new(folder, "sha256");
        fs::write(sum.path(), format!("{}  {name}\n", hexadecimal(&sha256)))?;
        fs::File::open(sum.path())?.sync_all()?;
        fs::rename(sum.path(), sum_file(&target))?;
        fs::rename(unfinished.path(), &target)?;
        archive::sync_folder(folder)
    };
    put().map_err(BackupError::folder(folder))?;
    Ok((size, sha256))
}

/// Writes down how a rehearsal of this backup went.
pub(super) async fn record_drill(
    conn: &mut PgConnection,
    id: BackupId,
    error: Option<&str>,
    now: Time,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE backups SET drilled_at = $2, drill_error = $3,
                drill_outcome = CASE WHEN $3::text IS NULL THEN 'DONE' ELSE 'FAILED' END
         WHERE id = $1",
        id.0,
        now,
        error
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The keys of the receipts among an archive's members.
pub(super) fn receipt_keys(names: impl Iterator<Item = Name>) -> BTreeSet<Uuid> {
    let full = |name| match name {
        Name::Receipt(key, Variant::Full) => Some(key),
        _ => None,
    };
    names.filter_map(full).collect()
}
