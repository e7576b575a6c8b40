//! The way to PostgreSQL: a proxy that understands just enough of its protocol to see what is committed.
//!
//! A client's messages go on in batches, each up to the Sync or the simple query that lets the server act. A step is a
//! COMMIT of a transaction that wrote something, or a write without one.

use std::{collections::HashMap, io, net::SocketAddr, path::PathBuf, sync::Arc};

use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream, unix},
    task::{JoinHandle, JoinSet},
};

use super::gate::{Gate, Order};

/// Who is signed in and when she was last seen: written beside every operation, and none of its steps.
const BESIDE: [&str; 2] = ["web_sessions", "sign_ins"];
/// Written with nearly everything, so that they tell no step from another.
const UNTOLD: [&str; 3] = ["audit_log", "wallets", "notices"];

/// A running proxy; dropping it ends it.
pub struct PostgresProxy {
    pub address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for PostgresProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl PostgresProxy {
    /// Stands before the server whose socket these options name.
    pub async fn start(options: &PgConnectOptions, gate: Arc<Gate>) -> io::Result<Self> {
        let folder = options.get_socket().cloned().ok_or(io::ErrorKind::Unsupported)?;
        let socket: PathBuf = folder.join(format!(".s.PGSQL.{}", options.get_port()));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            // Ended with the proxy: a transaction that is held up must not outlive the client.
            let mut open = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (socket, gate) = (socket.clone(), Arc::clone(&gate));
                open.spawn(async move {
                    client.set_nodelay(true)?;
                    converse(client, UnixStream::connect(socket).await?, &gate).await
                });
            }
        });
        Ok(Self { address, server })
    }
}

async fn converse(client: TcpStream, server: UnixStream, gate: &Gate) -> io::Result<()> {
    let (from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let mut from_client = Reader { from: from_client, bytes: Vec::new() };
    to_server.write_all(&from_client.startup().await?).await?;
    let mut server =
        Server { from: Reader { from: from_server, bytes: Vec::new() }, to: to_server, to_client, gate };
    let mut talk = Talk::default();
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            // Notifications, which come without being asked for.
            message = server.from.message() => server.to_client.write_all(&message?).await?,
            message = from_client.message() => {
                let message = message?;
                let tag = message[0];
                talk.hear(&message);
                batch.extend(message);
                match tag {
                    b'Q' | b'S' => server.exchange(&std::mem::take(&mut batch), &mut talk).await?,
                    b'X' | b'H' | b'p' => server.to.write_all(&std::mem::take(&mut batch)).await?,
                    _ => {}
                }
            }
        }
    }
}

/// The far side of a conversation.
struct Server<'a> {
    from: Reader<unix::OwnedReadHalf>,
    to: unix::OwnedWriteHalf,
    to_client: tokio::net::tcp::OwnedWriteHalf,
    gate: &'a Gate,
}

impl Server<'_> {
    /// One batch and all of its answer, if the gate lets them through.
    async fn exchange(&mut self, batch: &[u8], talk: &mut Talk) -> io::Result<()> {
        let sql = std::mem::take(&mut talk.executed);
        let step = talk.step(&sql);
        if let Some(step) = &step {
            obey(self.gate.before(step)).await?;
        }
        let begun = self.gate.begin();
        self.to.write_all(batch).await?;
        let mut answer = Vec::new();
        let mut rows = 0;
        loop {
            let message = self.from.message().await?;
            match message[0] {
                b'C' => rows += rows_of(&message),
                b'Z' => talk.in_transaction = message[5] != b'I',
                _ => {}
            }
            answer.extend(&message);
            if message[0] == b'Z' {
                break;
            }
        }
        match step {
            // A write that found no row, like the look for a job where there is none, is no step.
            Some(step) if rows > 0 || sql == "COMMIT" => obey(self.gate.after(&step, begun)).await?,
            _ => talk.remember(&sql, rows),
        }
        self.to_client.write_all(&answer).await
    }
}

async fn obey(order: Order) -> io::Result<()> {
    match order {
        Order::Pass => Ok(()),
        Order::Hold => std::future::pending().await,
        Order::Drop | Order::Fail => Err(io::ErrorKind::ConnectionReset.into()),
    }
}

