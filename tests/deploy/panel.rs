//! The real binary, serving over the database of a test.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sqlx::{ConnectOptions as _, PgPool};
use tempfile::TempDir;

use crate::{nginx::DOMAIN, output, works};

/// A port of this machine on which nobody listens.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// `rad-panel serve`; ended with the test.
pub struct Panel {
    pub address: SocketAddr,
    command: Command,
    child: Child,
    folder: TempDir,
}

impl Panel {
    /// Starts it as behind nginx, over this database and this Marzban.
    pub fn start(db: &PgPool, marzban: &str) -> Self {
        Self::start_with(db, marzban, &[("SHUTDOWN_DRAIN", "0")])
    }

    /// The same with these settings as well.
    pub fn start_with(db: &PgPool, marzban: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let log = File::create(folder.path().join("log")).unwrap();
        let url = db.connect_options().as_ref().to_url_lossy();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rad-panel"));
        command
            .arg("serve")
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("DATABASE_URL", url.as_str())
            .env("LISTEN", address.to_string())
            .env("PUBLIC_URL", format!("https://{DOMAIN}"))
            .env("TRUSTED_PROXIES", "127.0.0.1")
            .env("MARZBAN_URL", marzban)
            .env("MARZBAN_USERNAME", "panel")
            .env("MARZBAN_PASSWORD", "any")
            .envs(settings.iter().copied())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let child = command.spawn().unwrap();
        let panel = Self { address, command, child, folder };
        panel.wait_until_ready();
        panel
    }

    fn wait_until_ready(&self) {
        let begin = Instant::now();
        while !self.is_ready() {
            assert!(begin.elapsed() < Duration::from_secs(60), "no panel: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether it serves.
    pub fn is_ready(&self) -> bool {
        let ready = format!("http://{}/readyz", self.address);
        works(Command::new("curl").args(["--disable", "--noproxy", "*", "--fail", "--silent", &ready]))
    }

    /// Tells it to stop, as systemd and container engines do.
    pub fn tell_to_stop(&self) {
        output(Command::new("kill").args(["-TERM", &self.child.id().to_string()]));
    }

    /// Waits until it has ended by itself, while others go on.
    pub async fn ended(&mut self) {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{status}: {}", self.log());
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "it does not stop: {}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Starts the one that has ended again, at the same address, while others go on.
    pub async fn start_again(&mut self) {
        self.child = self.command.spawn().unwrap();
        let begin = Instant::now();
        while !self.is_ready() {
            assert!(begin.elapsed() < Duration::from_secs(60), "no panel: {}", self.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What it has logged up to now.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
