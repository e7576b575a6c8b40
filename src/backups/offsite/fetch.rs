//! Getting a backup back from the store.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use object_store::ObjectStoreExt as _;
use sha2::{Digest as _, Sha256};

use super::{Store, StoreError, part_size};
use crate::backups::{
    archive::{hexadecimal, sum_file, sync_folder},
    folder::{self, Unfinished},
};

/// A backup that was fetched.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub file: PathBuf,
    /// Bytes.
    pub size: u64,
    /// It was compared with the SHA-256 that was given along when it was copied.
    pub has_sum: bool,
}

impl Store {
    /// Fetches the backup of this name into the folder, compares it with its checksum and puts that beside it.
    ///
    /// # Errors
    /// When the folder has it already, the store has none of that name, or it is not what was copied; no file is
    /// left then.
    pub async fn fetch(&self, name: &str, folder: &Path) -> Result<Fetched, StoreError> {
        if folder::parse(name).is_none() {
            return Err(StoreError::NoName(name.to_owned()));
        }
        let target = folder.join(name);
        if target.exists() {
            return Err(StoreError::IsHere(name.to_owned()));
        }
        let object = self.look(name).await?.ok_or_else(|| StoreError::NoObject(name.to_owned()))?;
        folder::make(folder)?;
        let unfinished = Unfinished::empty(folder, "fetched")?;
        let mut file = File::create(unfinished.path())?;
        let sha256 = self.read(name, object.size, |bytes| file.write_all(bytes)).await?;
        file.sync_all()?;
        let sum = hexadecimal(&sha256);
        if object.sha256.as_ref().is_some_and(|given| *given != sum) {
            return Err(StoreError::Differs(name.to_owned()));
        }
        if object.sha256.is_some() {
            fs::write(sum_file(&target), format!("{sum}  {name}\n"))?;
        }
        fs::rename(unfinished.path(), &target)?;
        sync_folder(folder)?;
        Ok(Fetched { file: target, size: object.size, has_sum: object.sha256.is_some() })
    }

    /// Reads the whole of it, piece by piece, and returns its SHA-256.
    pub(in crate::backups) async fn read(
        &self,
        name: &str,
        size: u64,
        mut visit: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<[u8; 32], StoreError> {
        let path = self.path(name);
        let mut digest = Sha256::new();
        let mut at = 0;
        while at < size {
            let end = size.min(at + part_size(size));
            let bytes = self.s3.get_range(&path, at..end).await.map_err(|error| self.failure(&error))?;
            if bytes.len() as u64 != end - at {
                return Err(StoreError::Differs(name.to_owned()));
            }
            digest.update(&bytes);
            visit(&bytes)?;
            at = end;
        }
        Ok(digest.finalize().into())
    }
}
