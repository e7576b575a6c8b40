//! Files without a row: what a crash between the file and its row leaves.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use sqlx::PgConnection;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{ReceiptError, Store};
use crate::calendar::Time;

/// So many rows are asked for at once.
const PORTION: usize = 500;

impl Store {
    /// Removes the files from before `older_than` that no row names; returns how many. A younger file may belong to
    /// a row that is being written, and what doesn't bear the name of a receipt is not ours to remove.
    ///
    /// # Errors
    /// When the folder can't be read or written, or the database fails.
    pub async fn remove_strays(
        &self,
        conn: &mut PgConnection,
        older_than: Time,
    ) -> Result<usize, ReceiptError> {
        let folder = self.folder().to_owned();
        let old =
            spawn_blocking(move || old_files(&folder, older_than)).await.map_err(io::Error::other)??;
        let mut removed = 0;
        for portion in old.chunks(PORTION) {
            let keys: Vec<Uuid> = portion.iter().map(|(key, _)| *key).collect();
            let named =
                sqlx::query_scalar!("SELECT storage_key FROM receipts WHERE storage_key = ANY($1)", &keys)
                    .fetch_all(&mut *conn)
                    .await?;
            let named: HashSet<Uuid> = named.into_iter().collect();
            for (_, path) in portion.iter().filter(|(key, _)| !named.contains(key)) {
                match tokio::fs::remove_file(path).await {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                    _ => removed += 1,
                }
            }
        }
        Ok(removed)
    }
}

/// The files with the name of a receipt that were last written before `older_than`.
fn old_files(folder: &Path, older_than: Time) -> io::Result<Vec<(Uuid, PathBuf)>> {
    let mut old = Vec::new();
    for drawer in fs::read_dir(folder)? {
        let drawer = drawer?;
        if drawer.file_name().len() != 2 || !drawer.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(drawer.path())? {
            let file = file?;
            let Some(key) = key_of(&file.path()) else { continue };
            let about = file.metadata()?;
            if about.is_file() && Time::from(about.modified()?) < older_than {
                old.push((key, file.path()));
            }
        }
    }
    Ok(old)
}

/// The key in a file's name: 32 digits, and perhaps the ending of a thumbnail or of one that was never finished.
fn key_of(path: &Path) -> Option<Uuid> {
    let ending = path.extension().map(|ending| ending.to_str());
    if !matches!(ending, None | Some(Some("thumbnail" | "unfinished"))) {
        return None;
    }
    let stem = path.file_stem()?.to_str()?;
    let drawer = path.parent()?.file_name()?.to_str()?;
    (stem.len() == 32 && stem.starts_with(drawer)).then(|| Uuid::try_parse(stem).ok())?
}
