//! The files of receipts: whole or not there, readable by this program only, in folders by the first two
//! letters of their key.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use sqlx::PgConnection;
use tokio::{sync::Semaphore, task::spawn_blocking};
use uuid::Uuid;

use super::{Prepared, ReceiptError, Variant, content};
use crate::{
    calendar::Time,
    ids::{ReceiptId, UserId},
};

/// A large photo takes hundreds of megabytes while it is decoded: one at a time, or the panel outgrows its container.
const DECODED_AT_ONCE: usize = 1;
/// How many receipts without a payment are kept per person.
const UNUSED: i64 = 10;

/// The folder of receipts; clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    folder: Arc<Path>,
    decoders: Arc<Semaphore>,
}

impl Store {
    /// Opens the folder, or makes it for this user only.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Self, ReceiptError> {
        let folder: Arc<Path> = folder.into().into();
        make_folder(&folder)?;
        Ok(Self { folder, decoders: Arc::new(Semaphore::new(DECODED_AT_ONCE)) })
    }

    /// The folder, which all instances of the panel share.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether receipts can be stored: writes a file and takes it away again.
    ///
    /// # Errors
    /// When it can't be written, as on a full disk.
    pub async fn try_out(&self) -> io::Result<()> {
        let path = self.folder.join(format!(".try-{}", Uuid::new_v4().simple()));
        let tried = spawn_blocking(move || {
            let written = write_synced(&path, b"RAD");
            // Also what was begun and could not be finished.
            let removed = fs::remove_file(&path);
            written.and(removed)
        });
        tried.await.map_err(io::Error::other)?
    }

    /// Checks an upload and makes what will be stored of it: off the async threads, two at once.
    pub async fn prepare(&self, upload: Vec<u8>) -> Result<Prepared, ReceiptError> {
        // The semaphore is never closed; without it the work would only be unbounded.
        let permit = Arc::clone(&self.decoders).acquire_owned().await.ok();
        let work = spawn_blocking(move || {
            let prepared = content::prepare(&upload);
            drop(permit);
            prepared
        });
        // Decoders panic on some malicious files.
        work.await.unwrap_or(Err(ReceiptError::Broken))
    }

    /// Writes the files, then the row in the caller's transaction.
    pub async fn save(
        &self,
        conn: &mut PgConnection,
        prepared: Prepared,
        user: UserId,
        now: Time,
    ) -> Result<ReceiptId, ReceiptError> {
        let key = Uuid::new_v4();
        let prepared = self.write_files(key, prepared).await?;
        let (width, height) = prepared.dimensions.unzip();
        let inserted = sqlx::query_scalar!(
            r#"
            INSERT INTO receipts
                (storage_key, uploaded_by, content_type, size_bytes, width, height, sha256, perceptual_hash, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            RETURNING id AS "id: ReceiptId"
            "#,
            key,
            user.0,
            prepared.content_type.mime(),
            prepared.bytes.len() as i64,
            // An image's sides are at most 2000.
            width.map(|w| w as i32),
            height.map(|h| h as i32),
            prepared.sha256.as_slice(),
            prepared.perceptual_hash,
            now,
        )
        .fetch_one(conn)
        .await;
        match inserted {
            Ok(id) => Ok(id),
            Err(error) => {
                self.discard(&[key]).await?;
                Err(error.into())
            }
        }
    }

    /// Forgets all but the newest [`UNUSED`] receipts of this person that no payment refers to: a form sent wrongly
    /// again and again must not fill the disk. Returns the keys, for [`Store::discard`] after the commit.
    pub async fn remove_surplus(
        &self,
        conn: &mut PgConnection,
        user: UserId,
    ) -> Result<Vec<Uuid>, ReceiptError> {
        let keys = sqlx::query_scalar!(
            "DELETE FROM receipts WHERE uploaded_by = $1 AND id IN (
                 SELECT id FROM (
                     SELECT r.id, row_number() OVER (ORDER BY r.id DESC) AS place FROM receipts r
                     WHERE r.uploaded_by = $1 AND NOT EXISTS (SELECT FROM payments p WHERE p.receipt_id = r.id)
                 ) unused WHERE place > $2
             )
             RETURNING storage_key",
            user.0,
            UNUSED,
        )
        .fetch_all(conn)
        .await?;
        Ok(keys)
    }

    /// The bytes of a stored file, or nothing if there is none: a PDF has no thumbnail.
    pub async fn open(&self, key: Uuid, variant: Variant) -> Result<Option<Vec<u8>>, ReceiptError> {
        match tokio::fs::read(self.path(key, variant)).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets the receipts from before `older_than` that no payment refers to, such as those of a form that
    /// was never sent again. Hand the keys to [`Store::discard`] once the transaction is committed: a row
    /// without its file would be worse than a file without its row.
    pub async fn remove_orphans(
        &self,
        conn: &mut PgConnection,
        older_than: Time,
    ) -> Result<Vec<Uuid>, ReceiptError> {
        let keys = sqlx::query_scalar!(
            "DELETE FROM receipts r
             WHERE r.created_at < $1 AND NOT EXISTS (SELECT FROM payments p WHERE p.receipt_id = r.id)
             RETURNING r.storage_key",
            older_than,
        )
        .fetch_all(conn)
        .await?;
        Ok(keys)
    }

    /// Removes the files of receipts whose rows are gone.
    pub async fn discard(&self, keys: &[Uuid]) -> Result<(), ReceiptError> {
        for key in keys {
            for variant in [Variant::Full, Variant::Thumbnail] {
                match tokio::fs::remove_file(self.path(*key, variant)).await {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    async fn write_files(&self, key: Uuid, prepared: Prepared) -> Result<Prepared, ReceiptError> {
        let full = self.path(key, Variant::Full);
        let thumbnail = self.path(key, Variant::Thumbnail);
        let work = spawn_blocking(move || {
            let written = match &prepared.thumbnail {
                Some(bytes) => {
                    write_whole(&thumbnail, bytes).and_then(|()| write_whole(&full, &prepared.bytes))
                }
                None => write_whole(&full, &prepared.bytes),
            };
            if written.is_err() {
                // Best effort: the disk is in trouble already, and the first cause is the one to tell.
                let _ = (fs::remove_file(&thumbnail), fs::remove_file(&full));
            }
            written.map(|()| prepared)
        });
        work.await.map_err(io::Error::other)?.map_err(ReceiptError::from)
    }

    /// Puts a file of a backup back in its place, whole; blocks.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_back(&self, key: Uuid, variant: Variant, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(key, variant);
        // An earlier restore may have been killed in the middle of this file.
        match fs::remove_file(unfinished(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => write_whole(&path, bytes),
        }
    }

    /// Where a file lies, or would lie.
    pub fn path(&self, key: Uuid, variant: Variant) -> PathBuf {
        let name = key.simple().to_string();
        let path = self.folder.join(&name[..2]).join(name);
        match variant {
            Variant::Full => path,
            Variant::Thumbnail => path.with_extension("thumbnail"),
        }
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The name of a file while it is written.
fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("unfinished")
}

/// After a crash or a full disk the file is there as a whole, or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    make_folder(folder)?;
    let unfinished = unfinished(path);
    let written = write_synced(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // Best effort, as above.
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    File::open(folder)?.sync_all()
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
