//! The 24-hour rule: whoever is below zero for that long has all accounts switched off, and gets exactly those back
//! once nothing is owed.
//!
//! Invariant: what is switched off is decided under the lock of the wallet, one order a transaction, so that the rule
//! may end anywhere and be taken up again; an order counts as switched off when the server has said so.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::changes::{self, By, ChangeError};
use crate::{
    calendar::Time,
    ids::{OrderId, UserId},
    ledger::{Balance, GRACE},
};

/// So many orders are read at once.
const PAGE: i64 = 500;

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

/// Asks for the accounts that the rule switched off to be switched on again, where nothing is owed any more. What the
/// server has not heard of yet is called off. Returns how many come back.
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
               FROM orders o JOIN wallets w ON w.user_id = o.user_id
               WHERE o.status = 'DISABLED' AND o.disabled_reason = 'NEGATIVE_CREDIT' AND o.id > $1 AND w.total >= 0
                 AND NOT EXISTS (SELECT FROM order_changes c WHERE c.order_id = o.id AND c.status = 'WAITING')
               ORDER BY o.id LIMIT $2"#,
            after,
            PAGE
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

/// What was read may have changed before it was locked: then the next run decides anew.
fn settled<T>(result: Result<T, ChangeError>) -> sqlx::Result<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(ChangeError::Database(error)) => Err(error),
        Err(_) => Ok(false),
    }
}
