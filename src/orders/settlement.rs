//! Settling what the server and the panel say differently about an account: the server's word is taken over, or the
//! server is set to ours.
//!
//! Invariant: no money moves here. What is taken over is written in one transaction; what the server is to be set to
//! goes through the queue, is safe to repeat, and the drift stays until the server has said that it is done.

use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};

use super::{DisabledReason, Status, drift::Drift, jobs::put_off, sync};
use crate::{
    audit::Actor,
    calendar::{Clock, Time},
    ids::{OrderId, UserId},
    jobs::{self, Job, NewJob, Verdict},
    ledger::{self, EntryType, Posting, Reference},
    marzban::{Account, Attempt, Marzban, NewAccount, Outcome, Terms, Validity},
    money::Toman,
};

/// The kind of job that sets an account on the server to what it is here.
pub const RESTORE: &str = "orders.restore";

/// Whose word holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The server's: what it says is written here; an account that is gone counts as deleted, without refund.
    TakeOver,
    /// Ours: the server is set to it; an account that is gone is made again.
    SetThere,
}

/// Why nothing was settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// No such order, or both agree by now.
    #[error("nothing to settle")]
    NotFound,
    /// This can't be settled so, for instance while the 24-hour rule holds.
    #[error("not in this way")]
    NotSo,
    /// Something of the order is under way.
    #[error("a change is under way")]
    Busy,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A drifted account, its order locked.
struct Held {
    order: OrderId,
    owner: UserId,
    status: Status,
    disabled_reason: Option<DisabledReason>,
    kinds: Vec<Drift>,
}

/// Whether an account with these disagreements, and with this end of ours, can be settled so.
pub fn is_possible(
    kinds: &[Drift],
    way: Way,
    reason: Option<DisabledReason>,
    end: Option<Time>,
    now: Time,
) -> bool {
    let has = |kind| kinds.contains(&kind);
    if has(Drift::Missing) {
        return way == Way::TakeOver || end.is_some_and(|end| end > now);
    }
    // Whose account that is, and what is wrong with it, can only be seen there.
    if has(Drift::Foreign) || has(Drift::Unreadable) {
        return false;
    }
    match way {
        // What the 24-hour rule has switched off must not come back by a side door.
        Way::TakeOver => !(has(Drift::OnThere) && reason == Some(DisabledReason::NegativeCredit)),
        // An account that was on hold would get an end that it never had.
        Way::SetThere => end.is_some() || !(has(Drift::Expiry) || has(Drift::Volume)),
    }
}

/// Settles what is known to differ.
///
/// # Errors
/// See [`SettleError`].
pub async fn settle(
    db: &PgPool,
    admin: Actor,
    order: OrderId,
    way: Way,
    now: Time,
) -> Result<(), SettleError> {
    let mut tx = db.begin().await?;
    let held = hold(&mut tx, order, way, now).await?;
    match way {
        Way::TakeOver => take_over(&mut tx, &held, admin, now).await?,
        Way::SetThere => {
            let job = NewJob {
                kind: RESTORE,
                payload: json!({ "order": order }),
                unique_key: Some(format!("restore:{order}")),
                run_at: now,
            };
            jobs::enqueue(&mut tx, &job, now).await?;
        }
    }
    let kinds: Vec<&str> = held.kinds.iter().map(|kind| kind.code()).collect();
    let action = match way {
        Way::TakeOver => "order.drift_taken_over",
        Way::SetThere => "order.drift_set_there",
    };
    admin.record(&mut tx, action, ("order", Some(order.0)), json!({ "drift": kinds }), now).await?;
    tx.commit().await?;
    Ok(())
}

