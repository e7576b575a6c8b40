//! The folder of backups: names, what was left unfinished, room.

use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use time::{PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description};
use uuid::Uuid;

use super::archive::{remove, sum_file};
use crate::calendar::Time;

const TIME: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
const PREFIX: &str = "rad-panel-";
const PLAIN: &str = ".tar";
const ENCRYPTED: &str = ".tar.age";
/// So begin the names of files that are no backups yet.
const UNFINISHED: &str = "unfinished-";
/// Whoever still writes a file has written to it since.
const ABANDONED_AFTER: time::Duration = time::Duration::hours(6);

/// Makes the folder for this user only.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Bytes that can still be written into the folder.
pub(super) fn free_space(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The name of the backup of that instant.
pub(super) fn name(made_at: Time, encrypted: bool) -> String {
    let ending = if encrypted { ENCRYPTED } else { PLAIN };
    // The format has no part that could fail.
    format!("{PREFIX}{}{ending}", made_at.format(TIME).unwrap_or_default())
}

/// A backup that lies in the folder.
pub(super) struct Found {
    pub name: String,
    pub made_at: Time,
    pub size: u64,
    pub sha256: Vec<u8>,
    pub encrypted: bool,
}

/// The backups in the folder that are not among `known`, by their names and checksums.
pub(super) fn unknown(folder: &Path, known: &BTreeSet<String>) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        if known.contains(&name) {
            continue;
        }
        let Some((made_at, encrypted)) = parse(&name) else { continue };
        let path = folder.join(&name);
        let (Ok(file), Ok(sum)) = (fs::metadata(&path), fs::read_to_string(sum_file(&path))) else {
            continue;
        };
        let Some(sha256) = sum.split_whitespace().next().and_then(bytes) else { continue };
        found.push(Found { name, made_at, size: file.len(), sha256, encrypted });
    }
    Ok(found)
}

/// The instant that a backup's name says, and whether it is encrypted; `None` for other names.
pub(super) fn parse(name: &str) -> Option<(Time, bool)> {
    let rest = name.strip_prefix(PREFIX)?;
    let (instant, encrypted) = match rest.strip_suffix(ENCRYPTED) {
        Some(instant) => (instant, true),
        None => (rest.strip_suffix(PLAIN)?, false),
    };
    Some((PrimitiveDateTime::parse(instant, TIME).ok()?.assume_utc(), encrypted))
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits = hexadecimal.as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (digits.len() == 64).then(|| digits.chunks(2).map(pair).collect())?
}

/// Removes what killed runs left behind.
pub(super) fn tidy(folder: &Path, now: Time) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_ours = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
        if is_ours && Time::from(entry.metadata()?.modified()?) < now - ABANDONED_AFTER {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// A file that is there only as long as this is.
pub(super) struct Unfinished(PathBuf);

impl Unfinished {
    /// A name of its own in the folder.
    pub fn new(folder: &Path, ending: &str) -> Self {
        Self(folder.join(format!("{UNFINISHED}{}.{ending}", Uuid::new_v4().simple())))
    }

    /// The same, as an empty file that this user alone can read.
    pub fn empty(folder: &Path, ending: &str) -> io::Result<Self> {
        let unfinished = Self::new(folder, ending);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(unfinished.path())?;
        Ok(unfinished)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // What stays is removed by a later run.
        let _ = remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_name_says_when_it_was_made_and_whether_it_is_encrypted() {
        let made_at = datetime!(2026-11-24 23:30:05 UTC);
        assert_eq!(name(made_at, false), "rad-panel-20261124T233005Z.tar");
        for encrypted in [false, true] {
            assert_eq!(parse(&name(made_at, encrypted)), Some((made_at, encrypted)));
        }
        for other in ["rad-panel-20261124T233005Z.tar.sha256", "rad-panel-x.tar", "unfinished-1.tar", ""] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
