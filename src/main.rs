//! The command line, and nothing else.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    io::{self, IsTerminal, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, anyhow, bail};
use clap::{Parser, Subcommand};
use rad_panel::{
    MIGRATOR, accounts, app,
    backups::{self, BackupError, Backups, Inspected, Target, archive::Manifest},
    calendar::Clock,
    config::{self, BackupConfig, Config, DatabaseConfig, LogConfig, LogFormat, Values},
    demo, receipts,
    verification::{self, Finding, Report},
};
use sqlx::{Connection, PgConnection, PgPool, migrate::Migrate, postgres::PgPoolOptions};
use time::format_description::well_known::Rfc3339;
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
    /// Make a backup of the database and the receipts now
    Backup(ConfigFile),
    /// Put a backup in the place of what is there.
    ///
    /// The whole archive is read and checked before anything is touched, and the database is replaced in one
    /// transaction. Stop the panel first.
    Restore {
        #[command(flatten)]
        file: ConfigFile,
        /// The archive, as `rad-panel backup` wrote it
        archive: PathBuf,
        /// Replace a database that is not empty
        #[arg(long)]
        force: bool,
        /// Don't ask
        #[arg(long)]
        yes: bool,
        /// The file with the age identity, for an encrypted backup
        #[arg(long, value_name = "FILE")]
        identity: Option<PathBuf>,
    },
    /// Prove every rule of money, orders and receipts over all rows; the exit code is 1 if one is broken
    Verify {
        #[command(flatten)]
        file: ConfigFile,
        /// Report as JSON
        #[arg(long)]
        json: bool,
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
        Command::Backup(file) => backup(&file.values()?).await?,
        Command::Restore { file, archive, force, yes, identity } => {
            let identities = identity.map_or(Ok(Vec::new()), |file| identities(&file))?;
            return restore(&file.values()?, &archive, identities, force, yes).await;
        }
        Command::Verify { file, json } => return verify(&file.values()?, json).await,
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

/// What the commands about backups need, without what only the pages need.
async fn backups(values: &Values) -> anyhow::Result<Backups> {
    let database = DatabaseConfig::from_values(values)?;
    let pool = PgPoolOptions::new().max_connections(4);
    let db = pool.connect_with(database.options.expose().clone()).await.context(UNREACHABLE)?;
    let receipts = receipts::Store::new(config::upload_dir(values)?)?;
    Ok(Backups::new(db, receipts, Arc::new(BackupConfig::from_values(values)?)))
}

async fn backup(values: &Values) -> anyhow::Result<()> {
    let made = backups::create(&backups(values).await?, &Clock::system(), false).await?;
    println!(
        "{}: {} bytes, {} receipts, read again and whole.",
        made.file.display(),
        made.size,
        made.receipts
    );
    Ok(())
}

async fn restore(
    values: &Values,
    archive: &Path,
    identities: Vec<age::x25519::Identity>,
    force: bool,
    yes: bool,
) -> anyhow::Result<ExitCode> {
    let inspected = backups::inspect(archive, identities).await?;
    let backups = backups(values).await?;
    let target = backups::target(&mut *backups.db.acquire().await?).await?;
    println!("{}", plan(&inspected, target, values)?);
    if target != Target::Empty && !force {
        bail!(BackupError::NotEmpty);
    }
    if !yes && !confirmed()? {
        bail!("nothing was done");
    }
    let report = backups::restore(&backups, &inspected, force, Clock::system().now()).await?;
    println!("The backup is restored.");
    Ok(print_report(&report))
}

/// What a restore will do, for the one who confirms it.
fn plan(inspected: &Inspected, target: Target, values: &Values) -> anyhow::Result<String> {
    let Manifest { panel, migration, made_at, users, transactions, receipts, .. } = &inspected.manifest;
    let made_at = made_at.format(&Rfc3339)?;
    let sum = match inspected.has_sum {
        true => "its checksum and its manifest agree",
        false => "there is no checksum beside it, but its manifest agrees",
    };
    let there = match target {
        Target::Empty => "The database is empty.".to_owned(),
        Target::Shop(people) => {
            format!("The database has {people} users: all that is in it will be replaced.")
        }
        Target::Foreign(tables) => format!(
            "The database has {tables} tables of something else: all that is in its schema public will be replaced."
        ),
    };
    let uploads = config::upload_dir(values)?;
    Ok(format!(
        "{}: made {made_at} by RAD Panel {panel} (migration {migration}); {sum}.\n\
         It holds {users} users, {transactions} transactions and {receipts} receipts.\n{there}\n\
         The receipts go to {}; other files there stay. Everybody has to sign in again.\n\
         What was done after that instant is not in it: compare the accounts with Marzban afterwards.",
        inspected.path.display(),
        uploads.display()
    ))
}

fn confirmed() -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("nobody is there to confirm this: use --yes");
    }
    print!("Type yes to go on: ");
    io::stdout().flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim() == "yes")
}

/// The identities in an age key file: its lines but for comments.
fn identities(file: &Path) -> anyhow::Result<Vec<age::x25519::Identity>> {
    let text = fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.parse().map_err(|cause| anyhow!("{}: {cause}", file.display()))).collect()
}

async fn verify(values: &Values, json: bool) -> anyhow::Result<ExitCode> {
    let mut db = connect(&DatabaseConfig::from_values(values)?).await?;
    let store = receipts::Store::new(config::upload_dir(values)?)?;
    let report = verification::of_all(&mut db, &store).await?;
    if !json {
        return Ok(print_report(&report));
    }
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_report(report: &Report) -> ExitCode {
    for check in &report.checks {
        let found: Vec<_> = report.findings.iter().filter(|finding| finding.check == *check).collect();
        println!(
            "{check}: {}",
            if found.is_empty() { "good".to_owned() } else { format!("{} wrong", found.len()) }
        );
        for Finding { subject, problem, .. } in found {
            println!("  {subject}: {problem}");
        }
    }
    let Report { transactions, orders, receipts, findings, .. } = report;
    println!(
        "Looked at {transactions} transactions, {orders} orders and {receipts} receipts: {} wrong.",
        findings.len()
    );
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
