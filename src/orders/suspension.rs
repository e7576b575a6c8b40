//! The 24-hour rule: whoever is below zero for that long has all accounts switched off, and gets exactly those back
//! once nothing is owed.
//!
//! Invariant: what is switched off is decided under the lock of the wallet, one order a transaction, so that the rule
//! may end anywhere and be taken up again; an order counts as switched off when the server has said so.

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::changes::{self, By, ChangeError};
use crate::{
    calendar::Time,
    ids::{OrderId, UserId},
    ledger::{Balance, GRACE},
    notices::{self, Kind, Notice, Recipients, Subject},
};

/// So many orders are read at once.
const PAGE: i64 = 500;

/// An account that the server refused to switch on, and that is not found well meanwhile, is asked for again after so
/// long.
const AGAIN: time::Duration = time::Duration::DAY;

/// Whether the rule strikes this agent.
///
/// # Errors
/// When the database fails.
pub(super) async fn is_due(
    conn: &mut PgConnection,
    agent: UserId,
    balance: &Balance,
    now: Time,
) -> sqlx::Result<bool> {
    let deferred =
        sqlx::query_scalar!("SELECT deadline_deferred_until FROM agents WHERE user_id = $1", agent.0)
            .fetch_optional(conn)
            .await?;
    // Nobody but agents is under the rule.
    let Some(deferred) = deferred else { return Ok(false) };
    Ok(balance.deadline(deferred).is_some_and(|deadline| deadline <= now))
}

/// Asks for every active account of the agents whose time is up to be switched off. Returns how many.
///
/// # Errors
/// When the database fails; the next run goes on from there.
pub async fn strike(db: &PgPool, now: Time) -> sqlx::Result<usize> {
    let mut asked = 0;
    let mut after = 0;
    loop {
        let orders = sqlx::query_scalar!(
            r#"SELECT o.id AS "id: OrderId"
               FROM orders o JOIN agents a ON a.user_id = o.user_id JOIN wallets w ON w.user_id = o.user_id
               WHERE o.status = 'ACTIVE' AND o.id > $1 AND w.negative_since <= $2
                 AND coalesce(a.deadline_deferred_until, '-infinity') <= $3
                 AND NOT EXISTS (SELECT FROM order_changes c WHERE c.order_id = o.id AND c.status = 'WAITING')
               ORDER BY o.id LIMIT $4"#,
            after,
            now - GRACE,
            now,
            PAGE
        )
        .fetch_all(db)
        .await?;
        let Some(last) = orders.last() else { return Ok(asked) };
        after = last.0;
        for order in orders {
            asked += usize::from(settled(changes::disable(db, order, By::Panel, Uuid::new_v4(), now).await)?);
        }
    }
}

/// Asks for the accounts that the rule switched off to be switched on again, where nothing is owed any more or the admin
/// has taken them over, whom the rule does not know. What the server has not heard of yet is called off. Returns how
/// many come back.
///
/// # Errors
/// When the database fails; the next run goes on from there.
pub async fn relent(db: &PgPool, now: Time) -> sqlx::Result<usize> {
    let called_off = changes::call_off_suspensions(db, now).await?;
    let mut asked = called_off;
    let mut after = 0;
    loop {
        let orders = sqlx::query_scalar!(
            r#"SELECT o.id AS "id: OrderId"
               FROM orders o JOIN wallets w ON w.user_id = o.user_id JOIN users u ON u.id = o.user_id
               WHERE o.status = 'DISABLED' AND o.disabled_reason = 'NEGATIVE_CREDIT' AND o.id > $1
                 AND (w.total >= 0 OR u.role = 'ADMIN')
                 AND NOT EXISTS (
                     SELECT FROM order_changes c LEFT JOIN marzban_users m ON m.order_id = c.order_id
                     WHERE c.order_id = o.id
                       AND (c.status = 'WAITING'
                            OR (c.status = 'REFUSED' AND c.kind = 'ENABLE' AND c.requested_by IS NULL
                                AND c.created_at > $3
                                -- Nothing has been found well since.
                                AND (m.drift_since IS NOT NULL OR m.last_synced_at <= c.finished_at))))
               ORDER BY o.id LIMIT $2"#,
            after,
            PAGE,
            now - AGAIN
        )
        .fetch_all(db)
        .await?;
        let Some(last) = orders.last() else { return Ok(asked) };
        after = last.0;
        for order in orders {
            asked += usize::from(settled(changes::enable(db, order, By::Panel, Uuid::new_v4(), now).await)?);
        }
    }
}

