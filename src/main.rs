//! The command line, and nothing else.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    io::{self, IsTerminal},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use rad_panel::{
    MIGRATOR, accounts, app,
    calendar::Clock,
    config::{self, Config, DatabaseConfig, LogConfig, LogFormat, Values},
    demo,
};
use sqlx::{Connection, PgConnection, PgPool, migrate::Migrate, postgres::PgPoolOptions};
use tracing_subscriber::EnvFilter;

const UNREACHABLE: &str = "can't reach the database of DATABASE_URL";

/// A web panel for shops that sell accounts living in Marzban.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the panel; `serve --help` lists every setting
    #[command(after_long_help = config::example())]
    Serve(ConfigFile),
    /// Try the panel: a private PostgreSQL, a Marzban simulator and a sample shop.
    ///
    /// With MARZBAN_URL, MARZBAN_USERNAME and MARZBAN_PASSWORD in the environment it talks to that
    /// Marzban. PG_BIN names the folder of PostgreSQL's programs if they are in an unusual place.
    Demo {
        /// Where the panel answers
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000")]
        listen: SocketAddr,
        /// The folder that keeps everything
        #[arg(long, value_name = "DIR", default_value = "./var/demo")]
        data: PathBuf,
        /// Start with an empty shop
        #[arg(long)]
        no_samples: bool,
    },
    /// Bring the database up to date
    Migrate(ConfigFile),
    /// Make an admin; the password is asked for, or read from standard input
    CreateAdmin {
        #[command(flatten)]
        file: ConfigFile,
        #[arg(long, value_name = "NAME")]
        username: String,
    },
    /// Turn somebody's two-step sign-in off: for an admin who has lost phone and recovery codes
    ResetTwoFactor {
        #[command(flatten)]
        file: ConfigFile,
        #[arg(long, value_name = "NAME")]
        username: String,
    },
    /// Run a command with a throw-away database in DATABASE_URL
    #[command(hide = true)]
    TestDatabase {
        /// Migrate it from this folder first
        #[arg(long, value_name = "DIR")]
        migrations: Option<PathBuf>,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
}

#[derive(clap::Args)]
struct ConfigFile {
    /// A file of NAME=VALUE lines; the environment wins over it
    #[arg(long = "config", value_name = "FILE")]
    path: Option<PathBuf>,
}

impl ConfigFile {
    fn values(&self) -> anyhow::Result<Values> {
        let values = Values::load(self.path.as_deref())?;
        log(&values)?;
        Ok(values)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("rad-panel: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(file) => app::serve(Config::from_values(&file.values()?)?).await?,
        Command::Demo { listen, data, no_samples } => {
            let values = demo::quiet(Values::load(None)?);
            log(&values)?;
            demo::run(demo::Options { listen, data, samples: !no_samples }, values).await?;
        }
        Command::Migrate(file) => migrate(&DatabaseConfig::from_values(&file.values()?)?).await?,
        Command::CreateAdmin { file, username } => {
            let database = DatabaseConfig::from_values(&file.values()?)?;
            let password = password()?;
            create_admin(&database, &username, &password).await?;
        }
        Command::ResetTwoFactor { file, username } => {
            reset_two_factor(&DatabaseConfig::from_values(&file.values()?)?, &username).await?;
        }
        Command::TestDatabase { migrations, command } => {
            return Ok(demo::test_database::run(&command, migrations.as_deref()).await?.into());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Logs go to standard error: standard output is for answers.
fn log(values: &Values) -> anyhow::Result<()> {
    let LogConfig { filter, format } = LogConfig::from_values(values)?;
    let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_writer(io::stderr);
    match format {
        LogFormat::Human => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}

/// Says which migrations it applied; a second process waits for the first and finds nothing to do.
async fn migrate(database: &DatabaseConfig) -> anyhow::Result<()> {
    let mut db = connect(database).await?;
    db.lock().await?;
    db.ensure_migrations_table().await?;
    let before: BTreeSet<i64> = db.list_applied_migrations().await?.iter().map(|done| done.version).collect();
    MIGRATOR.run(&mut db).await?;
    db.unlock().await?;
    let applied: Vec<_> = MIGRATOR.iter().filter(|migration| !before.contains(&migration.version)).collect();
    for migration in &applied {
        println!("applied {} {}", migration.version, migration.description);
    }
    println!("The database is up to date: {} applied now, {} before.", applied.len(), before.len());
    Ok(())
}

async fn connect(database: &DatabaseConfig) -> anyhow::Result<PgConnection> {
    let options = database.options.expose();
    PgConnection::connect_with(options).await.context(UNREACHABLE)
}

async fn pool(database: &DatabaseConfig) -> anyhow::Result<PgPool> {
    let pool = PgPoolOptions::new().max_connections(1);
    pool.connect_with(database.options.expose().clone()).await.context(UNREACHABLE)
}

async fn create_admin(database: &DatabaseConfig, username: &str, password: &str) -> anyhow::Result<()> {
    let db = pool(database).await?;
    accounts::create_admin(&db, username, password, Clock::system().now()).await?;
    println!("The admin {username} can sign in now.");
    Ok(())
}

async fn reset_two_factor(database: &DatabaseConfig, username: &str) -> anyhow::Result<()> {
    let db = pool(database).await?;
    match accounts::reset_two_factor_by_hand(&db, username, Clock::system().now()).await? {
        None => bail!("nobody has the user name {username}"),
        Some(false) => println!("Two-step sign-in of {username} was off already."),
        Some(true) => println!("Two-step sign-in of {username} is off: the password alone is enough now."),
    }
    Ok(())
}

/// Asked twice on a terminal, without echo; else the first line of standard input.
fn password() -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let password = rpassword::prompt_password("Password: ")?;
    if rpassword::prompt_password("Again: ")? != password {
        bail!("the two passwords differ");
    }
    Ok(password)
}
