//! Where PostgreSQL's programs are, and which of them fit the server.

use std::{
    cmp::Reverse,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where Debian and Ubuntu put each version, in `<version>/bin`.
const DEBIAN: &str = "/usr/lib/postgresql";
const NEEDED: [&str; 3] = ["pg_dump", "pg_restore", "psql"];

/// Why there are no programs to make or read a dump with; each message is one sentence for the owner.
#[derive(Debug, thiserror::Error)]
pub enum ProgramsError {
    #[error(
        "PostgreSQL's programs (pg_dump, pg_restore, psql) were not found: \
         install the package `postgresql-client`, or name their folder in PG_BIN"
    )]
    Missing,
    #[error(
        "pg_dump is of PostgreSQL {found}, older than the server's {server}: \
         install `postgresql-client-{server}`, or name its folder in PG_BIN"
    )]
    TooOld { found: u32, server: u32 },
}

/// The folders where PostgreSQL's programs may be, the best first: PG_BIN, then Debian's from the highest version
/// down, then PATH.
pub fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = env::var_os("PG_BIN").map(PathBuf::from).into_iter().collect();
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|version| version.path()).collect();
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    versions.sort_by_key(|path| Reverse(number(path)));
    folders.extend(versions.into_iter().map(|version| version.join("bin")));
    folders.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    folders
}

/// The programs that make and read dumps of one server.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The programs that fit a server of this major version; runs each candidate's `pg_dump --version`.
    ///
    /// # Errors
    /// When there are none, or all are older than the server.
    pub fn for_server(major: u32) -> Result<Self, ProgramsError> {
        let full = |folder: &PathBuf| NEEDED.iter().all(|program| folder.join(program).is_file());
        let with_version = |folder: PathBuf| {
            let version = version(&folder)?;
            Some((folder, version))
        };
        choose(folders().into_iter().filter(full).filter_map(with_version).collect(), major)
    }

    /// A command that knows nothing of this process's environment.
    pub fn command(&self, program: &str) -> Command {
        command(&self.folder.join(program))
    }
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// The server's own version before newer ones: what a newer pg_restore writes, an older server may not know.
fn choose(found: Vec<(PathBuf, u32)>, server: u32) -> Result<Programs, ProgramsError> {
    let newest = found.iter().map(|(_, version)| *version).max().ok_or(ProgramsError::Missing)?;
    let fitting = found.into_iter().filter(|(_, version)| *version >= server);
    let (folder, _) =
        fitting.min_by_key(|(_, version)| *version).ok_or(ProgramsError::TooOld { found: newest, server })?;
    Ok(Programs { folder })
}

/// The major version, from `pg_dump (PostgreSQL) 15.18 (…)`.
fn version(folder: &Path) -> Option<u32> {
    let output = command(&folder.join("pg_dump")).arg("--version").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    said.split_whitespace().nth(2)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(versions: &[u32], server: u32) -> Result<PathBuf, String> {
        let found = versions.iter().map(|version| (PathBuf::from(version.to_string()), *version)).collect();
        choose(found, server).map(|programs| programs.folder).map_err(|error| error.to_string())
    }

    #[test]
    fn a_dump_is_never_made_by_programs_older_than_the_server() {
        assert_eq!(chosen(&[17, 15, 16], 15).unwrap(), Path::new("15"));
        assert_eq!(chosen(&[17, 14], 15).unwrap(), Path::new("17"));
        let refusal = chosen(&[14, 13], 16).unwrap_err();
        assert!(refusal.contains("PostgreSQL 14") && refusal.contains("postgresql-client-16"), "{refusal}");
        assert!(chosen(&[], 15).unwrap_err().contains("not found"));
    }
}
