//! What the panel does by itself, for the owner's eyes: tasks of the clock, jobs of the queue, and the server.
//!
//! Invariant: this room decides nothing of its own; a person may only bring forward what would be done anyway.

pub mod handlers;
pub mod queries;

use serde_json::json;
use sqlx::PgPool;

use crate::{
    audit::Actor,
    calendar::Time,
    ids::JobId,
    jobs::{
        self,
        schedule::{self, Task},
    },
};

/// Asks for a run of a task now. `false` when it is under way already.
///
/// # Errors
/// When the database fails.
pub async fn run_now(db: &PgPool, admin: Actor, task: Task, now: Time) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    if !schedule::ask_for(&mut tx, task, admin.user, now).await? {
        return Ok(false);
    }
    admin.record(&mut tx, "task.run", ("task", None), json!({ "task": task.code() }), now).await?;
    tx.commit().await?;
    Ok(true)
}

/// Tries a failed job again. `false` when it is not a failed one any more.
///
/// # Errors
/// When the database fails.
pub async fn retry(db: &PgPool, admin: Actor, id: JobId, now: Time) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    if !jobs::revive(&mut tx, id, now).await? {
        return Ok(false);
    }
    admin.record(&mut tx, "job.retry", ("job", Some(id.0)), json!({}), now).await?;
    tx.commit().await?;
    Ok(true)
}
