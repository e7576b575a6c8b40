//! The audit log: who did what, to what, when, from where. Written in the transaction of the deed itself.

mod words;

use std::net::IpAddr;

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{calendar::Time, ids::UserId};

pub use words::{note, words};

/// Who does something, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Actor {
    pub user: UserId,
    pub address: Option<IpAddr>,
}

impl From<UserId> for Actor {
    fn from(user: UserId) -> Self {
        Self { user, address: None }
    }
}

/// One deed.
#[derive(Clone, Debug)]
pub struct Deed<'a> {
    /// Who did it; `None` is the panel itself.
    pub actor: Option<UserId>,
    /// `noun.verb`, as in `payment.approve`.
    pub action: &'static str,
    pub subject_type: &'static str,
    pub subject_id: Option<i64>,
    /// What else is worth knowing; never a password, a token or a whole card number.
    pub detail: Value,
    pub address: Option<&'a IpAddr>,
}

/// Writes the deed down in the caller's transaction.
pub async fn record(conn: &mut PgConnection, deed: &Deed<'_>, now: Time) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO audit_log (actor_id, action, subject_type, subject_id, detail, address, created_at)
         VALUES ($1, $2, $3, $4, $5, ($6::text)::inet, $7)",
        deed.actor.map(|user| user.0),
        deed.action,
        deed.subject_type,
        deed.subject_id,
        deed.detail,
        deed.address.map(ToString::to_string),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a form with this `request_id` (in the detail) has already done `action` to this person. Decides only
/// under a lock that all who do the deed wait for.
pub async fn is_recorded(
    conn: &mut PgConnection,
    action: &str,
    person: UserId,
    request_id: Uuid,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM audit_log
               WHERE subject_type = 'user' AND subject_id = $1 AND action = $2 AND detail->>'request_id' = $3
           ) AS "recorded!""#,
        person.0,
        action,
        request_id.to_string()
    )
    .fetch_one(conn)
    .await
}

impl Actor {
    /// Writes down what this person did, in the caller's transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record(
        self,
        conn: &mut PgConnection,
        action: &'static str,
        (subject_type, subject_id): (&'static str, Option<i64>),
        detail: Value,
        now: Time,
    ) -> sqlx::Result<()> {
        let address = self.address.as_ref();
        let deed = Deed { actor: Some(self.user), action, subject_type, subject_id, detail, address };
        record(conn, &deed, now).await
    }
}
