//! Backups: made, kept, rehearsed, restored.

mod keeping;
mod making;
mod offsite;
mod offsite_commands;
mod offsite_told;
mod page;
mod restoring;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use rad_panel::{
    backups::{self, Backups},
    ids::{OrderId, PaymentId, PlanId},
    payments::{self, ApprovalInput},
};
use sqlx::PgPool;

use crate::{
    payments::{Form, card, screenshot},
    support::TestApp,
};

/// The backups of this panel.
pub fn of(app: &TestApp) -> Backups {
    Backups::new(app.db.clone(), app.state.receipts.clone(), Arc::clone(&app.state.backups))
}

/// The folder of this panel's backups.
pub fn folder(app: &TestApp) -> &Path {
    &app.state.backups.folder
}

/// The folder of this panel's receipts, beside that of its backups.
pub fn receipts(app: &TestApp) -> PathBuf {
    folder(app).with_file_name("receipts")
}

/// The names in a folder, in order; none when it is not there.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A shop with an approved payment, one that waits, their receipts, and an account. Returns the approved one.
pub async fn shop(db: PgPool) -> (TestApp, PaymentId) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    card(&app.db, "ملی").await;
    let reza = app.signed_in("reza").await;
    for seed in [1, 2] {
        let form = Form::open(&reza).await.with("amount", "200000");
        form.send_file(&reza, "a.png", &screenshot(seed)).await.expect(303);
    }
    let paid: PaymentId =
        sqlx::query_scalar("SELECT min(id) FROM payments").fetch_one(&app.db).await.unwrap();
    payments::approve(&app.db, paid, app.sara, ApprovalInput::default(), now).await.unwrap();
    let plan = app.plan("ماهانه", 30, Some(30), 90_000).await;
    order(&app, plan, "first_one").await;
    assert_eq!(app.run_jobs().await, 1);
    (app, paid)
}

/// Reza orders an account.
pub async fn order(app: &TestApp, plan: PlanId, username: &str) -> OrderId {
    app.order(app.reza, plan, 90_000, username).await
}

/// Makes a backup and returns its file.
pub async fn backup(app: &TestApp) -> PathBuf {
    backups::create(&of(app), &app.clock, false).await.unwrap().file
}

/// How each attempt went, the oldest first.
pub async fn outcomes(app: &TestApp) -> Vec<(Option<String>, Option<String>)> {
    sqlx::query_as("SELECT outcome, error FROM backups ORDER BY id").fetch_all(&app.db).await.unwrap()
}

/// The address of a database on the tests' server.
fn url(database: &str) -> String {
    let url = std::env::var("DATABASE_URL").unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{database}")
}

/// The command with this panel's settings, but for those given.
pub async fn command(app: &TestApp, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let database = app.db.connect_options();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rad-panel"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LOG", "warn");
    command.env("DATABASE_URL", url(database.get_database().unwrap()));
    command.env("UPLOAD_DIR", receipts(app)).env("BACKUP_DIR", folder(app));
    command.envs(settings.iter().copied()).args(arguments).stdin(std::process::Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// Standard output and error together.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}
