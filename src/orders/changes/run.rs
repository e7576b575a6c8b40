//! Carrying a change to the server. A run may be repeated, and may end anywhere: what the server is asked for is
//! stored before it is asked, and what it said is written down under `WHERE status = 'WAITING'`.

use sqlx::PgPool;

use super::{
    super::{DisabledReason, GB, Status, jobs::put_off},
    ChangeRefusal, Kind, settle,
    target::{Target, connected_meanwhile, target},
};
use crate::{
    calendar::{Clock, Time},
    ids::{ChangeId, OrderId, PlanId, UserId},
    jobs::{Job, Verdict},
    money::Toman,
    panel::{Account, AccountStatus, Outcome, Refusal, Renewal, Reset, Server},
};

/// A change that waits, with its order.
pub(super) struct Waiting {
    pub id: ChangeId,
    pub order: OrderId,
    pub owner: UserId,
    pub order_status: Status,
    pub username: String,
    pub kind: Kind,
    pub reason: Option<DisabledReason>,
    pub requested_by: Option<UserId>,
    pub plan: Option<PlanId>,
    pub plan_name: Option<String>,
    pub days: Option<i32>,
    pub data_limit_gb: Option<i32>,
    pub amount: Option<Toman>,
    pub target_expire_at: Option<Time>,
    pub target_on_hold_seconds: Option<i64>,
    pub keep_disabled: bool,
    pub refund: Option<Toman>,
    pub asked_at: Option<Time>,
    /// Where the volume begins anew: what was counted off before the server was asked.
    pub counted_off_bytes: Option<i64>,
    /// The owner is below zero, and that matters.
    pub is_owing: bool,
}

/// Carries a change to the server, and writes down what came of it.
pub async fn run(db: &PgPool, server: &Server, clock: &Clock, job: &Job) -> Verdict {
    let Some(id) = job.payload.get("change").and_then(serde_json::Value::as_i64) else {
        return Verdict::Fail { error: "the job names no change".to_owned() };
    };
    match advance(db, server, clock, ChangeId(id)).await {
        Ok(None) => Verdict::Done,
        Ok(Some(unknown)) => put_off(job, unknown),
        Err(error) => put_off(job, error.to_string()),
    }
}

/// One attempt. `Some` says why the outcome is unknown.
async fn advance(db: &PgPool, server: &Server, clock: &Clock, id: ChangeId) -> sqlx::Result<Option<String>> {
    let Some(change) = find(db, id).await? else { return Ok(None) };
    // Nothing is given to whoever got below zero before the server heard of it.
    let is_withdrawn = change.kind == Kind::Reset && change.asked_at.is_none() && change.is_owing;
    if is_withdrawn || !matches!(change.order_status, Status::Active | Status::Disabled) {
        settle::cancel(db, &change, clock.now()).await?;
        return Ok(None);
    }
    match ask(db, server, clock, &change).await? {
        Outcome::Done(account) => settle::finish(db, &change, account.as_ref(), clock.now()).await?,
        Outcome::Refused(refusal) if says_nothing_of_before(&change, &refusal) => {
            return Ok(Some(format!("unknown outcome of an earlier request; now refused: {refusal:?}")));
        }
        Outcome::Refused(refusal) => {
            tracing::warn!(order = %change.order, change = %id, ?refusal, "the server refused a change");
            let refusal = match refusal {
                Refusal::NotFound => ChangeRefusal::NotFound,
                Refusal::UsernameTaken => ChangeRefusal::NotOurs,
                _ => ChangeRefusal::Refused,
            };
            settle::refuse(db, &change, refusal, clock.now()).await?;
        }
        Outcome::Unknown(cause) => return Ok(Some(format!("unknown outcome: {cause:?}"))),
    }
    Ok(None)
}

/// Whether money hangs on an earlier request that may have been carried out: a no of today says nothing of that one. An
/// account that is gone does.
fn says_nothing_of_before(change: &Waiting, refusal: &Refusal) -> bool {
    matches!(change.kind, Kind::Renew | Kind::Delete)
        && change.asked_at.is_some()
        && *refusal != Refusal::NotFound
}

