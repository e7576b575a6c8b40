//! Backups and the proof of the books.

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use rad_panel::{
    backups::{
        self, BackupError, Backups, CopyError, Inspected, Target,
        archive::Manifest,
        offsite::{Store, StoreError, Stored},
    },
    calendar::Clock,
    config::{self, BackupConfig, DatabaseConfig, Values},
    receipts,
    verification::{self, Finding, Report},
};
use sqlx::postgres::PgPoolOptions;
use time::format_description::well_known::Rfc3339;

use super::{UNREACHABLE, connect};

/// What the commands about backups need, without what only the pages need.
async fn backups(values: &Values) -> anyhow::Result<Backups> {
    let database = DatabaseConfig::from_values(values)?;
    let pool = PgPoolOptions::new().max_connections(4);
    let db = pool.connect_with(database.options.expose().clone()).await.context(UNREACHABLE)?;
    let receipts = receipts::Store::new(config::upload_dir(values)?)?;
    Ok(Backups::new(db, receipts, Arc::new(BackupConfig::from_values(values)?)))
}

/// The backup is made; its copy is not there yet.
const NOT_COPIED: u8 = 3;
/// Between two looks at a copy that a running panel makes.
const LOOK: Duration = Duration::from_secs(1);

/// Makes a backup now, and copies it where a store is set up.
pub async fn backup(values: &Values) -> anyhow::Result<ExitCode> {
    let backups = backups(values).await?;
    let clock = Clock::system();
    let made = backups::create(&backups, &clock, false).await?;
    println!(
        "{}: {} bytes, {} receipts, read again and whole.",
        made.file.display(),
        made.size,
        made.receipts
    );
    let Some(offsite) = &backups.config.offsite else { return Ok(ExitCode::SUCCESS) };
    if backups.config.recipients.is_empty() {
        eprintln!(
            "rad-panel: without BACKUP_AGE_RECIPIENT whoever owns or gets into the store can read the whole backup"
        );
    }
    let copied = loop {
        match backups::copy(&backups, &clock, made.id).await {
            // A running panel may be quicker; what came of it is in the backup's row then.
            Err(CopyError::UnderWay) => tokio::time::sleep(LOOK).await,
            copied => break copied,
        }
    };
    match copied {
        Ok(_) => {
            println!("Copied to {}, and compared.", offsite.place());
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!(
                "rad-panel: the backup is made, but not copied to {}: {error}; a running panel tries again",
                offsite.place()
            );
            Ok(NOT_COPIED.into())
        }
    }
}

/// Fetches a backup from the store, or lists what is there.
pub async fn fetch_backup(values: &Values, name: Option<&str>) -> anyhow::Result<()> {
    let config = BackupConfig::from_values(values)?;
    let offsite = config.offsite.as_ref().ok_or(StoreError::NotSetUp)?;
    let store = Store::new(offsite)?;
    let Some(name) = name else {
        let stored = store.list().await?;
        for Stored { name, size, made_at, .. } in &stored {
            println!("{name}  {size} bytes, made {}", made_at.format(&Rfc3339)?);
        }
        println!("{} backups in {}.", stored.len(), store.place());
        return Ok(());
    };
    let fetched = store.fetch(name, &config.folder).await?;
    let compared = match fetched.has_sum {
        true => "the same as was copied there",
        false => "without a checksum to compare it with",
    };
    println!("{}: {} bytes, {compared}.", fetched.file.display(), fetched.size);
    println!("Now: rad-panel restore {}", fetched.file.display());
    Ok(())
}

/// Puts a backup in the place of what is there, once that is confirmed.
pub async fn restore(
    values: &Values,
    archive: &Path,
    identity: Option<&Path>,
    force: bool,
    yes: bool,
) -> anyhow::Result<ExitCode> {
    let identities = identity.map_or(Ok(Vec::new()), identities)?;
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
         The receipts go to {}; other files there stay, for 30 days. Everybody has to sign in again.\n\
         Agents below zero get 24 hours from now: what they have paid since must be entered first.\n\
         What was done after that instant is not in it: compare the accounts with Marzban afterwards, and bring in\n\
         what was sold since (\"Bring in Marzban's accounts\", with the tick for those sold after the last backup).",
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

/// Proves every rule over all rows.
pub async fn verify(values: &Values, json: bool) -> anyhow::Result<ExitCode> {
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
