//! Looking at a person's pages: what is written down before it begins.

use serde_json::json;
use sqlx::PgPool;

use crate::{audit::Actor, calendar::Time, ids::UserId};

/// Writes down that an admin begins to look at what this person sees.
///
/// # Errors
/// When the database fails.
pub async fn view(db: &PgPool, person: UserId, by: Actor, now: Time) -> sqlx::Result<()> {
    let mut conn = db.acquire().await?;
    by.record(&mut conn, "view_as.begin", ("user", Some(person.0)), json!({}), now).await
}
