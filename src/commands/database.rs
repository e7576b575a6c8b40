//! The schema.

use rad_panel::{app::schema, config::DatabaseConfig};
use sqlx::Connection as _;

use super::connect;

/// Says which migrations it applied; a second process waits for the first and finds nothing to do.
pub async fn migrate(database: &DatabaseConfig) -> anyhow::Result<()> {
    // For the message where it is not reached.
    connect(database).await?.close().await?;
    let done = schema::migrate(database.options.expose()).await?;
    for migration in &done.now {
        println!("applied {} {}", migration.version, migration.description);
    }
    println!("The database is up to date: {} applied now, {} before.", done.now.len(), done.before);
    Ok(())
}
