//! What the worker does for orders: making the accounts that were paid for.
//!
//! Invariant: a run may be repeated, and may end anywhere. What it decides is written under
//! `WHERE status = 'PROVISIONING'`, in one transaction with its money.

use std::time::Duration;

use serde_json::json;
use sqlx::PgPool;

use super::{DAY, FailureReason, GB, Status};
use crate::{
    audit::{self, Deed},
    calendar::{Clock, Time},
    ids::{OrderId, UserId},
    jobs::{Job, Verdict, backoff},
    ledger::{self, EntryType, Posting, Reference},
    money::Toman,
    notices::{self, Kind, Notice, Recipients, Subject},
    panel::{Account, AccountStatus, Attempt, NewAccount, Outcome, Refusal, Server, Validity},
};

/// The kind of job that makes an order's account.
pub const PROVISION: &str = "orders.provision";

/// The longest wait between two attempts. A customer waits at the counter, so it is shorter than the queue's own;
/// there is no last attempt, because an unknown outcome is never given back.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

struct Paid {
    id: OrderId,
    buyer: UserId,
    price: Toman,
    username: String,
    days: i32,
    data_limit_gb: Option<i32>,
    on_hold: bool,
    status: Status,
}

impl Paid {
    fn account(&self) -> NewAccount {
        let seconds = u32::try_from(i64::from(self.days) * DAY).unwrap_or(u32::MAX);
        NewAccount {
            username: self.username.clone(),
            validity: if self.on_hold {
                Validity::FromFirstConnection { seconds }
            } else {
                Validity::For { seconds }
            },
            data_limit_bytes: self.data_limit_gb.and_then(|gb| u64::try_from(i64::from(gb) * GB).ok()),
            order: self.id,
        }
    }
}

/// Makes the account of a paid order, or gives the money back where the server definitely said no.
pub async fn provision(db: &PgPool, server: &Server, clock: &Clock, job: &Job) -> Verdict {
    let Some(id) = job.payload.get("order").and_then(serde_json::Value::as_i64) else {
        return Verdict::Fail { error: "the job names no order".to_owned() };
    };
    match advance(db, server, clock, OrderId(id), job.attempts).await {
        Ok(None) => Verdict::Done,
        Ok(Some(unknown)) => put_off(job, unknown),
        // What was made and could not be written down is found again by its note.
        Err(error) => put_off(job, error.to_string()),
    }
}

/// Later again: what is not known is asked until it is.
pub(super) fn put_off(job: &Job, error: String) -> Verdict {
    Verdict::Retry { after: backoff(job.attempts).min(LONGEST_WAIT), error }
}

/// One attempt. `Some` says why the outcome is unknown.
async fn advance(
    db: &PgPool,
    server: &Server,
    clock: &Clock,
    id: OrderId,
    attempts: i32,
) -> sqlx::Result<Option<String>> {
    let order = sqlx::query_as!(
        Paid,
        r#"SELECT id AS "id: OrderId", user_id AS "buyer: UserId", amount AS "price: Toman",
                  marzban_username AS username, days, data_limit_gb, on_hold, status AS "status: Status"
           FROM orders WHERE id = $1"#,
        id.0
    )
    .fetch_optional(db)
    .await?;
    let Some(order) = order.filter(|order| order.status == Status::Provisioning) else { return Ok(None) };
    let attempt = if attempts <= 1 { Attempt::First } else { Attempt::Again };
    match server.create_account(&order.account(), attempt).await {
        Outcome::Done(account) => activate(db, &order, &account, clock.now()).await.map(|()| None),
        Outcome::Refused(refusal) => {
            tracing::warn!(order = %order.id, ?refusal, "the server refused an account; the price goes back");
            let reason = match refusal {
                Refusal::UsernameTaken => FailureReason::UsernameTaken,
                _ => FailureReason::Refused,
            };
            fail(db, &order, reason, clock.now()).await.map(|()| None)
        }
        Outcome::Unknown(cause) => Ok(Some(format!("unknown outcome: {cause:?}"))),
    }
}

async fn activate(db: &PgPool, order: &Paid, account: &Account, now: Time) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    let activated = sqlx::query!(
        "UPDATE orders SET status = 'ACTIVE', provisioned_at = $2 WHERE id = $1 AND status = 'PROVISIONING'",
        order.id.0,
        now
    )
    .execute(&mut *tx)
    .await?;
    if activated.rows_affected() == 0 {
        return Ok(());
    }
    store_account(&mut tx, order.id, account, now).await?;
    record(&mut tx, order, "order.activate", now).await?;
    tell(&mut tx, Recipients::User(order.buyer), Kind::OrderReady, order, now).await?;
    tx.commit().await
}

/// Stores the account of an order as the server has just told it.
pub(super) async fn store_account(
    conn: &mut sqlx::PgConnection,
    order: OrderId,
    account: &Account,
    now: Time,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO marzban_users (order_id, username, subscription_url, expire_at, on_hold_seconds, data_limit_bytes,
             data_used_bytes, lifetime_used_bytes, status, online_at, created_at, last_synced_at, keys)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        order.0,
        account.username,
        account.subscription_url,
        account.expire_at,
        account.on_hold_seconds,
        account.data_limit_bytes,
        account.data_used_bytes,
        account.lifetime_used_bytes,
        code(account.status),
        account.online_at,
        account.created_at,
        now,
        account.keys
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn fail(db: &PgPool, order: &Paid, reason: FailureReason, now: Time) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    ledger::lock(&mut tx, order.buyer).await?;
    let failed = sqlx::query!(
        "UPDATE orders SET status = 'FAILED', failure_reason = $2 WHERE id = $1 AND status = 'PROVISIONING'",
        order.id.0,
        reason as FailureReason
    )
    .execute(&mut *tx)
    .await?;
    if failed.rows_affected() == 0 {
        return Ok(());
    }
    let posting = Posting {
        user: order.buyer,
        entry_type: EntryType::OrderRefund,
        confirmed: order.price,
        pending: Toman::ZERO,
        reference: Reference::Order(order.id),
        notes: String::new(),
        by: None,
    };
    ledger::post(&mut tx, &posting, now).await?;
    record(&mut tx, order, "order.fail", now).await?;
    tell(&mut tx, Recipients::Admins, Kind::OrderFailed, order, now).await?;
    tx.commit().await
}

async fn record(
    conn: &mut sqlx::PgConnection,
    order: &Paid,
    action: &'static str,
    now: Time,
) -> sqlx::Result<()> {
    let deed = Deed {
        actor: None,
        action,
        subject_type: "order",
        subject_id: Some(order.id.0),
        detail: json!({}),
        address: None,
    };
    audit::record(conn, &deed, now).await
}

async fn tell(
    conn: &mut sqlx::PgConnection,
    to: Recipients,
    kind: Kind,
    order: &Paid,
    now: Time,
) -> sqlx::Result<()> {
    let data = json!({ "username": order.username });
    let key = Some(format!("order:{}:{}", order.id, kind.code()));
    notices::raise(conn, Notice { to, kind, subject: Subject::Order(order.id), data, key }, now).await
}

/// The word for it in our table.
pub(super) fn code(status: AccountStatus) -> &'static str {
    match status {
        AccountStatus::Active => "ACTIVE",
        AccountStatus::Disabled => "DISABLED",
        AccountStatus::Limited => "LIMITED",
        AccountStatus::Expired => "EXPIRED",
        AccountStatus::OnHold => "ON_HOLD",
    }
}
