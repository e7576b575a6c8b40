//! The archive: a tar file, encrypted as a whole or not, that proves itself.
//!
//! Its members are `database.dump`, `receipts/…` and, at the end, `manifest.json` with the SHA-256 of each. So an
//! archive that was cut off has no manifest, and one that was changed anywhere disagrees with it. Beside the
//! archive lies `NAME.sha256`, in the form of `sha256sum`.

mod read;
mod write;

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{calendar::Time, receipts::Variant};

pub use read::{check_sum, is_encrypted, read};
pub(super) use write::write;

/// What this program writes and reads.
const FORMAT: u32 = 1;
const DUMP: &str = "database.dump";
const MANIFEST: &str = "manifest.json";
const RECEIPTS: &str = "receipts/";
const THUMBNAIL: &str = ".thumbnail";

/// What is wrong with an archive; each message is one sentence for the owner.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the archive can't be read or unpacked: {0}")]
    Io(#[from] io::Error),
    #[error("the file is not what was written: its SHA-256 differs from the one in {}", .0.display())]
    Checksum(PathBuf),
    #[error("the archive is cut off or damaged: it has no manifest at its end")]
    NoManifest,
    #[error("the archive is damaged: {0} is not what was written")]
    Damaged(String),
    #[error("this is not a backup of RAD Panel: it holds {0:?}")]
    Foreign(String),
    #[error("the backup is encrypted: name the file with the age identity by --identity")]
    Locked,
    #[error("the identity does not open this backup, or the backup is damaged: {0}")]
    WrongKey(age::DecryptError),
    #[error("the encryption failed: {0}")]
    Encryption(age::EncryptError),
    #[error("the backup is in format {0}, which a newer version of RAD Panel writes")]
    Newer(u32),
}

/// What the archive says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The version of the panel that wrote it.
    pub panel: String,
    /// The newest migration of the database.
    pub migration: i64,
    /// UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub made_at: Time,
    pub users: i64,
    pub transactions: i64,
    pub receipts: i64,
    pub members: Vec<Member>,
}

impl Manifest {
    /// A manifest of this version, its members still to come.
    pub fn new(made_at: Time, migration: i64, users: i64, transactions: i64, receipts: i64) -> Self {
        let panel = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT, panel, migration, made_at, users, transactions, receipts, members: Vec::new() }
    }
}

/// One file in the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Hexadecimal.
    pub sha256: String,
}

/// The name of a member; no other names are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Dump,
    Receipt(Uuid, Variant),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dump => f.write_str(DUMP),
            Self::Receipt(key, Variant::Full) => write!(f, "{RECEIPTS}{}", key.simple()),
            Self::Receipt(key, Variant::Thumbnail) => write!(f, "{RECEIPTS}{}{THUMBNAIL}", key.simple()),
        }
    }
}

impl FromStr for Name {
    type Err = ArchiveError;

    fn from_str(name: &str) -> Result<Self, ArchiveError> {
        if name == DUMP {
            return Ok(Self::Dump);
        }
        let foreign = || ArchiveError::Foreign(name.to_owned());
        let file = name.strip_prefix(RECEIPTS).ok_or_else(foreign)?;
        let (key, variant) = match file.strip_suffix(THUMBNAIL) {
            Some(key) => (key, Variant::Thumbnail),
            None => (file, Variant::Full),
        };
        let key = Uuid::try_parse(key).map_err(|_| foreign())?;
        let parsed = Self::Receipt(key, variant);
        if parsed.to_string() == name { Ok(parsed) } else { Err(foreign()) }
    }
}

/// The file that holds the archive's checksum.
pub fn sum_file(archive: &Path) -> PathBuf {
    let mut name = archive.as_os_str().to_owned();
    name.push(".sha256");
    name.into()
}

/// Counts and digests what passes through it.
pub(super) struct Digesting<T> {
    inner: T,
    digest: Sha256,
    bytes: u64,
}

impl<T> Digesting<T> {
    pub fn new(inner: T) -> Self {
        Self { inner, digest: Sha256::new(), bytes: 0 }
    }

    fn passed(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// What is inside, how many bytes passed, and their SHA-256.
    pub fn finish(self) -> (T, u64, [u8; 32]) {
        (self.inner, self.bytes, self.digest.finalize().into())
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.passed(&buffer[..count]);
        Ok(count)
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.passed(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// In lower case, as `sha256sum` writes it.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes the names in a folder survive a power cut.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways_and_nothing_else_is_read() {
        let key = Uuid::from_u128(7);
        for name in [Name::Dump, Name::Receipt(key, Variant::Full), Name::Receipt(key, Variant::Thumbnail)] {
            assert_eq!(name.to_string().parse::<Name>().unwrap(), name);
        }
        let dashed = format!("receipts/{key}");
        for foreign in ["receipts/../../etc/passwd", "/database.dump", "receipts/", "x", "", &dashed] {
            assert!(foreign.parse::<Name>().is_err(), "{foreign}");
        }
    }
}
