//! `rad-panel demo`: the whole panel from one command, with a database and a Marzban of its own.
//!
//! Signal handlers come first and the port second, so that nothing is started that can't be stopped
//! or would be of no use. Everything started here is stopped here, and nothing else is.

pub mod postgres;
pub mod samples;
pub mod simulator;
mod stop;
pub mod test_database;

use std::{
    fs::{self, File, TryLockError},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use sqlx::{Connection, PgConnection, migrate::MigrateDatabase};
use tokio::net::TcpListener;

use crate::{
    app::Panel,
    calendar::Clock,
    config::{
        BACKUP_DIR, Config, DATABASE_URL, HTTP_PROXY, HTTPS_PROXY, LISTEN, LOG, MARZBAN_PASSWORD,
        MARZBAN_URL, MARZBAN_USERNAME, SHUTDOWN_DRAIN, Setting, UPLOAD_DIR, Values,
    },
    setup,
};
use postgres::{Durability, Postgres};
use simulator::Simulator;
use stop::Stop;

/// How long open pages may hold up the end.
const GRACE: Duration = Duration::from_secs(5);
const MARZBAN: [&Setting; 3] = [&MARZBAN_URL, &MARZBAN_USERNAME, &MARZBAN_PASSWORD];

/// What the command line says.
#[derive(Debug)]
pub struct Options {
    pub listen: SocketAddr,
    /// The folder for all data.
    pub data: PathBuf,
    /// Whether an empty database is filled with a shop to try.
    pub samples: bool,
}

/// One of the people of the sample shop.
#[derive(Debug)]
pub struct Person {
    pub role: &'static str,
    pub username: &'static str,
    pub password: &'static str,
}

/// Who can sign in to the sample shop; the terminal shows one line each.
pub const CAST: [Person; 3] = [
    Person { role: "admin", username: "sara", password: "sara-demo-1405" },
    Person { role: "agent", username: "reza", password: "reza-demo-1405" },
    Person { role: "end user", username: "nima", password: "nima-demo-1405" },
];

/// The demo's settings: the environment's, but quiet in the terminal unless LOG says otherwise.
pub fn quiet(values: Values) -> Values {
    if values.has(&LOG) { values } else { values.with(&LOG, "warn") }
}

/// Runs until Ctrl-C or SIGTERM; an error is one sentence for the terminal.
pub async fn run(options: Options, values: Values) -> anyhow::Result<()> {
    let stop = Stop::listen()?;
    let listener = bind(options.listen).await?;
    let given = MARZBAN.iter().filter(|setting| values.has(setting)).count();
    if given != 0 && given != MARZBAN.len() {
        bail!("MARZBAN_URL, MARZBAN_USERNAME and MARZBAN_PASSWORD go together: set all three or none");
    }
    let _claim = claim(&options.data, "a demo")?;
    println!("Starting a private PostgreSQL in {} …", options.data.display());
    let postgres = start_postgres(&options.data, Durability::On).await?;
    let outcome = with_database(&options, values, &postgres, listener, stop).await;
    println!("Stopping …");
    tokio::task::spawn_blocking(|| postgres.stop()).await??;
    outcome.map_err(|error| plain(error, &options.data))
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "{address} is in use by another program; stop it, or choose another address with --listen"
        ),
        _ => anyhow::anyhow!("can't listen on {address}: {error}"),
    })
}

/// Makes the folder and holds it for this process: two simulators would overwrite each other's state.
fn claim(folder: &Path, who: &str) -> anyhow::Result<File> {
    let open = || {
        fs::create_dir_all(folder)?;
        File::options().write(true).create(true).truncate(false).open(folder.join("lock"))
    };
    let lock = open().map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull => full(folder),
        _ => anyhow::anyhow!("can't use the folder {}: {error}", folder.display()),
    })?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            bail!("{who} is already running with the folder {}", folder.display())
        }
        Err(TryLockError::Error(error)) => bail!("can't lock the folder {}: {error}", folder.display()),
    }
}

async fn start_postgres(data: &Path, durability: Durability) -> anyhow::Result<Postgres> {
    let data = data.to_owned();
    Ok(tokio::task::spawn_blocking(move || Postgres::start(&data, durability)).await??)
}