/// Locks the wallet and then the order, as all do who lock both.
async fn hold(conn: &mut PgConnection, order: OrderId, way: Way, now: Time) -> Result<Held, SettleError> {
    let owner =
        sqlx::query_scalar!(r#"SELECT user_id AS "owner: UserId" FROM orders WHERE id = $1"#, order.0)
            .fetch_optional(&mut *conn)
            .await?
            .ok_or(SettleError::NotFound)?;
    ledger::lock(&mut *conn, owner).await?;
    let row = sqlx::query!(
        r#"SELECT o.user_id AS "owner: UserId", o.status AS "status: Status",
                  o.disabled_reason AS "disabled_reason: DisabledReason", m.drift,
                  CASE WHEN 'EXPIRY' = ANY (m.drift) THEN m.ours_expire_at ELSE m.expire_at END AS "end",
                  EXISTS (SELECT FROM order_changes c WHERE c.order_id = o.id AND c.status = 'WAITING') AS "waits!"
           FROM orders o JOIN marzban_users m ON m.order_id = o.id
           WHERE o.id = $1 AND o.status IN ('ACTIVE', 'DISABLED') AND m.drift_since IS NOT NULL
           FOR UPDATE OF o, m"#,
        order.0
    )
    .fetch_optional(conn)
    .await?
    .ok_or(SettleError::NotFound)?;
    if row.waits || row.owner != owner {
        return Err(SettleError::Busy);
    }
    let kinds = Drift::from_codes(&row.drift);
    if !is_possible(&kinds, way, row.disabled_reason, row.end, now) {
        return Err(SettleError::NotSo);
    }
    Ok(Held { order, owner, status: row.status, disabled_reason: row.disabled_reason, kinds })
}

async fn take_over(conn: &mut PgConnection, held: &Held, admin: Actor, now: Time) -> sqlx::Result<()> {
    let has = |kind| held.kinds.contains(&kind);
    let posted = if has(Drift::Missing) {
        sqlx::query!(
            "UPDATE orders SET status = 'DELETED', disabled_reason = NULL, deleted_at = $2 WHERE id = $1",
            held.order.0,
            now
        )
        .execute(&mut *conn)
        .await?;
        None
    } else if has(Drift::OffThere) && held.status == Status::Active {
        sqlx::query!(
            "UPDATE orders SET status = 'DISABLED', disabled_reason = 'BY_ADMIN' WHERE id = $1",
            held.order.0
        )
        .execute(&mut *conn)
        .await?;
        Some(EntryType::OrderDisabled)
    } else if has(Drift::OnThere) && held.disabled_reason.is_some() {
        sqlx::query!(
            "UPDATE orders SET status = 'ACTIVE', disabled_reason = NULL WHERE id = $1",
            held.order.0
        )
        .execute(&mut *conn)
        .await?;
        Some(EntryType::OrderEnabled)
    } else {
        None
    };
    if let Some(entry_type) = posted {
        let posting = Posting {
            user: held.owner,
            entry_type,
            confirmed: Toman::ZERO,
            pending: Toman::ZERO,
            reference: Reference::Order(held.order),
            notes: String::new(),
            by: Some(admin.user),
        };
        ledger::post(&mut *conn, &posting, now).await?;
    }
    sqlx::query!(
        "UPDATE marzban_users SET drift = '{}', drift_since = NULL, missing_since = NULL, ours_expire_at = NULL,
             ours_data_limit_bytes = NULL
         WHERE order_id = $1",
        held.order.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What an account is to be on the server.
struct Ours {
    username: String,
    status: Status,
    kinds: Vec<Drift>,
    end: Option<Time>,
    data_limit_bytes: Option<i64>,
    data_used_bytes: i64,
}

/// Sets an account on the server to what it is here, or makes it again.
pub async fn restore(db: &PgPool, marzban: &Marzban, clock: &Clock, job: &Job) -> Verdict {
    let Some(order) = job.payload.get("order").and_then(Value::as_i64).map(OrderId) else {
        return Verdict::Fail { error: "the job names no order".to_owned() };
    };
    match advance(db, marzban, clock, order, job.attempts).await {
        Ok(verdict) => verdict.unwrap_or_else(|unknown| put_off(job, unknown)),
        Err(error) => put_off(job, error.to_string()),
    }
}

/// One attempt; the inner error says why nothing is known.
async fn advance(
    db: &PgPool,
    marzban: &Marzban,
    clock: &Clock,
    order: OrderId,
    attempts: i32,
) -> sqlx::Result<Result<Verdict, String>> {
    let Some(ours) = ours(db, order).await? else { return Ok(Ok(Verdict::Done)) };
    let began = clock.now();
    match ask(marzban, order, &ours, attempts).await {
        Outcome::Done(account) => {
            let mut tx = db.begin().await?;
            sync::write_down(&mut *tx, order, &account, began).await?;
            if ours.kinds.contains(&Drift::Missing) {
                sqlx::query!(
                    "UPDATE marzban_users SET subscription_url = $2 WHERE order_id = $1",
                    order.0,
                    account.subscription_url
                )
                .execute(&mut *tx)
                .await?;
            }
            tx.commit().await?;
            Ok(Ok(Verdict::Done))
        }
        Outcome::Refused(refusal) => {
            Ok(Ok(Verdict::Fail { error: format!("the server refused: {refusal:?}") }))
        }
        Outcome::Unknown(cause) => Ok(Err(format!("unknown outcome: {cause:?}"))),
    }
}

async fn ask(marzban: &Marzban, order: OrderId, ours: &Ours, attempts: i32) -> Outcome<Account> {
    let name = ours.username.as_str();
    // One that is made again counts from zero, and gets what was left.
    let used = if ours.kinds.contains(&Drift::Missing) { ours.data_used_bytes } else { 0 };
    let data_limit_bytes = ours.data_limit_bytes.and_then(|bytes| u64::try_from((bytes - used).max(1)).ok());
    let enabled = ours.status == Status::Active;
    match ours.end {
        Some(end) if ours.kinds.contains(&Drift::Missing) => {
            let new = NewAccount {
                username: name.to_owned(),
                validity: Validity::Until(end),
                data_limit_bytes,
                order,
            };
            let attempt = if attempts <= 1 { Attempt::First } else { Attempt::Again };
            match marzban.create_account(&new, attempt).await {
                Outcome::Done(_) if !enabled => marzban.set_enabled(name, false).await,
                made => made,
            }
        }
        Some(end) if ours.kinds.iter().any(|kind| matches!(kind, Drift::Expiry | Drift::Volume)) => {
            marzban.restore(name, &Terms { end, data_limit_bytes, enabled }).await
        }
        _ => marzban.set_enabled(name, enabled).await,
    }
}

async fn ours(db: &PgPool, order: OrderId) -> sqlx::Result<Option<Ours>> {
    let row = sqlx::query!(
        r#"SELECT m.username, o.status AS "status: Status", m.drift,
                  CASE WHEN 'EXPIRY' = ANY (m.drift) THEN m.ours_expire_at ELSE m.expire_at END AS "end",
                  CASE WHEN 'VOLUME' = ANY (m.drift) THEN m.ours_data_limit_bytes ELSE m.data_limit_bytes END
                      AS data_limit_bytes, m.data_used_bytes
           FROM orders o JOIN marzban_users m ON m.order_id = o.id
           WHERE o.id = $1 AND o.status IN ('ACTIVE', 'DISABLED') AND m.drift_since IS NOT NULL
             AND NOT EXISTS (SELECT FROM order_changes c WHERE c.order_id = o.id AND c.status = 'WAITING')"#,
        order.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Ours {
        username: row.username,
        status: row.status,
        kinds: Drift::from_codes(&row.drift),
        end: row.end,
        data_limit_bytes: row.data_limit_bytes,
        data_used_bytes: row.data_used_bytes,
    }))
}
