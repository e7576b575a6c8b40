//! Bringing the schema up to date while others work with it.

use std::{collections::BTreeSet, time::Duration};

use sqlx::{
    Connection as _, PgConnection,
    migrate::{Migrate as _, MigrateError, Migration},
    postgres::PgConnectOptions,
};

use crate::MIGRATOR;

/// A migration waits so long for a table that somebody reads, a backup for instance: all who come after it wait too.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '2s'";
/// Then they get their turn, before it tries again.
const PAUSE: Duration = Duration::from_secs(5);

/// What was done.
pub struct Migrated {
    /// Those that were there before.
    pub before: usize,
    pub now: Vec<&'static Migration>,
}

/// Applies what is missing, each in a transaction of its own. A second process waits for the first and finds nothing to
/// do.
///
/// # Errors
/// When the database can't be reached, is of a newer version, or a migration fails.
pub async fn migrate(options: &PgConnectOptions) -> Result<Migrated, MigrateError> {
    loop {
        match attempt(options).await {
            Err(error) if is_in_use(&error) => {
                tracing::info!(%error, "the schema is in use; trying again");
                tokio::time::sleep(PAUSE).await;
            }
            ended => return ended,
        }
    }
}

async fn attempt(options: &PgConnectOptions) -> Result<Migrated, MigrateError> {
    // One of its own: what it has locked ends with it, however it ends.
    let mut conn = PgConnection::connect_with(options).await?;
    sqlx::query(LOCK_TIMEOUT).execute(&mut conn).await?;
    conn.lock().await?;
    conn.ensure_migrations_table().await?;
    let before: BTreeSet<i64> =
        conn.list_applied_migrations().await?.iter().map(|done| done.version).collect();
    MIGRATOR.run(&mut conn).await?;
    conn.close().await?;
    let now = MIGRATOR.iter().filter(|migration| !before.contains(&migration.version)).collect();
    Ok(Migrated { before: before.len(), now })
}

/// PostgreSQL's `lock_not_available`.
fn is_in_use(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "55P03")
}
