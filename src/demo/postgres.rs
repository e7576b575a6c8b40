//! A private PostgreSQL: in one folder, reached by a Unix socket in a closed folder, no TCP port.
//!
//! Any number of processes may use one folder. `gate` is held while a server starts or stops; each
//! user holds a share of `users`, so that the last one out, and only that one, stops the server. One
//! lock for both would make a second user wait for the first one's whole life. A user that is killed
//! leaves the server running, and the next start finds it again.

mod account;
mod folder;
mod programs;

use std::{
    fs::{self, File},
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use account::Account;
use folder::Folder;
use programs::Programs;

/// The one database role; it may do all, and the closed folder decides who can be it.
const ROLE: &str = "app";
const SOCKET: &str = ".s.PGSQL.5432";
/// How long the processes of a killed server get to notice that it is gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether committed data must survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    On,
    /// Faster, for data that is thrown away.
    Off,
}

/// Why there is no database; each message is one sentence for the terminal.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    #[error(
        "PostgreSQL's server programs (initdb, pg_ctl, postgres) were not found: \
         install the package `postgresql`, or name their folder in PG_BIN"
    )]
    Missing,
    #[error("the data in {} was made by PostgreSQL {version}, whose programs were not found", data.display())]
    WrongVersion { data: PathBuf, version: String },
    #[error("root can't run PostgreSQL itself, and there is no account `postgres` or `nobody` to run it")]
    NoAccount,
    #[error("the disk is full: PostgreSQL can't write in {}", .0.display())]
    DiskFull(PathBuf),
    #[error("PostgreSQL's folder {} can't be used: {cause}", path.display())]
    Folder { path: PathBuf, cause: io::Error },
    #[error("{} belongs to somebody else; remove it or choose another folder", .0.display())]
    Foreign(PathBuf),
    #[error("{program} failed: {output}")]
    Failed { program: &'static str, output: String },
}

impl PostgresError {
    fn folder(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path),
            _ => Self::Folder { path, cause },
        }
    }
}

/// A running private server, and this process's share of it.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    /// The shared lock; `None` once given back.
    share: Option<File>,
}

#[derive(Debug)]
struct Server {
    folder: Folder,
    account: Account,
    programs: Programs,
}

impl Postgres {
    /// Starts the server of `dir`, or joins it if it runs; blocks for some 3 s the first time.
    pub fn start(dir: &Path, durability: Durability) -> Result<Self, PostgresError> {
        let account = Account::choose()?;
        let programs = Programs::find(&account)?;
        let folder = Folder::open(dir, &account, &programs)?;
        let programs = programs.matching(&folder.data())?;
        let server = Server { folder, account, programs };
        let gate = server.gate()?;
        if !server.joinable()? {
            server.prepare(durability)?;
            server.launch()?;
        }
        let users = server.lock_file("users")?;
        users.lock_shared().map_err(PostgresError::folder(&server.folder.home))?;
        drop(gate);
        Ok(Self { server, share: Some(users) })
    }

    /// The URL of one of its databases, over the socket.
    pub fn url(&self, database: &str) -> String {
        let run = self.server.folder.run.to_string_lossy();
        format!("postgres://{ROLE}@{}/{database}", utf8_percent_encode(&run, NON_ALPHANUMERIC))
    }

    /// Where its data is: below the folder that was asked for, unless its account can't enter that.
    pub fn home(&self) -> &Path {
        &self.server.folder.home
    }

    /// Ends the server as a crash would, and starts it again: it recovers from its log.
    pub fn crash(&self) -> Result<(), PostgresError> {
        let _gate = self.server.gate()?;
        self.server.pg_ctl(&["-D", "data", "-m", "immediate", "-w", "-t", "60", "stop"])?;
        self.server.launch()
    }

    /// Gives this process's share back; the last one stops the server.
    pub fn stop(mut self) -> Result<(), PostgresError> {
        self.leave()
    }

    /// Stops the server and deletes its data, unless another process uses it.
    pub fn remove(mut self) -> Result<(), PostgresError> {
        self.leave()?;
        let folder = &self.server.folder;
        let _gate = self.server.gate()?;
        if self.server.lock_file("users")?.try_lock().is_ok() {
            for path in folder.run.parent().into_iter().chain([folder.home.as_path()]) {
                if path.exists() {
                    fs::remove_dir_all(path).map_err(PostgresError::folder(path))?;
                }
            }
        }
        Ok(())
    }

    fn leave(&mut self) -> Result<(), PostgresError> {
        let Some(share) = self.share.take() else { return Ok(()) };
        let _gate = self.server.gate()?;
        drop(share);
        let users = self.server.lock_file("users")?;
        if users.try_lock().is_ok() && self.server.answers() {
            self.server.pg_ctl(&["-D", "data", "-m", "fast", "-w", "-t", "60", "stop"])?;
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(error) = self.leave() {
            tracing::warn!(%error, "the private PostgreSQL was left running");
        }
    }
}

impl Server {
    fn lock_file(&self, name: &str) -> Result<File, PostgresError> {
        let path = self.folder.home.join(name);
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        file.map_err(PostgresError::folder(&path))
    }

