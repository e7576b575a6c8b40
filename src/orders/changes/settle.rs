//! The end of a change: what the server said, the order's state and the money, in one transaction, once.
//!
//! Locks are taken as by those who ask for changes: the wallet, the order, the change.

use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use super::{
    super::{DisabledReason, suspension, sync},
    ChangeRefusal, Kind,
    run::Waiting,
};
use crate::{
    audit::{self, Deed},
    calendar::Time,
    ids::UserId,
    ledger::{self, EntryType, Posting, Reference},
    money::Toman,
    panel::Account,
};

/// Writes down that the server has done it. A run that lost to another one changes nothing.
pub(super) async fn finish(
    db: &PgPool,
    change: &Waiting,
    account: Option<&Account>,
    now: Time,
) -> sqlx::Result<()> {
    let payer = if change.kind == Kind::Delete { payer(db, change).await? } else { Some(change.owner) };
    let Some(mut tx) = end(db, change, payer, "DONE", None, now).await? else { return Ok(()) };
    if let Some(account) = account {
        match change.kind {
            Kind::Renew => sync::write_down(&mut *tx, change.order, account, now).await?,
            _ => sync::write_down_state(&mut *tx, change.order, account, now).await?,
        }
    }
    write_order(&mut tx, change, account, now).await?;
    match (change.kind, payer) {
        (Kind::Disable, Some(owner)) => {
            post(&mut tx, change, owner, EntryType::OrderDisabled, Toman::ZERO, now).await?;
        }
        (Kind::Enable, Some(owner)) => {
            post(&mut tx, change, owner, EntryType::OrderEnabled, Toman::ZERO, now).await?;
        }
        (Kind::Delete, Some(payer)) => {
            if let Some(refund) = change.refund.filter(|refund| *refund > Toman::ZERO) {
                post(&mut tx, change, payer, EntryType::OrderRefund, refund, now).await?;
            }
        }
        _ => {}
    }
    let (action, detail) = done(change, account);
    record(&mut tx, change, action, detail, now).await?;
    tell(&mut tx, change, now).await?;
    tx.commit().await
}

/// What the 24-hour rule has done is news to its agent.
async fn tell(conn: &mut PgConnection, change: &Waiting, now: Time) -> sqlx::Result<()> {
    match (change.kind, change.reason, change.requested_by) {
        (Kind::Disable, Some(DisabledReason::NegativeCredit), _) => {
            suspension::tell_struck(conn, change.owner, now).await
        }
        (Kind::Enable, _, None) => suspension::tell_back(conn, change.owner, now).await,
        _ => Ok(()),
    }
}

/// Writes down that the server said no; a renewal is paid back whole.
pub(super) async fn refuse(
    db: &PgPool,
    change: &Waiting,
    refusal: ChangeRefusal,
    now: Time,
) -> sqlx::Result<()> {
    undo(db, change, "REFUSED", Some(refusal), "order.change_refused", now).await
}

/// Writes down that the order ended before the change; a renewal is paid back whole.
pub(super) async fn cancel(db: &PgPool, change: &Waiting, now: Time) -> sqlx::Result<()> {
    undo(db, change, "CANCELLED", None, "order.change_cancelled", now).await
}

/// Calls off what the 24-hour rule wanted switched off and the server has not heard of, where nothing is owed any more or
/// the deadline was put off meanwhile. Returns how many.
pub async fn call_off_suspensions(db: &PgPool, now: Time) -> sqlx::Result<usize> {
    let mut tx = db.begin().await?;
    let orders = sqlx::query_scalar!(
        "UPDATE order_changes c SET status = 'CANCELLED', finished_at = $1
         FROM orders o JOIN wallets w ON w.user_id = o.user_id LEFT JOIN agents a ON a.user_id = o.user_id
         WHERE o.id = c.order_id AND c.kind = 'DISABLE' AND c.reason = 'NEGATIVE_CREDIT' AND c.status = 'WAITING'
           AND c.asked_at IS NULL AND (w.total >= 0 OR a.deadline_deferred_until > $1)
         RETURNING c.order_id",
        now
    )
    .fetch_all(&mut *tx)
    .await?;
    for order in &orders {
        let deed = Deed {
            actor: None,
            action: "order.change_cancelled",
            subject_type: "order",
            subject_id: Some(*order),
            detail: json!({ "kind": Kind::Disable.code() }),
            address: None,
        };
        audit::record(&mut tx, &deed, now).await?;
    }
    tx.commit().await?;
    Ok(orders.len())
}

async fn undo(
    db: &PgPool,
    change: &Waiting,
    status: &'static str,
    refusal: Option<ChangeRefusal>,
    action: &'static str,
    now: Time,
) -> sqlx::Result<()> {
    let payer = match change.kind {
        Kind::Renew => payer(db, change).await?,
        // Nothing is paid back, but who is told of the rule is decided under the lock of her wallet.
        Kind::Disable | Kind::Enable => Some(change.owner),
        Kind::Delete | Kind::Revoke | Kind::Reset => None,
    };
    let Some(mut tx) = end(db, change, payer, status, refusal, now).await? else { return Ok(()) };
    if let (Some(payer), Some(price)) = (payer, change.amount) {
        post(&mut tx, change, payer, EntryType::OrderRefund, price, now).await?;
    }
    let detail = json!({
        "kind": change.kind.code(),
        "refusal": refusal.map(|refusal| format!("{refusal:?}")),
        "refund": payer.and(change.amount),
    });
    record(&mut tx, change, action, detail, now).await?;
    tell(&mut tx, change, now).await?;
    tx.commit().await
}