/// Tells an agent, once in each period below zero, how many accounts the rule has switched off: with the last of them,
/// in the transaction that writes it down and holds her wallet. What the server refuses is not waited for.
///
/// # Errors
/// When the database fails.
pub(super) async fn tell_struck(conn: &mut PgConnection, owner: UserId, now: Time) -> sqlx::Result<()> {
    let told = sqlx::query!(
        r#"SELECT w.negative_since AS "since!",
                  (SELECT count(*) FROM orders o WHERE o.user_id = w.user_id AND o.status = 'DISABLED'
                     AND o.disabled_reason = 'NEGATIVE_CREDIT') AS "count!"
           FROM wallets w
           WHERE w.user_id = $1 AND w.negative_since IS NOT NULL AND NOT EXISTS (
               SELECT FROM orders o WHERE o.user_id = w.user_id AND o.status = 'ACTIVE' AND NOT EXISTS (
                   SELECT FROM order_changes c WHERE c.order_id = o.id AND c.reason = 'NEGATIVE_CREDIT'
                     AND c.status = 'REFUSED' AND c.created_at >= w.negative_since))"#,
        owner.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(told) = told.filter(|told| told.count > 0) else { return Ok(()) };
    let period = told.since.unix_timestamp_nanos() / 1000;
    let key = format!("accounts-disabled:{owner}:{period}");
    tell(conn, owner, Kind::AccountsDisabled, (told.count, key), now).await
}

/// Tells an agent, with the last of them, how many accounts are on again; as [`tell_struck`] does.
///
/// # Errors
/// When the database fails.
pub(super) async fn tell_back(conn: &mut PgConnection, owner: UserId, now: Time) -> sqlx::Result<()> {
    let told = sqlx::query!(
        r#"WITH struck AS (
               SELECT max(c.id) AS last FROM order_changes c JOIN orders o ON o.id = c.order_id
               WHERE o.user_id = $1 AND c.reason = 'NEGATIVE_CREDIT' AND c.status = 'DONE'
           )
           SELECT struck.last AS "last!",
                  (SELECT count(DISTINCT c.order_id) FROM order_changes c JOIN orders o ON o.id = c.order_id
                   WHERE o.user_id = $1 AND c.kind = 'ENABLE' AND c.requested_by IS NULL AND c.status = 'DONE'
                     AND c.id > struck.last) AS "count!"
           FROM struck
           WHERE struck.last IS NOT NULL AND NOT EXISTS (
               SELECT FROM orders o WHERE o.user_id = $1 AND o.status = 'DISABLED'
                 AND o.disabled_reason = 'NEGATIVE_CREDIT' AND NOT EXISTS (
                   SELECT FROM order_changes c WHERE c.order_id = o.id AND c.kind = 'ENABLE'
                     AND c.status = 'REFUSED' AND c.id > struck.last))"#,
        owner.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(told) = told.filter(|told| told.count > 0) else { return Ok(()) };
    let key = format!("accounts-back:{owner}:{}", told.last);
    tell(conn, owner, Kind::AccountsBack, (told.count, key), now).await
}

async fn tell(
    conn: &mut PgConnection,
    owner: UserId,
    kind: Kind,
    (count, key): (i64, String),
    now: Time,
) -> sqlx::Result<()> {
    let data = json!({ "count": count });
    let to = Recipients::User(owner);
    notices::raise(conn, Notice { to, kind, subject: Subject::Nothing, data, key: Some(key) }, now).await
}

/// What was read may have changed before it was locked: then the next run decides anew.
fn settled<T>(result: Result<T, ChangeError>) -> sqlx::Result<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(ChangeError::Database(error)) => Err(error),
        Err(_) => Ok(false),
    }
}
