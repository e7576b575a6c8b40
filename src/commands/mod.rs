//! What the commands do that are not the panel itself: each says on standard output what it did.

mod backups;
mod database;
mod health;
pub mod logging;
mod manual;
mod marzban;
mod people;

use anyhow::Context as _;
use rad_panel::config::DatabaseConfig;
use sqlx::{Connection as _, PgConnection, PgPool, postgres::PgPoolOptions};

pub use backups::{backup, fetch_backup, restore, verify};
pub use database::migrate;
pub use health::health;
pub use manual::{completions, man};
pub use marzban::check_marzban;
pub use people::{create_admin, reset_password, reset_two_factor, setup_code};

const UNREACHABLE: &str = "can't reach the database of DATABASE_URL";

async fn connect(database: &DatabaseConfig) -> anyhow::Result<PgConnection> {
    let options = database.options.expose();
    PgConnection::connect_with(options).await.context(UNREACHABLE)
}

async fn pool(database: &DatabaseConfig) -> anyhow::Result<PgPool> {
    let pool = PgPoolOptions::new().max_connections(1);
    pool.connect_with(database.options.expose().clone()).await.context(UNREACHABLE)
}