/// Whose wallet was charged: for the order where it is deleted, for the renewal otherwise.
async fn payer(db: &PgPool, change: &Waiting) -> sqlx::Result<Option<UserId>> {
    sqlx::query_scalar!(
        r#"SELECT user_id AS "user: UserId" FROM transactions
           WHERE CASE WHEN $3 THEN order_id = $1 AND type = 'ORDER_CREATED'
                      ELSE change_id = $2 AND type = 'ORDER_RENEWED' END"#,
        change.order.0,
        change.id.0,
        change.kind == Kind::Delete
    )
    .fetch_optional(db)
    .await
}

/// Ends the change, in a transaction that holds the wallet and the order; `None` where it has ended already.
async fn end(
    db: &PgPool,
    change: &Waiting,
    wallet: Option<UserId>,
    status: &'static str,
    refusal: Option<ChangeRefusal>,
    now: Time,
) -> sqlx::Result<Option<Transaction<'static, Postgres>>> {
    let mut tx = db.begin().await?;
    if let Some(user) = wallet {
        ledger::lock(&mut tx, user).await?;
    }
    sqlx::query!("SELECT id FROM orders WHERE id = $1 FOR UPDATE", change.order.0)
        .fetch_one(&mut *tx)
        .await?;
    let ended = sqlx::query!(
        "UPDATE order_changes SET status = $2, refusal = $3, finished_at = $4 WHERE id = $1 AND status = 'WAITING'",
        change.id.0,
        status,
        refusal as Option<ChangeRefusal>,
        now
    )
    .execute(&mut *tx)
    .await?;
    Ok((ended.rows_affected() > 0).then_some(tx))
}

async fn write_order(
    conn: &mut PgConnection,
    change: &Waiting,
    account: Option<&Account>,
    now: Time,
) -> sqlx::Result<()> {
    let order = change.order.0;
    let query = match change.kind {
        Kind::Renew => sqlx::query!(
            "UPDATE orders SET renewed_at = $2, renewed_plan_id = $3, renewed_plan_name = $4, renewed_days = $5,
                 renewed_data_limit_gb = $6
             WHERE id = $1",
            order,
            now,
            change.plan.map(|plan| plan.0),
            change.plan_name,
            change.days,
            change.data_limit_gb
        ),
        Kind::Disable => sqlx::query!(
            "UPDATE orders SET status = 'DISABLED', disabled_reason = $2 WHERE id = $1 AND status = 'ACTIVE'",
            order,
            change.reason as Option<DisabledReason>
        ),
        Kind::Enable => sqlx::query!(
            "UPDATE orders SET status = 'ACTIVE', disabled_reason = NULL WHERE id = $1 AND status = 'DISABLED'",
            order
        ),
        Kind::Delete => sqlx::query!(
            "UPDATE orders SET status = 'DELETED', disabled_reason = NULL, deleted_at = $2
             WHERE id = $1 AND status IN ('ACTIVE', 'DISABLED')",
            order,
            now
        ),
        Kind::Revoke => sqlx::query!(
            "UPDATE marzban_users SET subscription_url = coalesce($2, subscription_url) WHERE order_id = $1",
            order,
            account.map(|account| account.subscription_url.as_str())
        ),
        Kind::Reset => return Ok(()),
    };
    query.execute(conn).await?;
    Ok(())
}

async fn post(
    conn: &mut PgConnection,
    change: &Waiting,
    user: UserId,
    entry_type: EntryType,
    confirmed: Toman,
    now: Time,
) -> sqlx::Result<()> {
    let posting = Posting {
        user,
        entry_type,
        confirmed,
        pending: Toman::ZERO,
        // What a deletion pays back belongs to the order's own price.
        reference: if change.kind == Kind::Delete {
            Reference::Order(change.order)
        } else {
            Reference::Change { order: change.order, change: change.id }
        },
        notes: String::new(),
        // Whoever asked for a renewal did not ask for it to be paid back.
        by: change.requested_by.filter(|_| change.kind != Kind::Renew),
    };
    ledger::post(conn, &posting, now).await?;
    Ok(())
}

/// The line in the order's life.
fn done(change: &Waiting, account: Option<&Account>) -> (&'static str, Value) {
    match change.kind {
        Kind::Renew => (
            "order.renewed",
            json!({
                "expire_at": account.and_then(|account| account.expire_at).map(Time::unix_timestamp),
                "on_hold_seconds": change.target_on_hold_seconds,
                "kept_disabled": change.keep_disabled,
            }),
        ),
        Kind::Disable => ("order.disabled", json!({ "reason": change.reason.map(DisabledReason::code) })),
        Kind::Enable => ("order.enabled", json!({})),
        Kind::Delete => ("order.deleted", json!({ "refund": change.refund })),
        Kind::Revoke => ("order.revoked", json!({})),
        Kind::Reset => ("order.begun_anew", json!({ "kept_disabled": change.keep_disabled })),
    }
}

async fn record(
    conn: &mut PgConnection,
    change: &Waiting,
    action: &'static str,
    mut detail: Value,
    now: Time,
) -> sqlx::Result<()> {
    detail["change"] = json!(change.id);
    let deed = Deed {
        actor: None,
        action,
        subject_type: "order",
        subject_id: Some(change.order.0),
        detail,
        address: None,
    };
    audit::record(conn, &deed, now).await
}
