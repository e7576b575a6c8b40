//! The real binary as a child process.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, ensure};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::oneshot,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_rad-panel");
const START: Duration = Duration::from_secs(40);

/// Where the binary finds the rest of the world.
#[derive(Clone)]
pub struct World {
    pub database: String,
    pub marzban: String,
    pub marzban_username: String,
    pub marzban_password: String,
    pub uploads: String,
}

impl World {
    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("DATABASE_URL", &self.database)
            .env("DATABASE_MAX_CONNECTIONS", "6")
            .env("MARZBAN_URL", &self.marzban)
            .env("MARZBAN_USERNAME", &self.marzban_username)
            .env("MARZBAN_PASSWORD", &self.marzban_password)
            .env("LISTEN", "127.0.0.1:0")
            .env("UPLOAD_DIR", &self.uploads)
            .env("BACKUP_DIR", Path::new(&self.uploads).with_file_name("backups"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// `rad-panel verify` over this database.
    pub async fn verify(&self) -> anyhow::Result<()> {
        let Output { status, stdout, stderr } = self.command().arg("verify").output().await?;
        let said = [stdout, stderr].concat();
        ensure!(status.success(), "rad-panel verify: {}", String::from_utf8_lossy(&said));
        Ok(())
    }
}

/// A running `rad-panel serve`.
pub struct Panel {
    pub address: SocketAddr,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Panel {
    /// Starts it, and waits until it serves.
    pub async fn start(world: &World) -> anyhow::Result<Self> {
        let mut command = world.command();
        let mut child = command.arg("serve").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let log = Arc::<Mutex<Vec<String>>>::default();
        let (tell, told) = oneshot::channel();
        // The log, and apart from it why it did not start.
        tokio::spawn(listen(child.stdout.take().context("no log")?, Some(tell), Arc::clone(&log)));
        tokio::spawn(listen(child.stderr.take().context("no errors")?, None, Arc::clone(&log)));
        match tokio::time::timeout(START, told).await {
            Ok(Ok(address)) => Ok(Self { address, child, log }),
            _ => anyhow::bail!("the panel did not start: {}", log.lock().unwrap().join("\n")),
        }
    }

    /// SIGKILL, and gone.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }
}

/// Keeps the lines, and tells the address where the panel serves.
async fn listen(
    lines: impl AsyncRead + Unpin,
    mut tell: Option<oneshot::Sender<SocketAddr>>,
    kept: Arc<Mutex<Vec<String>>>,
) {
    let mut lines = BufReader::new(lines).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let address = line.contains("serving").then(|| line.split("address=").nth(1)).flatten();
        if let Some(address) = address.and_then(|address| address.trim().parse().ok())
            && let Some(tell) = tell.take()
        {
            let _ = tell.send(address);
        }
        kept.lock().unwrap().push(line);
    }
}
