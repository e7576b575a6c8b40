//! What the server says of accounts that exist: how much of them is used, and when they end.
//!
//! Invariant: this writes down what was read and decides nothing; an account that can't be read keeps its last news.

use std::time::Duration;

use sqlx::{PgExecutor, PgPool};

use super::jobs::code;
use crate::{
    calendar::{Clock, Time},
    ids::OrderId,
    marzban::{Account, Cause, Marzban, Outcome},
};

/// News younger than this is not asked for again by a page.
pub const FRESH: time::Duration = time::Duration::minutes(1);
/// News older than this is asked for by the schedule.
const STALE: time::Duration = time::Duration::minutes(15);
/// So long after its end an account is no longer asked about by the schedule.
const FORGOTTEN: time::Duration = time::Duration::days(7);
/// How many accounts one run of the schedule asks about, one after the other.
const AT_ONCE: i64 = 200;
/// After so many accounts that can't be read it is the server that is ill, and the run ends.
const UNREAD: usize = 5;
/// How long a page may wait for the server.
const PATIENCE: Duration = Duration::from_secs(4);

/// Asks about one account for a page that is being looked at. Where the server doesn't answer in time, the page
/// goes on showing the last news.
///
/// # Errors
/// When the database fails.
pub async fn refresh(
    db: &PgPool,
    marzban: &Marzban,
    clock: &Clock,
    order: OrderId,
    username: &str,
) -> sqlx::Result<()> {
    if let Ok(Outcome::Done(Some(account))) = tokio::time::timeout(PATIENCE, marzban.account(username)).await
        && account.belongs_to(order)
    {
        write_down(db, order, &account, clock.now()).await?;
    }
    Ok(())
}

/// Asks about the accounts with the oldest news; ends when the server can't be asked. Returns how many
/// answered.
///
/// # Errors
/// When the database fails.
pub async fn refresh_stale(db: &PgPool, marzban: &Marzban, clock: &Clock) -> sqlx::Result<usize> {
    let now = clock.now();
    let stale = sqlx::query!(
        r#"SELECT m.order_id AS "order: OrderId", m.username
           FROM marzban_users m JOIN orders o ON o.id = m.order_id
           WHERE o.status IN ('ACTIVE', 'DISABLED') AND m.last_synced_at < $1
             AND (m.expire_at IS NULL OR m.expire_at > $2)
           ORDER BY m.last_synced_at LIMIT $3"#,
        now - STALE,
        now - FORGOTTEN,
        AT_ONCE
    )
    .fetch_all(db)
    .await?;
    let (mut answered, mut unread) = (0, 0);
    for account in stale {
        match marzban.account(&account.username).await {
            Outcome::Done(Some(found)) if found.belongs_to(account.order) => {
                write_down(db, account.order, &found, clock.now()).await?;
                answered += 1;
            }
            // One account that can't be read must not stand before all others for ever.
            Outcome::Unknown(Cause::BadAnswer | Cause::Server5xx) if unread < UNREAD => {
                unread += 1;
                put_back(db, account.order, clock.now()).await?;
            }
            Outcome::Unknown(_) => break,
            // Gone, or someone else's: the last news stays, but the others get their turn first.
            Outcome::Done(_) | Outcome::Refused(_) => put_back(db, account.order, clock.now()).await?,
        }
    }
    Ok(answered)
}

/// Writes down what was read, unless there is newer news.
///
/// # Errors
/// When the database fails.
pub(super) async fn write_down(
    db: impl PgExecutor<'_>,
    order: OrderId,
    account: &Account,
    now: Time,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE marzban_users SET expire_at = $2, on_hold_seconds = $3, data_limit_bytes = $4, data_used_bytes = $5,
             lifetime_used_bytes = $6, status = $7, online_at = $8, last_synced_at = $9
         WHERE order_id = $1 AND last_synced_at <= $9",
        order.0,
        account.expire_at,
        account.on_hold_seconds,
        account.data_limit_bytes,
        account.data_used_bytes,
        account.lifetime_used_bytes,
        code(account.status),
        account.online_at,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn put_back(db: &PgPool, order: OrderId, now: Time) -> sqlx::Result<()> {
    tracing::warn!(%order, "the server has no account of this order");
    sqlx::query!("UPDATE marzban_users SET last_synced_at = $2 WHERE order_id = $1", order.0, now)
        .execute(db)
        .await?;
    Ok(())
}
