//! Where initdb, pg_ctl and postgres are; data can only be opened by the version that made it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::{Account, PostgresError};
use crate::backups::programs::folders;

const NEEDED: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// The folders with a full set of programs, the best first; never empty.
#[derive(Debug)]
pub(super) struct Programs {
    found: Vec<(PathBuf, String)>,
    chosen: usize,
}

impl Programs {
    /// Looks where PostgreSQL's programs may be, the best first.
    pub fn find(account: &Account) -> Result<Self, PostgresError> {
        let full = |folder: &PathBuf| NEEDED.iter().all(|program| folder.join(program).is_file());
        let with_version = |folder: PathBuf| {
            let version = version(&folder, account)?;
            Some((folder, version))
        };
        let found: Vec<_> = folders().into_iter().filter(full).filter_map(with_version).collect();
        if found.is_empty() { Err(PostgresError::Missing) } else { Ok(Self { found, chosen: 0 }) }
    }

    /// The programs for data that may be there already.
    pub fn matching(mut self, data: &Path) -> Result<Self, PostgresError> {
        if let Ok(made_by) = fs::read_to_string(data.join("PG_VERSION")) {
            let made_by = made_by.trim();
            let same = self.found.iter().position(|(_, version)| version == made_by);
            self.chosen = same.ok_or_else(|| PostgresError::WrongVersion {
                data: data.to_owned(),
                version: made_by.to_owned(),
            })?;
        }
        Ok(self)
    }

    pub fn path(&self, program: &str) -> PathBuf {
        self.found[self.chosen].0.join(program)
    }

    /// Whether the account can enter a folder: tried, since every parent folder has a say.
    pub fn can_enter(&self, account: &Account, folder: &Path) -> bool {
        let mut command = account.command(&self.path("postgres"), folder);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

/// The major version, from `postgres (PostgreSQL) 15.18 (…)`.
fn version(folder: &Path, account: &Account) -> Option<String> {
    let output = account.command(&folder.join("postgres"), Path::new("/")).arg("--version").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let number = said.split_whitespace().nth(2)?;
    Some(number.split('.').next()?.to_owned())
}
