//! A command run with a throw-away database: what `bin/test` and `bin/sqlx-prepare` stand on.
//!
//! The folder is always the same one of the checkout, so that what a killed run left is found, stopped
//! and removed by the next.

use std::{ffi::OsString, os::unix::process::ExitStatusExt, path::Path, process::ExitStatus};

use anyhow::Context;
use sqlx::{
    Connection, PgConnection,
    migrate::{MigrateDatabase, Migrator},
};
use tokio::process::{Child, Command};

use super::{
    claim,
    postgres::{Durability, Postgres},
    start_postgres,
    stop::Stop,
};

/// Where, from the folder that the command runs in.
const FOLDER: &str = "var/test";

/// Runs `command` with DATABASE_URL set to an empty database whose role may create others, or one
/// migrated from the folder `migrations`; answers with the command's exit code.
pub async fn run(command: &[OsString], migrations: Option<&Path>) -> anyhow::Result<u8> {
    let stop = Stop::listen()?;
    let _claim = claim(Path::new(FOLDER), "a test run")?;
    let postgres = start_postgres(Path::new(FOLDER), Durability::Off).await?;
    let outcome = with_database(command, migrations, &postgres, stop).await;
    tokio::task::spawn_blocking(|| postgres.remove()).await??;
    outcome
}

async fn with_database(
    command: &[OsString],
    migrations: Option<&Path>,
    postgres: &Postgres,
    stop: Stop,
) -> anyhow::Result<u8> {
    let url = postgres.url("rad_panel_test");
    if sqlx::Postgres::database_exists(&url).await? {
        sqlx::Postgres::drop_database(&url).await?;
    }
    sqlx::Postgres::create_database(&url).await?;
    if let Some(folder) = migrations {
        // From the folder, not from this binary: it may be older than the tree it prepares.
        let mut db = PgConnection::connect(&url).await?;
        Migrator::new(folder).await?.run(&mut db).await?;
        db.close().await?;
    }
    let (program, arguments) = command.split_first().context("no command was given")?;
    let mut child = Command::new(program)
        .args(arguments)
        .env("DATABASE_URL", url)
        .spawn()
        .with_context(|| format!("can't run {}", program.display()))?;
    let status = tokio::select! {
        status = child.wait() => status?,
        () = stop.wait() => ended(&mut child).await?,
    };
    Ok(code(status))
}

/// Passes the wish to stop on: a terminal told the child already, but `kill` told only us.
async fn ended(child: &mut Child) -> anyhow::Result<ExitStatus> {
    if let Some(id) = child.id() {
        Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id.to_string()]).status().await?;
    }
    Ok(child.wait().await?)
}

/// As a shell would give it: 128 and the signal's number for a command that was killed.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