    fn gate(&self) -> Result<File, PostgresError> {
        let gate = self.lock_file("gate")?;
        gate.lock().map_err(PostgresError::folder(&self.folder.home))?;
        Ok(gate)
    }

    /// Asks the socket: `pg_ctl status` believes a process id, which may be a zombie's or a stranger's.
    fn answers(&self) -> bool {
        UnixStream::connect(self.folder.run.join(SOCKET)).is_ok()
    }

    /// Makes the data folder if there is none, and writes the settings anew (the folder may have moved).
    fn prepare(&self, durability: Durability) -> Result<(), PostgresError> {
        let data = self.folder.data();
        if !data.exists() {
            // Under another name until it is whole: a killed initdb leaves nothing that looks like data.
            let unfinished = self.folder.home.join("data.new");
            if unfinished.exists() {
                fs::remove_dir_all(&unfinished).map_err(PostgresError::folder(&unfinished))?;
            }
            let sync: &[&str] = if durability == Durability::Off { &["--no-sync"] } else { &[] };
            let fixed = ["-D", "data.new", "-U", ROLE, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"];
            self.run("initdb", &[&fixed, sync].concat())?;
            fs::rename(&unfinished, &data).map_err(PostgresError::folder(&data))?;
        }
        let conf = data.join("postgresql.conf");
        fs::write(&conf, self.settings(durability)).map_err(PostgresError::folder(&conf))
    }

    fn settings(&self, durability: Durability) -> String {
        let unsafe_and_fast = match durability {
            Durability::On => "",
            Durability::Off => "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n",
        };
        // Relative to the data folder where it can be: then no path needs quoting.
        let run = match self.folder.run.starts_with(&self.folder.home) {
            true => "../run".into(),
            false => self.folder.run.to_string_lossy(),
        };
        format!(
            "listen_addresses = ''\nunix_socket_directories = '{run}'\nunix_socket_permissions = 0700\n\
             max_connections = 200\nTimeZone = 'UTC'\nlog_timezone = 'UTC'\nlogging_collector = off\n\
             {unsafe_and_fast}"
        )
    }

    fn launch(&self) -> Result<(), PostgresError> {
        let log = self.folder.home.join("postgres.log");
        // pg_ctl tells the reason only in this log; one of an earlier start would mislead.
        if let Err(error) = fs::remove_file(&log)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(PostgresError::folder(&log)(error));
        }
        self.pg_ctl(&["-D", "data", "-l", "postgres.log", "-w", "-t", "120", "start"]).map_err(|error| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            match error {
                PostgresError::Failed { program, .. } if !log.is_empty() => self.failed(program, &log),
                other => other,
            }
        })
    }

    /// Whether a server runs here; after `kill -9` it first waits for the server's orphans and removes
    /// what names a process that is gone.
    ///
    /// PostgreSQL refuses to start while the process id in its pid file exists, even as a zombie that
    /// nobody reaps (a container's PID 1) or as a stranger after a reboot.
    fn joinable(&self) -> Result<bool, PostgresError> {
        let data = self.folder.data();
        let deadline = Instant::now() + PATIENCE;
        while !self.answers() && account::works_in(&data) {
            if Instant::now() > deadline {
                // Somebody still writes here: PostgreSQL's own refusal is the right answer.
                return Ok(false);
            }
            thread::sleep(Duration::from_millis(50));
        }
        if self.answers() {
            return Ok(true);
        }
        let pid_files = [data.join("postmaster.pid"), self.folder.run.join(format!("{SOCKET}.lock"))];
        for file in pid_files.iter().filter(|file| file.exists()) {
            fs::remove_file(file).map_err(PostgresError::folder(file))?;
        }
        Ok(false)
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<(), PostgresError> {
        self.run("pg_ctl", arguments)
    }

    fn run(&self, program: &'static str, arguments: &[&str]) -> Result<(), PostgresError> {
        let output_file = self.folder.home.join("output");
        // To a file, not a pipe: the server inherits pg_ctl's output, and a pipe would never close.
        let output = File::create(&output_file).map_err(PostgresError::folder(&output_file))?;
        let errors = output.try_clone().map_err(PostgresError::folder(&output_file))?;
        let mut command: Command = self.account.command(&self.programs.path(program), &self.folder.home);
        let status = command.args(arguments).stdout(output).stderr(errors).status();
        let status = status.map_err(PostgresError::folder(&self.folder.home))?;
        let said = fs::read_to_string(&output_file).unwrap_or_default();
        if status.success() { Ok(()) } else { Err(self.failed(program, &said)) }
    }

    fn failed(&self, program: &'static str, said: &str) -> PostgresError {
        if said.contains("No space left on device") || said.contains("Disk quota exceeded") {
            return PostgresError::DiskFull(self.folder.home.clone());
        }
        let telling = |line: &&str| line.contains("FATAL") || line.contains("error:");
        let line = said.lines().find(telling).or(said.lines().last()).unwrap_or("it said nothing");
        PostgresError::Failed { program, output: line.trim().to_owned() }
    }
}
