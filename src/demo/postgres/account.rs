//! Whose processes the server's are: PostgreSQL refuses to run as root.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
};

use super::PostgresError;

/// The account that the server runs as.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
    /// Whether it is another one than this process's.
    other: bool,
}

impl Account {
    /// This process's own account; for root `postgres`, else `nobody`.
    pub fn choose() -> Result<Self, PostgresError> {
        let own = Path::new("/proc/self");
        let own = fs::metadata(own).map_err(PostgresError::folder(own))?;
        if own.uid() != 0 {
            return Ok(Self { uid: own.uid(), gid: own.gid(), other: false });
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let named = |name: &str| {
            accounts.lines().find_map(|line| {
                let mut fields = line.split(':');
                (fields.next() == Some(name)).then_some(())?;
                let uid = fields.nth(1)?.parse().ok()?;
                Some(Self { uid, gid: fields.next()?.parse().ok()?, other: true })
            })
        };
        named("postgres").or_else(|| named("nobody")).ok_or(PostgresError::NoAccount)
    }

    /// A name for it that no other account has.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Hands a folder over to it.
    pub fn own(&self, path: &Path) -> Result<(), PostgresError> {
        if self.other {
            chown(path, Some(self.uid), Some(self.gid)).map_err(PostgresError::folder(path))?;
        }
        Ok(())
    }

    /// Whether a folder is its own.
    pub fn owns(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|folder| folder.is_dir() && folder.uid() == self.uid)
    }

    /// A command run as it, in `folder`, out of reach of the terminal's Ctrl-C: we stop it, in our order.
    pub fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").env("PWD", folder);
        command.current_dir(folder).stdin(Stdio::null()).process_group(0);
        if self.other {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }
}

/// Whether a living process (a zombie is none) works in the folder, as all of a server's do in its data.
pub(super) fn works_in(folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else { return false };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .into_iter()
        .any(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == folder))
}
