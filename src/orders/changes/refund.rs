//! What a deletion pays back: within a day of the account's making, the part of its price that was not used yet.
//!
//! Invariant: never below zero, never more than the price, and rounded down to the Toman.

use sqlx::PgPool;
use time::Duration;

use super::{
    super::{DAY, GB},
    ChangeError,
};
use crate::{
    calendar::Time,
    ids::OrderId,
    money::Toman,
    panel::{Account, Outcome, Server},
};

/// After so long nothing is paid back.
const WINDOW: Duration = Duration::hours(24);

/// Whether the day for refunds of an account that was made then is still running.
pub fn is_in_time(made_at: Time, now: Time) -> bool {
    now < made_at + WINDOW
}

/// What was bought first, as far as the refund goes.
#[derive(Clone, Copy, Debug)]
pub struct Purchase {
    /// Toman.
    pub price: Toman,
    pub days: i32,
    /// GB of 2^30 bytes; `None` is unlimited.
    pub data_limit_gb: Option<i32>,
    /// When the account was made: since then its days count, unless they begin at the first connection, and from then
    /// on it can be given back for a day.
    pub provisioned_at: Time,
    /// The most that was ever known to be used, bytes: an account that was made again, or whose figures were wiped on
    /// the server, counts from zero there.
    pub known_used_bytes: i64,
    /// The days that renewals have added; their price is not paid back.
    pub renewed_days: i64,
}

/// The refund for deleting the account, as the server has it, at this moment: the smaller of the shares of time and
/// of volume that are left. One that was never connected is paid back whole. One that the server doesn't have any
/// more pays nothing back: what was used can't be known, and a guess would give volume away.
pub fn reckon(bought: &Purchase, account: Option<&Account>, now: Time) -> Toman {
    let Some(account) = account.filter(|_| is_in_time(bought.provisioned_at, now)) else {
        return Toman::ZERO;
    };
    let used = account.lifetime_used_bytes.max(bought.known_used_bytes);
    let is_unused = used == 0 && account.online_at.is_none();
    if account.waits_for_connection() && is_unused {
        return bought.price;
    }
    let total = i64::from(bought.days) * DAY;
    let left = match account.expire_at {
        Some(end) => end.unix_timestamp() - now.unix_timestamp() - bought.renewed_days * DAY,
        None if account.waits_for_connection() => total,
        // Someone took its end away: the days count as they were bought.
        None => total - (now - bought.provisioned_at).whole_seconds(),
    };
    let by_time = share(bought.price, left, total);
    match bought.data_limit_gb.map(|gb| i64::from(gb) * GB) {
        Some(volume) => {
            let left = left_there(bought, account).map_or(volume - used, |left| left.min(volume - used));
            by_time.min(share(bought.price, left, volume))
        }
        None => by_time,
    }
}

/// What is left of the volume as the server counts it, where that began anew with an account that was made again; a
/// renewal has brought a volume of its own.
fn left_there(bought: &Purchase, account: &Account) -> Option<i64> {
    account.data_limit_bytes.filter(|_| bought.renewed_days == 0).map(|limit| limit - account.data_used_bytes)
}

/// `price × left ÷ total`, rounded down, from zero to the price. The smaller of two shares rounded down is the
/// rounded smaller share.
fn share(price: Toman, left: i64, total: i64) -> Toman {
    let total = total.max(1);
    let part = i128::from(price.0) * i128::from(left.clamp(0, total)) / i128::from(total);
    Toman(i64::try_from(part).unwrap_or(0))
}

/// What deleting would pay back now, for the page that asks.
#[derive(Clone, Debug)]
pub struct Estimate {
    pub refund: Toman,
    /// As the server has it; `None` where it has none any more.
    pub account: Option<Account>,
    /// Whether the day for refunds is still running.
    pub is_in_time: bool,
}

/// Asks the server what was used, and reckons.
///
/// # Errors
/// [`ChangeError::NotFound`], [`ChangeError::Unreadable`], [`ChangeError::NotOurs`], or when the database fails.
pub async fn estimate(
    db: &PgPool,
    server: &Server,
    order: OrderId,
    now: Time,
) -> Result<Estimate, ChangeError> {
    let (bought, username) = find(db, order).await?.ok_or(ChangeError::NotFound)?;
    let account = match server.account(&username).await {
        Outcome::Done(account) => account,
        Outcome::Refused(_) => return Err(ChangeError::NotOurs),
        Outcome::Unknown(cause) => return Err(ChangeError::Unreadable(cause)),
    };
    if account.as_ref().is_some_and(|account| !account.belongs_to(order)) {
        return Err(ChangeError::NotOurs);
    }
    let refund = reckon(&bought, account.as_ref(), now);
    Ok(Estimate { refund, account, is_in_time: is_in_time(bought.provisioned_at, now) })
}

/// What was bought and charged, and the account's name. What was never charged is not paid back.
async fn find(db: &PgPool, order: OrderId) -> sqlx::Result<Option<(Purchase, String)>> {
    let row = sqlx::query!(
        r#"SELECT o.days, o.data_limit_gb, coalesce(o.provisioned_at, o.created_at) AS "provisioned_at!",
                  o.marzban_username,
                  coalesce((SELECT max(s.lifetime_bytes) FROM usage_samples s WHERE s.order_id = o.id), 0)
                      AS "known_used_bytes!",
                  coalesce((SELECT -t.confirmed_delta FROM transactions t
                            WHERE t.order_id = o.id AND t.type = 'ORDER_CREATED'), 0) AS "price!: Toman",
                  (SELECT coalesce(sum(c.days), 0) FROM order_changes c
                   WHERE c.order_id = o.id AND c.kind = 'RENEW' AND c.status = 'DONE') AS "renewed_days!"
           FROM orders o WHERE o.id = $1"#,
        order.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| {
        let bought = Purchase {
            price: row.price,
            days: row.days,
            data_limit_gb: row.data_limit_gb,
            provisioned_at: row.provisioned_at,
            known_used_bytes: row.known_used_bytes,
            renewed_days: row.renewed_days,
        };
        (bought, row.marzban_username)
    }))
}
