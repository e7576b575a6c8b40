//! What changes agents: hiring, the profile, the deadline of the 24-hour rule.

use serde_json::{Map, Value, json};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::NewAgent;
use crate::{
    accounts::{self, CreateError},
    audit::{self, Actor},
    calendar::Time,
    ids::UserId,
    money::Toman,
};

/// All that the shop knows of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Profile {
    pub first_name: String,
    pub last_name: String,
    /// Canonical: `09` and nine digits.
    pub phone: String,
    pub shop_name: String,
    pub province: String,
    pub city: String,
    pub address: String,
    /// For the admin's eyes only.
    pub notes: String,
    /// What the names of this agent's accounts begin with.
    pub username_prefix: Option<String>,
    /// How much pending credit may be spent, Toman.
    pub pending_ceiling: Toman,
}

/// How an agent came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hired {
    /// Just now, with this one-time password, which is kept nowhere.
    Now { id: UserId, password: String },
    /// The same form made her before.
    Before(UserId),
}

/// Makes an agent with a one-time password. The same form again gives the same agent.
///
/// # Errors
/// See [`CreateError`].
pub async fn hire(
    db: &PgPool,
    username: &str,
    profile: &Profile,
    request_id: Uuid,
    by: Actor,
    now: Time,
) -> Result<Hired, CreateError> {
    let password = accounts::one_time_password();
    let new = NewAgent {
        username,
        password: &password,
        first_name: &profile.first_name,
        last_name: &profile.last_name,
        phone: &profile.phone,
        shop_name: &profile.shop_name,
        province: &profile.province,
        city: &profile.city,
        username_prefix: profile.username_prefix.as_deref(),
        pending_ceiling: profile.pending_ceiling,
    };
    let mut tx = db.begin().await?;
    let id = match super::create(&mut tx, &new, now).await {
        Ok(id) => id,
        Err(CreateError::UsernameTaken) => {
            tx.rollback().await?;
            let mut conn = db.acquire().await?;
            let holder = sqlx::query_scalar!(
                r#"SELECT id AS "id: UserId" FROM users WHERE username = $1"#,
                username.trim().to_lowercase()
            )
            .fetch_one(&mut *conn)
            .await?;
            return if audit::is_recorded(&mut conn, "agent.create", holder, request_id).await? {
                Ok(Hired::Before(holder))
            } else {
                Err(CreateError::UsernameTaken)
            };
        }
        Err(error) => return Err(error),
    };
    write(&mut tx, id, profile).await?;
    accounts::require_new_password(&mut tx, id).await?;
    record(&mut tx, "agent.create", id, json!({ "request_id": request_id }), by, now).await?;
    tx.commit().await?;
    Ok(Hired::Now { id, password })
}

/// Why a profile or a deadline was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("no such agent")]
    NotFound,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Changes an agent's profile. What was changed, from what to what, is logged; nothing is where nothing was.
///
/// # Errors
/// See [`ProfileError`].
pub async fn update(
    db: &PgPool,
    agent: UserId,
    profile: &Profile,
    by: Actor,
    now: Time,
) -> Result<(), ProfileError> {
    let mut tx = db.begin().await?;
    let before = sqlx::query_as!(
        Profile,
        r#"SELECT first_name, last_name, phone, shop_name, province, city, address, notes, username_prefix,
                  pending_ceiling AS "pending_ceiling: Toman"
           FROM agents WHERE user_id = $1 FOR UPDATE"#,
        agent.0
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(ProfileError::NotFound)?;
    let changes = changes(&before, profile);
    if changes.is_empty() {
        return Ok(());
    }
    write(&mut tx, agent, profile).await?;
    record(&mut tx, "agent.update", agent, json!({ "changes": changes }), by, now).await?;
    tx.commit().await?;
    Ok(())
}

/// By field: what it was, and what it is.
fn changes(before: &Profile, after: &Profile) -> Map<String, Value> {
    let (Value::Object(before), Value::Object(after)) = (json!(before), json!(after)) else {
        return Map::new();
    };
    after
        .into_iter()
        .filter_map(|(field, new)| {
            let old = before.get(&field).cloned().unwrap_or_default();
            (old != new).then(|| (field, json!([old, new])))
        })
        .collect()
}

async fn write(conn: &mut PgConnection, agent: UserId, profile: &Profile) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE agents SET first_name = $2, last_name = $3, phone = $4, shop_name = $5, province = $6, city = $7,
                address = $8, notes = $9, username_prefix = $10, pending_ceiling = $11
         WHERE user_id = $1",
        agent.0,
        profile.first_name,
        profile.last_name,
        profile.phone,
        profile.shop_name,
        profile.province,
        profile.city,
        profile.address,
        profile.notes,
        profile.username_prefix,
        profile.pending_ceiling.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes how an agent names herself and her canonical phone, in the caller's transaction.
///
/// # Errors
/// When the database fails.
pub async fn introduce(
    conn: &mut PgConnection,
    agent: UserId,
    first_name: &str,
    last_name: &str,
    phone: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE agents SET first_name = $2, last_name = $3, phone = $4 WHERE user_id = $1",
        agent.0,
        first_name,
        last_name,
        phone
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts off the deadline of the 24-hour rule for one agent, until an instant and for a reason that she reads; `None`
/// takes that back. The same again changes nothing.
///
/// # Errors
/// See [`ProfileError`].
pub async fn put_off(
    db: &PgPool,
    agent: UserId,
    until: Option<(Time, &str)>,
    by: Actor,
    now: Time,
) -> Result<(), ProfileError> {
    let (until, reason) = until.unzip();
    let mut tx = db.begin().await?;
    let changed = sqlx::query!(
        "UPDATE agents SET deadline_deferred_until = $2, deadline_deferred_reason = $3
         WHERE user_id = $1
           AND (deadline_deferred_until, deadline_deferred_reason) IS DISTINCT FROM ($2::timestamptz, $3::text)",
        agent.0,
        until,
        reason
    )
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() == 0 {
        let known = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM agents WHERE user_id = $1) AS "known!""#,
            agent.0
        );
        return if known.fetch_one(&mut *tx).await? { Ok(()) } else { Err(ProfileError::NotFound) };
    }
    let action = if until.is_some() { "agent.put_off" } else { "agent.end_put_off" };
    let detail = json!({ "until": until.map(Time::unix_timestamp), "reason": reason });
    record(&mut tx, action, agent, detail, by, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Gives everybody who is below zero time until then, in the caller's transaction; who has longer keeps it. Returns how
/// many.
///
/// # Errors
/// When the database fails.
pub async fn put_off_all(conn: &mut PgConnection, until: Time, reason: &str) -> sqlx::Result<u64> {
    let changed = sqlx::query!(
        "UPDATE agents a SET deadline_deferred_until = $1, deadline_deferred_reason = $2 FROM wallets w
         WHERE w.user_id = a.user_id AND w.negative_since IS NOT NULL
           AND coalesce(a.deadline_deferred_until, '-infinity') < $1",
        until,
        reason
    )
    .execute(conn)
    .await?;
    Ok(changed.rows_affected())
}

async fn record(
    conn: &mut PgConnection,
    action: &'static str,
    agent: UserId,
    detail: Value,
    by: Actor,
    now: Time,
) -> sqlx::Result<()> {
    by.record(conn, action, ("user", Some(agent.0)), detail, now).await
}