async fn with_database(
    options: &Options,
    values: Values,
    postgres: &Postgres,
    listener: TcpListener,
    stop: Stop,
) -> anyhow::Result<()> {
    if stop.asked() {
        return Ok(());
    }
    let url = postgres.url("rad_panel");
    if !sqlx::Postgres::database_exists(&url).await? {
        sqlx::Postgres::create_database(&url).await?;
    }
    println!("Bringing the database up to date …");
    let mut db = PgConnection::connect(&url).await?;
    crate::MIGRATOR.run(&mut db).await.context("the database can't be brought up to date")?;
    db.close().await?;
    let address = listener.local_addr()?;
    let values = values
        .with(&DATABASE_URL, url.clone())
        .with(&LISTEN, address.to_string())
        .with(&SHUTDOWN_DRAIN, "0")
        .with(&UPLOAD_DIR, options.data.join("uploads").to_string_lossy())
        .with(&BACKUP_DIR, options.data.join("backups").to_string_lossy());
    let simulator = match values.has(&MARZBAN_URL) {
        true => None,
        false => Some(simulate(options, address).await?),
    };
    let values = match &simulator {
        Some(simulator) => to_simulator(values, simulator),
        None => values,
    };
    let config = Config::from_values(&values)?;
    let panel = Panel::build(&config).await?;
    if options.samples {
        // Somebody's real Marzban is left as it is; only the simulator gets accounts.
        samples::fill(&panel.state.db, &config, simulator.is_some()).await.context("the sample shop")?;
        if let Some(simulator) = &simulator {
            samples::leave_strays(simulator, Clock::system().now());
            samples::use_accounts(&panel.state.db, simulator, Clock::system().now())
                .await
                .context("the sample accounts")?;
        }
    }
    if stop.asked() {
        return Ok(());
    }
    announce(options, &config, address, &url);
    setup::announce(&panel.state.db, &format!("http://{address}"), Clock::system().now()).await?;
    let outcome = tokio::select! {
        ended = panel.serve(listener, stop.clone().wait()) => ended,
        () = async { stop.clone().wait().await; tokio::time::sleep(GRACE).await } => Ok(()),
    };
    if let Some(simulator) = simulator {
        simulator.stop().await;
    }
    outcome
}

/// The simulator that stands in when the environment names no Marzban.
///
/// Beside the panel's port where it can be, so that subscription links stay good over a restart.
async fn simulate(options: &Options, panel: SocketAddr) -> anyhow::Result<Simulator> {
    let beside = SocketAddr::from(([127, 0, 0, 1], panel.port().saturating_add(1)));
    let anywhere = simulator::Options::demo(Clock::system(), options.data.join("marzban.json"));
    let simulator = match Simulator::start(simulator::Options { address: beside, ..anywhere.clone() }).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Simulator::start(anywhere).await,
        other => other,
    };
    simulator.context("the Marzban simulator can't start")
}

/// Settings that lead to the simulator: on loopback, so past any proxy.
fn to_simulator(values: Values, simulator: &Simulator) -> Values {
    values
        .with(&MARZBAN_URL, simulator.base_url())
        .with(&MARZBAN_USERNAME, simulator.username())
        .with(&MARZBAN_PASSWORD, simulator.password())
        .without(&HTTP_PROXY)
        .without(&HTTPS_PROXY)
}

fn announce(options: &Options, config: &Config, address: SocketAddr, url: &str) {
    println!("\nRAD Panel is ready: http://{address}");
    if options.samples {
        for Person { role, username, password } in CAST {
            println!("  {role:<9} {username:<6} {password}");
        }
    } else {
        println!("  The first admin can also be made while the demo runs by:");
        let program = std::env::args().next().unwrap_or_else(|| "rad-panel".into());
        println!("  DATABASE_URL='{url}' {program} create-admin --username NAME");
    }
    if config.secure_cookies() && config.public_url.is_none() {
        println!("  Signing in from other machines needs HTTPS: browsers drop the Secure cookie over HTTP.");
    }
    println!("Data is kept in {}. Ctrl-C stops everything.\n", options.data.display());
}

fn full(folder: &Path) -> anyhow::Error {
    anyhow::anyhow!("the disk is full: nothing more can be written in {}", folder.display())
}

/// A full disk comes in many errors; it gets its one sentence.
fn plain(error: anyhow::Error, folder: &Path) -> anyhow::Error {
    /// PostgreSQL's `disk_full`.
    const DISK_FULL: &str = "53100";
    let is_full = error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::StorageFull);
        let sql = cause.downcast_ref::<sqlx::Error>().and_then(|error| error.as_database_error());
        io || sql.is_some_and(|error| error.code().is_some_and(|code| code == DISK_FULL))
    });
    if is_full { full(folder) } else { error }
}
