//! Where the server lives: below the folder asked for, or in a short one when that can't be.
//!
//! Closed to all but its account, since whoever can reach the socket is the database's master.

use std::{
    fs::{self, DirBuilder},
    hash::{DefaultHasher, Hash, Hasher},
    io,
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt},
    path::{Path, PathBuf},
};

use super::{Account, PostgresError, Programs, SOCKET};

/// The longest path of a socket, in bytes: `sun_path` less its closing zero.
const LONGEST_SOCKET: usize = 107;
/// Kept over a restart of the machine, and open to every account.
const SHORT: &str = "/var/tmp";

#[derive(Debug)]
pub(super) struct Folder {
    /// Data, log and locks.
    pub home: PathBuf,
    /// The socket.
    pub run: PathBuf,
}

impl Folder {
    /// Makes or finds the folders; `dir` itself keeps its owner.
    pub fn open(dir: &Path, account: &Account, programs: &Programs) -> Result<Self, PostgresError> {
        fs::create_dir_all(dir).map_err(PostgresError::folder(dir))?;
        let dir = dir.canonicalize().map_err(PostgresError::folder(dir))?;
        let wanted = dir.join("postgres");
        let home = match programs.can_enter(account, &dir) {
            true => wanted,
            false => short_home(&dir, account)?,
        };
        closed(&home, account)?;
        let mut run = home.join("run");
        if run.join(SOCKET).as_os_str().as_bytes().len() > LONGEST_SOCKET {
            let short = short_name(&dir, account);
            closed(&short, account)?;
            run = short.join("run");
        }
        closed(&run, account)?;
        Ok(Self { home, run })
    }

    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }
}

fn short_name(dir: &Path, account: &Account) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (dir, account.uid()).hash(&mut hasher);
    Path::new(SHORT).join(format!("rad-panel-{:016x}", hasher.finish()))
}

/// The short folder of a `dir` that the account can't enter.
///
/// A note in `dir` says that its data is there. A `dir` without the note is new, as after `rm -r`, so
/// old data under the same name is put aside and not taken for its own.
fn short_home(dir: &Path, account: &Account) -> Result<PathBuf, PostgresError> {
    let home = short_name(dir, account);
    let note = dir.join("postgres-is-in");
    if !note.exists() {
        if account.owns(&home) {
            let aside = home.with_extension(format!("old-{}", std::process::id()));
            fs::rename(&home, &aside).map_err(PostgresError::folder(&home))?;
            // A server that still runs there ends by itself within a minute of missing this file.
            let _ = fs::remove_file(aside.join("data/postmaster.pid"));
        }
        fs::write(&note, format!("{}\n", home.display())).map_err(PostgresError::folder(&note))?;
    }
    Ok(home)
}

/// Makes a folder that only its account can enter; somebody else's under that name is refused.
fn closed(path: &Path, account: &Account) -> Result<(), PostgresError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => account.own(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && account.owns(path) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(PostgresError::Foreign(path.to_owned()))
        }
        Err(error) => Err(PostgresError::folder(path)(error)),
    }
}
