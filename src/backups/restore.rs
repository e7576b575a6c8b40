//! Restoring: the whole archive is read and found good before anything is touched; then the receipts, whose files
//! hurt nobody, and at last the database in one transaction.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use age::x25519::Identity;
use serde_json::json;
use sqlx::PgConnection;
use time::Duration;
use tokio::task::spawn_blocking;

use super::{
    BackupError, Backups,
    archive::{self, Manifest, Name},
    folder::{self, Unfinished},
    server::Server,
};
use crate::{
    accounts, agents,
    audit::{self, Deed},
    calendar::Time,
    locale::{Language, Tr},
    orders,
    verification::{self, Report},
};

/// After a restore the 24-hour rule waits so long for those who are below zero: what they have paid since the backup must
/// be entered first.
const RESPITE: Duration = Duration::hours(24);
/// So many numbers of orders are left out: those that were given since the backup stand in notes on the server.
const NUMBERS: i64 = 10_000;
/// And so many more for each minute of the backup's age, orders: where it is restored again later, what was sold in
/// between bears other numbers.
const PER_MINUTE: i64 = 10;
/// So long files of receipts stay that no row names: they are all that is left of payments since the backup.
const RECEIPTS_STAY: Duration = Duration::days(30);

/// An archive that was read from beginning to end and is whole.
#[derive(Clone)]
pub struct Inspected {
    pub path: PathBuf,
    pub manifest: Manifest,
    /// There was a checksum beside it, and it agrees.
    pub has_sum: bool,
    identities: Vec<Identity>,
}

/// Reads the whole archive and proves it; touches nothing.
///
/// # Errors
/// When it is damaged, foreign, locked, or of a newer version.
pub async fn inspect(path: &Path, identities: Vec<Identity>) -> Result<Inspected, BackupError> {
    let path = path.to_owned();
    let inspected = spawn_blocking(move || {
        let (_, has_sum) = archive::check_sum(&path)?;
        let manifest = archive::read(&path, &identities, |_, _| Ok(()))?;
        Ok::<_, BackupError>(Inspected { path, manifest, has_sum, identities })
    })
    .await??;
    let known = crate::MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    match inspected.manifest.migration {
        newer if newer > known => Err(BackupError::NewerSchema(newer)),
        _ => Ok(inspected),
    }
}

/// What is in the database that a restore would replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing, or the panel's own tables without anybody in them.
    Empty,
    /// So many people.
    Shop(i64),
    /// So many tables of something else.
    Foreign(i64),
}

/// Looks at the database, and whether a panel works with it.
///
/// # Errors
/// When a panel is connected to it, or the database fails.
pub async fn target(conn: &mut PgConnection) -> Result<Target, BackupError> {
    let seen = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name = 'rad-panel') AS "panels!",
                  to_regclass('public.users') IS NOT NULL AND to_regclass('public.wallets') IS NOT NULL AS "ours!",
                  (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT LIKE 'pg\_%'
                     AND n.nspname <> 'information_schema') AS "tables!""#
    )
    .fetch_one(&mut *conn)
    .await?;
    if seen.panels > 0 {
        return Err(BackupError::PanelRuns);
    }
    if !seen.ours {
        return Ok(if seen.tables == 0 { Target::Empty } else { Target::Foreign(seen.tables) });
    }
    // Not checked when built: the table need not be there.
    let people: i64 = sqlx::query_scalar("SELECT count(*) FROM public.users").fetch_one(conn).await?;
    Ok(if people == 0 { Target::Empty } else { Target::Shop(people) })
}

/// Puts the archive in the place of all that is in the database, and its receipts into their folder; brings the
/// schema up to date, ends all sign-ins, and proves the whole. A failure before the end of the database's one
/// transaction leaves the database as it was.
///
/// # Errors
/// When the database is in use, or not empty without `force`; or the first failure.
pub async fn restore(
    backups: &Backups,
    inspected: &Inspected,
    force: bool,
    now: Time,
) -> Result<Report, BackupError> {
    let mut conn = backups.db.acquire().await?;
    if target(&mut conn).await? != Target::Empty && !force {
        return Err(BackupError::NotEmpty);
    }
    let server = Server::find(&mut conn, &backups.db.connect_options()).await?;
    let folder = &backups.config.folder;
    let dump = folder::make(folder).and_then(|()| Unfinished::empty(folder, "restore"));
    let dump = dump.map_err(BackupError::folder(folder))?;
    unpack(backups, inspected, dump.path()).await?;
    server.list(dump.path()).await?;
    server.replace(dump.path()).await?;
    // Its prepared statements are about tables that are gone.
    conn.close().await?;
    crate::MIGRATOR.run(&backups.db).await?;
    let mut tx = backups.db.begin().await?;
    accounts::end_all_sign_ins(&mut tx, now).await?;
    let reason = Tr::new(Language::Fa).backups_respite();
    let put_off = agents::put_off_all(&mut tx, now + RESPITE, &reason).await?;
    let age = (now - inspected.manifest.made_at).whole_minutes().max(0);
    orders::leave_out_numbers(&mut tx, NUMBERS + age * PER_MINUTE).await?;
    let made_at = inspected.manifest.made_at.unix_timestamp();
    let deed = Deed {
        actor: None,
        action: "backup.restore",
        subject_type: "backup",
        subject_id: None,
        detail: json!({ "file": inspected.path.file_name().map(|name| name.to_string_lossy()), "made_at": made_at, "put_off": put_off }),
        address: None,
    };
    audit::record(&mut tx, &deed, now).await?;
    tx.commit().await?;
    Ok(verification::of_all(&mut *backups.db.acquire().await?, &backups.receipts).await?)
}

/// Whether a backup was restored so lately that what no row names may still be needed.
///
/// # Errors
/// When the database fails.
pub async fn was_restored_lately(conn: &mut PgConnection, now: Time) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM audit_log WHERE action = 'backup.restore' AND created_at > $1) AS "is!""#,
        now - RECEIPTS_STAY
    )
    .fetch_one(conn)
    .await
}

/// The dump to a file of its own, the receipts to their folder.
async fn unpack(backups: &Backups, inspected: &Inspected, dump: &Path) -> Result<(), BackupError> {
    let (store, inspected, dump) = (backups.receipts.clone(), inspected.clone(), dump.to_owned());
    spawn_blocking(move || {
        archive::read(&inspected.path, &inspected.identities, |name, content| match name {
            Name::Dump => io::copy(content, &mut File::create(&dump)?).map(|_| ()),
            Name::Receipt(key, variant) => {
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes)?;
                store.put_back(key, variant, &bytes)
            }
        })
    })
    .await??;
    Ok(())
}