/// Looks whether the account is there and ours, writes down that the server is asked, and asks.
async fn ask(
    db: &PgPool,
    server: &Server,
    clock: &Clock,
    change: &Waiting,
) -> sqlx::Result<Outcome<Option<Account>>> {
    let name = change.username.as_str();
    let account = match server.account(name).await {
        Outcome::Done(Some(account)) if account.belongs_to(change.order) => account,
        Outcome::Done(Some(_)) => return Ok(Outcome::Refused(Refusal::UsernameTaken)),
        Outcome::Done(None) if change.kind == Kind::Delete => return Ok(Outcome::Done(None)),
        Outcome::Done(None) => return Ok(Outcome::Refused(Refusal::NotFound)),
        unread => return Ok(unread),
    };
    fix(db, change, &account, clock.now()).await?;
    // As it is stored now: another worker may have been first.
    let Some(change) = find(db, change.id).await? else { return Ok(Outcome::Done(None)) };
    Ok(match change.kind {
        Kind::Renew => server.renew(name, &renewal(&change)).await.map(Some),
        Kind::Disable => server.set_enabled(name, false).await.map(Some),
        Kind::Enable => server.set_enabled(name, true).await.map(Some),
        Kind::Revoke => server.revoke_subscription(name).await.map(Some),
        Kind::Reset => server.reset_volume(name, &reset(&change)).await.map(Some),
        Kind::Delete => server.delete_account(name).await.map(|()| None),
    })
}

fn renewal(change: &Waiting) -> Renewal {
    let target = Target {
        expire_at: change.target_expire_at,
        on_hold_seconds: change.target_on_hold_seconds,
        keep_disabled: change.keep_disabled,
    };
    let bytes = change.data_limit_gb.and_then(|gb| u64::try_from(i64::from(gb) * GB).ok());
    Renewal { end: target.end(), data_limit_bytes: bytes, keep_disabled: target.keep_disabled }
}

fn reset(change: &Waiting) -> Reset {
    let counted_off_bytes = change.counted_off_bytes.unwrap_or_default();
    Reset { counted_off_bytes, keep_disabled: change.keep_disabled }
}

/// Stores what is asked for, once; and once more where an account that waited for its first connection has been
/// connected since.
async fn fix(db: &PgPool, change: &Waiting, account: &Account, now: Time) -> sqlx::Result<()> {
    let days = change.days.unwrap_or(0);
    match (change.asked_at, change.target_on_hold_seconds) {
        (None, _) => {
            let is_off = account.status == AccountStatus::Disabled;
            let (target, counted_off) = match change.kind {
                Kind::Renew => (target(account, days, now), None),
                Kind::Reset => (Target::none(is_off), Some(account.counted_off_bytes())),
                _ => (Target::none(false), None),
            };
            sqlx::query!(
                "UPDATE order_changes SET asked_at = $2, target_expire_at = $3, target_on_hold_seconds = $4,
                     keep_disabled = $5, counted_off_bytes = $6
                 WHERE id = $1 AND status = 'WAITING' AND asked_at IS NULL",
                change.id.0,
                now,
                target.expire_at,
                target.on_hold_seconds,
                target.keep_disabled,
                counted_off
            )
            .execute(db)
            .await?;
        }
        (Some(asked_at), Some(seconds)) if !account.waits_for_connection() => {
            let end = account.expire_at.map(|end| connected_meanwhile(end, asked_at, seconds, days));
            sqlx::query!(
                "UPDATE order_changes SET target_expire_at = $2, target_on_hold_seconds = NULL
                 WHERE id = $1 AND status = 'WAITING' AND target_on_hold_seconds IS NOT NULL",
                change.id.0,
                end
            )
            .execute(db)
            .await?;
        }
        (Some(_), _) => {}
    }
    Ok(())
}

async fn find(db: &PgPool, id: ChangeId) -> sqlx::Result<Option<Waiting>> {
    sqlx::query_as!(
        Waiting,
        r#"SELECT c.id AS "id: ChangeId", c.order_id AS "order: OrderId", o.user_id AS "owner: UserId",
                  o.status AS "order_status: Status", o.marzban_username AS username, c.kind AS "kind: Kind",
                  c.reason AS "reason: DisabledReason", c.requested_by AS "requested_by: UserId",
                  c.plan_id AS "plan: PlanId", c.plan_name, c.days, c.data_limit_gb, c.amount AS "amount: Toman",
                  c.target_expire_at, c.target_on_hold_seconds, c.keep_disabled,
                  c.refund_amount AS "refund: Toman", c.asked_at, c.counted_off_bytes,
                  (u.role <> 'ADMIN' AND w.total < 0) AS "is_owing!"
           FROM order_changes c JOIN orders o ON o.id = c.order_id
           JOIN users u ON u.id = o.user_id JOIN wallets w ON w.user_id = o.user_id
           WHERE c.id = $1 AND c.status = 'WAITING'"#,
        id.0
    )
    .fetch_optional(db)
    .await
}
