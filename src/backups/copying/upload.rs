//! Sending one file in parts, and asking the store whether all of it is there.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use md5::Md5;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use tokio::task::spawn_blocking;

use super::CopyError;
use crate::{
    backups::{
        archive::hexadecimal,
        offsite::{Store, StoreError, part_size},
        queries::CopyRow,
    },
    ids::BackupId,
};

/// What the file is, read once from beginning to end.
struct Whole {
    size: u64,
    sha256: [u8; 32],
    /// What a store that counts so calls an object of these parts: the MD5 of their MD5s.
    e_tag: String,
}

pub(super) struct Copying<'a> {
    pub db: &'a PgPool,
    pub folder: &'a Path,
    pub store: &'a Store,
    pub id: BackupId,
}

impl Copying<'_> {
    pub async fn run(&self, row: CopyRow) -> Result<(), CopyError> {
        let name = row.file_name.as_str();
        let path = self.folder.join(name);
        if !path.is_file() {
            return Err(CopyError::NoFile(name.to_owned()));
        }
        let whole = {
            let path = path.clone();
            spawn_blocking(move || read(&path)).await??
        };
        if whole.sha256.as_slice() != row.sha256 {
            return Err(CopyError::Damaged(name.to_owned()));
        }
        // The answer to the last request of an earlier attempt may have been lost. Listing also says in words what is
        // wrong with the bucket or the key.
        let is_known = self.store.list().await?.iter().any(|one| one.name == name);
        if is_known && self.is_there(name, &whole).await? {
            return Ok(());
        }
        let begun = row.copy_upload.map(|upload| (upload, row.copy_parts));
        let is_old = begun.is_some();
        match self.upload(&path, name, &whole, begun).await {
            // The store forgets what was begun and not ended: from the beginning, then.
            Err(CopyError::Store(StoreError::NoUpload)) if is_old => {
                self.upload(&path, name, &whole, None).await?;
            }
            other => other?,
        }
        if self.is_there(name, &whole).await? {
            return Ok(());
        }
        Err(StoreError::Differs(name.to_owned()).into())
    }

    /// Whether the store has all of it: by its checksum where the store counts as we do, else by reading it.
    async fn is_there(&self, name: &str, whole: &Whole) -> Result<bool, CopyError> {
        let Some(object) = self.store.look(name).await? else { return Ok(false) };
        if object.size != whole.size {
            return Ok(false);
        }
        if object.e_tag == whole.e_tag {
            return Ok(true);
        }
        Ok(self.store.read(name, whole.size, |_| Ok(())).await? == whole.sha256)
    }

    async fn upload(
        &self,
        path: &Path,
        name: &str,
        whole: &Whole,
        begun: Option<(String, Vec<String>)>,
    ) -> Result<(), CopyError> {
        let (upload, mut parts) = match begun {
            Some(begun) => begun,
            None => {
                let upload = self.store.begin(name, &hexadecimal(&whole.sha256)).await?;
                self.note(&upload, &[]).await?;
                (upload, Vec::new())
            }
        };
        let sent = self.send(path, name, whole.size, &upload, &mut parts).await;
        // What the store refuses once it refuses again; what was cut off goes on.
        if matches!(&sent, Err(CopyError::Store(error)) if !error.is_passing()) {
            self.forget(name, &upload).await?;
        }
        sent
    }

    async fn send(
        &self,
        path: &Path,
        name: &str,
        size: u64,
        upload: &str,
        parts: &mut Vec<String>,
    ) -> Result<(), CopyError> {
        let each = part_size(size);
        let count = usize::try_from(size.div_ceil(each)).unwrap_or(usize::MAX);
        for number in parts.len()..count {
            let path = path.to_owned();
            let bytes = spawn_blocking(move || part(&path, number, each)).await??;
            parts.push(self.store.send(name, upload, number, bytes).await?);
            self.note(upload, parts).await?;
        }
        Ok(self.store.complete(name, upload, parts.clone()).await?)
    }

    async fn note(&self, upload: &str, parts: &[String]) -> sqlx::Result<()> {
        sqlx::query!(
            "UPDATE backups SET copy_upload = $2, copy_parts = $3 WHERE id = $1",
            self.id.0,
            upload,
            parts
        )
        .execute(self.db)
        .await?;
        Ok(())
    }

    async fn forget(&self, name: &str, upload: &str) -> sqlx::Result<()> {
        if let Err(error) = self.store.abandon(name, upload).await {
            tracing::warn!(%error, "the parts of an upload are left in the store");
        }
        sqlx::query!("UPDATE backups SET copy_upload = NULL, copy_parts = '{}' WHERE id = $1", self.id.0)
            .execute(self.db)
            .await?;
        Ok(())
    }
}

fn read(path: &PathBuf) -> io::Result<Whole> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let (mut all, mut of_parts, mut count) = (Sha256::new(), Md5::new(), 0_u64);
    loop {
        let mut bytes = Vec::new();
        if (&mut file).take(part_size(size)).read_to_end(&mut bytes)? == 0 {
            break;
        }
        all.update(&bytes);
        of_parts.update(Md5::digest(&bytes));
        count += 1;
    }
    let e_tag = format!("{}-{count}", hexadecimal(&of_parts.finalize()));
    Ok(Whole { size, sha256: all.finalize().into(), e_tag })
}

fn part(path: &Path, number: usize, size: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(number as u64 * size))?;
    let mut bytes = Vec::new();
    file.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}
