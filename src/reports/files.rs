//! The files of exports: in a folder beside the receipts, whole or not there, readable by this program only.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use futures_util::{Stream, stream};
use tokio::io::AsyncReadExt as _;
use uuid::Uuid;

use crate::receipts;

/// What is read from the disk at once, bytes.
const CHUNK: usize = 64 * 1024;

/// The folder of the exports.
#[derive(Clone, Debug)]
pub struct Files(PathBuf);

impl Files {
    /// The folder beside these receipts, which all instances of the panel share.
    pub fn beside(receipts: &receipts::Store) -> Self {
        Self(receipts.folder().join("exports"))
    }

    /// Makes the folder for this user only, where it is not there yet.
    pub fn folder(&self) -> io::Result<&Path> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        Ok(&self.0)
    }

    fn path(&self, key: Uuid) -> PathBuf {
        self.0.join(key.simple().to_string())
    }

    /// Where one attempt writes; another attempt, perhaps still running elsewhere, has its own.
    fn unfinished(&self, key: Uuid, attempt: i32) -> PathBuf {
        self.path(key).with_extension(format!("unfinished-{attempt}"))
    }

    /// Begins the file of this attempt.
    pub fn create(&self, key: Uuid, attempt: i32) -> io::Result<File> {
        self.folder()?;
        let path = self.unfinished(key, attempt);
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
    }

    /// Puts the finished file of this attempt in its place. Returns its size in bytes.
    pub fn keep(&self, key: Uuid, attempt: i32, file: &File) -> io::Result<u64> {
        file.sync_all()?;
        fs::rename(self.unfinished(key, attempt), self.path(key))?;
        Ok(file.metadata()?.len())
    }

    /// Throws away what this attempt wrote.
    pub fn drop_attempt(&self, key: Uuid, attempt: i32) {
        // Best effort: what stays is found by the cleaning.
        let _ = fs::remove_file(self.unfinished(key, attempt));
    }

    /// The content in pieces, and its size in bytes; `None` when there is no file.
    pub async fn open(
        &self,
        key: Uuid,
    ) -> io::Result<Option<(u64, impl Stream<Item = io::Result<Vec<u8>>> + Send + 'static)>> {
        let file = match tokio::fs::File::open(self.path(key)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let size = file.metadata().await?.len();
        let pieces = stream::try_unfold(file, |mut file| async move {
            let mut piece = vec![0; CHUNK];
            let read = file.read(&mut piece).await?;
            piece.truncate(read);
            Ok((read > 0).then_some((piece, file)))
        });
        Ok(Some((size, pieces)))
    }

    /// Removes the file with this key, finished or not.
    pub fn remove(&self, key: Uuid) -> io::Result<()> {
        let name = key.simple().to_string();
        for path in self.all()?.into_iter().filter(|path| named(path).is_some_and(|found| found == name)) {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The keys of all files that are there.
    pub fn keys(&self) -> io::Result<Vec<Uuid>> {
        let mut keys: Vec<Uuid> = self.all()?.iter().filter_map(|path| named(path)?.parse().ok()).collect();
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    fn all(&self) -> io::Result<Vec<PathBuf>> {
        match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            entries => entries?.map(|entry| Ok(entry?.path())).collect(),
        }
    }
}

/// The key that a file is named after.
fn named(path: &Path) -> Option<&str> {
    path.file_stem()?.to_str()
}
