//! The command line, and nothing else.

mod commands;

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use commands::logging;
use rad_panel::{
    app,
    config::{self, Config, DatabaseConfig, Values},
    demo,
};

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
    /// Ask the panel that runs here whether it is ready; the exit code is 1 if it is not
    Health(ConfigFile),
    /// Bring the database up to date
    Migrate(ConfigFile),
    /// Make an admin; the password is asked for, or read from standard input
    CreateAdmin {
        #[command(flatten)]
        file: ConfigFile,
        #[arg(long, value_name = "NAME")]
        username: String,
    },
    /// Tell a code by which the first admin is made in a browser, at /setup; only while there is no admin
    SetupCode(ConfigFile),
    /// Set somebody's password; it is asked for, or read from standard input
    ///
    /// Whoever it is, admin, agent or customer, is signed out everywhere, and the wrong passwords before it are
    /// forgiven.
    ResetPassword {
        #[command(flatten)]
        file: ConfigFile,
        #[arg(long, value_name = "NAME")]
        username: String,
    },
    /// Say what stands between this machine and Marzban; the exit code is 1 where no account can be made
    CheckMarzban(ConfigFile),
    /// Make a backup of the database and the receipts now, and copy it where BACKUP_S3_ENDPOINT says.
    ///
    /// The exit code is 3 when the backup is made and its copy is not there yet; a running panel tries again.
    Backup(ConfigFile),
    /// Fetch a backup from the store of BACKUP_S3_ENDPOINT into BACKUP_DIR; without a name, list what is there
    FetchBackup {
        #[command(flatten)]
        file: ConfigFile,
        /// As in the list: rad-panel-….tar or rad-panel-….tar.age
        name: Option<String>,
    },
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
    /// Write the man pages into a folder
    #[command(hide = true)]
    Man {
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Print the completions for a shell
    #[command(hide = true)]
    Completions { shell: Shell },
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
    /// The settings, for a command that says what it did on standard output.
    fn values(&self) -> anyhow::Result<Values> {
        let values = Values::load(self.path.as_deref())?;
        logging::to_stderr(&values)?;
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
        Command::Serve(file) => {
            let values = Values::load(file.path.as_deref())?;
            let _log = logging::to_stdout(&values)?;
            app::serve(Config::from_values(&values)?).await?;
        }
        Command::Demo { listen, data, no_samples } => {
            let values = demo::quiet(Values::load(None)?);
            logging::to_stderr(&values)?;
            demo::run(demo::Options { listen, data, samples: !no_samples }, values).await?;
        }
        Command::Health(file) => return commands::health(config::listen(&file.values()?)?).await,
        Command::Migrate(file) => commands::migrate(&DatabaseConfig::from_values(&file.values()?)?).await?,
        Command::CreateAdmin { file, username } => {
            commands::create_admin(&DatabaseConfig::from_values(&file.values()?)?, &username).await?;
        }
        Command::SetupCode(file) => {
            commands::setup_code(&DatabaseConfig::from_values(&file.values()?)?).await?;
        }
        Command::ResetPassword { file, username } => {
            commands::reset_password(&DatabaseConfig::from_values(&file.values()?)?, &username).await?;
        }
        Command::CheckMarzban(file) => return commands::check_marzban(&file.values()?).await,
        Command::Backup(file) => return commands::backup(&file.values()?).await,
        Command::FetchBackup { file, name } => {
            commands::fetch_backup(&file.values()?, name.as_deref()).await?;
        }
        Command::Restore { file, archive, force, yes, identity } => {
            return commands::restore(&file.values()?, &archive, identity.as_deref(), force, yes).await;
        }
        Command::Verify { file, json } => return commands::verify(&file.values()?, json).await,
        Command::ResetTwoFactor { file, username } => {
            commands::reset_two_factor(&DatabaseConfig::from_values(&file.values()?)?, &username).await?;
        }
        Command::Man { folder } => commands::man(Cli::command(), &config::example(), &folder)?,
        Command::Completions { shell } => commands::completions(Cli::command(), shell),
        Command::TestDatabase { migrations, command } => {
            return Ok(demo::test_database::run(&command, migrations.as_deref()).await?.into());
        }
    }
    Ok(ExitCode::SUCCESS)
}
