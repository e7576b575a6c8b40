//! Which backups are kept: the newest good ones always, the others for as long as the settings say.

use std::{collections::BTreeSet, path::Path};

use sqlx::PgConnection;

use super::{
    BackupError, Backups, KEPT_AT_LEAST,
    archive::{self, sum_file},
    folder, queries,
};
use crate::calendar::Time;

/// Removes what is older than the settings say, but never one of the newest good ones; takes in what lies in the
/// folder without a row, as after a restore. Returns how many files went.
///
/// # Errors
/// When the database or the folder fails.
pub async fn prune(backups: &Backups, now: Time) -> Result<usize, BackupError> {
    let mut conn = backups.db.acquire().await?;
    let folder = &backups.config.folder;
    adopt(&mut conn, folder).await?;
    let oldest = now - time::Duration::days(i64::from(backups.config.keep_days));
    let (mut good, mut removed) = (0, 0);
    for row in queries::files(&mut conn).await? {
        let path = folder.join(&row.file_name);
        let is_there = path.is_file();
        if row.is_good && is_there {
            good += 1;
        }
        if row.started_at >= oldest || (row.is_good && is_there && good <= KEPT_AT_LEAST) {
            continue;
        }
        archive::remove(&path)
            .and_then(|()| archive::remove(&sum_file(&path)))
            .map_err(BackupError::folder(folder))?;
        removed += usize::from(is_there);
        // That it is no good is known from its row alone: until the store has let go of it too.
        if row.is_good || !row.is_copied {
            sqlx::query!("DELETE FROM backups WHERE id = $1", row.id.0).execute(&mut *conn).await?;
        }
    }
    sqlx::query!("DELETE FROM backups WHERE outcome = 'FAILED' AND started_at < $1", oldest)
        .execute(&mut *conn)
        .await?;
    Ok(removed)
}

async fn adopt(conn: &mut PgConnection, folder: &Path) -> Result<(), BackupError> {
    let known: BTreeSet<String> = queries::files(conn).await?.into_iter().map(|row| row.file_name).collect();
    for found in folder::unknown(folder, &known).map_err(BackupError::folder(folder))? {
        sqlx::query!(
            "INSERT INTO backups (started_at, finished_at, outcome, file_name, size_bytes, sha256, encrypted,
                                  verified_at)
             VALUES ($1, $1, 'DONE', $2, $3, $4, $5, $1) ON CONFLICT DO NOTHING",
            found.made_at,
            found.name,
            i64::try_from(found.size).unwrap_or(i64::MAX),
            found.sha256,
            found.encrypted
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}