/// What was said so far on one connection.
#[derive(Default)]
struct Talk {
    /// The text of each prepared statement.
    prepared: HashMap<String, String>,
    bound: String,
    /// What the next batch does.
    executed: String,
    in_transaction: bool,
    /// What the transaction wrote to.
    tables: Vec<String>,
}

impl Talk {
    fn hear(&mut self, message: &[u8]) {
        let body = &message[5..];
        match message[0] {
            b'Q' => text(body, 0).trim_end_matches(';').trim().clone_into(&mut self.executed),
            b'P' => {
                self.prepared.insert(text(body, 0), text(body, 1));
            }
            b'B' => self.bound = self.prepared.get(&text(body, 1)).cloned().unwrap_or_default(),
            b'E' => self.executed.clone_from(&self.bound),
            _ => {}
        }
    }

    /// The step that a batch is, unless it finds nothing to do.
    fn step(&self, sql: &str) -> Option<String> {
        if sql == "COMMIT" {
            let told: Vec<&str> = self
                .tables
                .iter()
                .map(String::as_str)
                .filter(|table| !BESIDE.contains(table) && !UNTOLD.contains(table))
                .collect();
            return (!told.is_empty()).then(|| format!("COMMIT {}", told.join(", ")));
        }
        let table = written(sql).filter(|table| !self.in_transaction && !BESIDE.contains(&table.as_str()))?;
        Some(match table.as_str() {
            "jobs" if sql.contains("attempts = attempts + 1") => "the worker takes the job".to_owned(),
            "jobs" if sql.contains("outcome = $4") => "the worker ends the job".to_owned(),
            "order_changes" => "what will be asked for is written down".to_owned(),
            table => format!("write to {table}"),
        })
    }

    fn remember(&mut self, sql: &str, rows: u64) {
        match sql {
            "BEGIN" | "COMMIT" | "ROLLBACK" => self.tables.clear(),
            _ => {
                if let Some(table) = written(sql).filter(|table| rows > 0 && !self.tables.contains(table)) {
                    self.tables.push(table);
                }
            }
        }
    }
}

/// The table that a statement writes to.
fn written(sql: &str) -> Option<String> {
    let words: Vec<&str> = sql.split_whitespace().collect();
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    (0..words.len()).find_map(|at| {
        let name = match (word(at), word(at + 1)) {
            ("INSERT" | "insert", "INTO" | "into") | ("DELETE", "FROM") => word(at + 2),
            ("UPDATE", name) if at == 0 || !matches!(word(at - 1), "FOR" | "DO" | "KEY" | "ON") => name,
            _ => return None,
        };
        Some(name.trim_start_matches("\"public\".").trim_matches(['"', '(']).to_owned())
    })
}

/// How many rows a statement was done to, from the tag of its end.
fn rows_of(message: &[u8]) -> u64 {
    text(&message[5..], 0).rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// The text in that place of a row of texts that each end with a zero.
fn text(body: &[u8], place: usize) -> String {
    let part = body.split(|&byte| byte == 0).nth(place).unwrap_or_default();
    String::from_utf8_lossy(part).into_owned()
}

/// Reads whole messages; a read that is given up loses nothing.
struct Reader<R> {
    from: R,
    bytes: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// The first message, which has no tag.
    async fn startup(&mut self) -> io::Result<Vec<u8>> {
        self.read(0).await
    }

    async fn message(&mut self) -> io::Result<Vec<u8>> {
        self.read(1).await
    }

    /// A message whose length stands so far behind its beginning.
    async fn read(&mut self, tag: usize) -> io::Result<Vec<u8>> {
        loop {
            if let Some(length) = self.bytes.get(tag..tag + 4) {
                let length: [u8; 4] = length.try_into().map_err(io::Error::other)?;
                let end = tag + u32::from_be_bytes(length) as usize;
                if self.bytes.len() >= end {
                    return Ok(self.bytes.drain(..end).collect());
                }
            }
            if self.from.read_buf(&mut self.bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
