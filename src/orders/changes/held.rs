//! An order that is about to be changed: locked, looked at, and the change stored with its job.

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    super::{DisabledReason, Status, buyer},
    By, ChangeError, JOB, Kind, job_key,
};
use crate::{
    audit::{self, Deed},
    calendar::Time,
    ids::{ChangeId, OrderId, PlanId, UserId},
    jobs::{self, NewJob},
    ledger::{self, Balance},
    money::Toman,
    plans::Plan,
};

/// An order whose row and whose owner's wallet are locked.
pub(super) struct Held {
    pub order: OrderId,
    pub owner: UserId,
    pub kind: buyer::Kind,
    pub status: Status,
    pub disabled_reason: Option<DisabledReason>,
    pub balance: Balance,
}

impl Held {
    /// Whether no other change waits.
    pub(super) async fn check_free(&self, conn: &mut PgConnection) -> Result<(), ChangeError> {
        let waits = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM order_changes WHERE order_id = $1 AND status = 'WAITING') AS "waits!""#,
            self.order.0
        )
        .fetch_one(conn)
        .await?;
        if waits { Err(ChangeError::Busy) } else { Ok(()) }
    }

    /// Whether there is an account.
    pub(super) fn check_lives(&self) -> Result<(), ChangeError> {
        match self.status {
            Status::Active | Status::Disabled => Ok(()),
            status => Err(ChangeError::WrongStatus { status }),
        }
    }
}

/// Locks the owner's wallet and then the order, as all do who lock both.
pub(super) async fn hold(conn: &mut PgConnection, order: OrderId, by: By) -> Result<Held, ChangeError> {
    let found = sqlx::query!(
        r#"SELECT o.user_id AS "owner: UserId", u.role AS "kind: buyer::Kind"
           FROM orders o JOIN users u ON u.id = o.user_id WHERE o.id = $1"#,
        order.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(found) = found else { return Err(ChangeError::NotFound) };
    if let By::Owner(actor) = by
        && actor.user != found.owner
    {
        return Err(ChangeError::NotFound);
    }
    let balance = ledger::lock(&mut *conn, found.owner).await?;
    let row = sqlx::query!(
        r#"SELECT user_id AS "owner: UserId", status AS "status: Status",
                  disabled_reason AS "disabled_reason: DisabledReason"
           FROM orders WHERE id = $1 FOR UPDATE"#,
        order.0
    )
    .fetch_one(conn)
    .await?;
    // Moved to another agent while we waited for the lock.
    if row.owner != found.owner {
        return Err(if matches!(by, By::Owner(_)) { ChangeError::NotFound } else { ChangeError::Busy });
    }
    let (status, disabled_reason) = (row.status, row.disabled_reason);
    Ok(Held { order, owner: found.owner, kind: found.kind, status, disabled_reason, balance })
}

/// The change that this form asked for before. A form that was changed after it had been sent is not the same form.
pub(super) async fn find_before(
    conn: &mut PgConnection,
    order: OrderId,
    request_id: Uuid,
    kind: Kind,
    plan: Option<PlanId>,
) -> Result<Option<ChangeId>, ChangeError> {
    let found = sqlx::query!(
        r#"SELECT id AS "id: ChangeId", kind AS "kind: Kind", plan_id AS "plan: PlanId"
           FROM order_changes WHERE order_id = $1 AND request_id = $2"#,
        order.0,
        request_id
    )
    .fetch_optional(conn)
    .await?;
    match found {
        None => Ok(None),
        Some(found) if found.kind == kind && found.plan == plan => Ok(Some(found.id)),
        Some(found) => Err(ChangeError::FormUsed { change: found.id }),
    }
}

/// What some kinds of change have beside the rest.
#[derive(Default)]
pub(super) struct Terms<'a> {
    pub reason: Option<DisabledReason>,
    pub renewal: Option<(&'a Plan, Toman)>,
    pub refund: Option<Toman>,
}

pub(super) async fn insert(
    conn: &mut PgConnection,
    held: &Held,
    kind: Kind,
    terms: Terms<'_>,
    by: By,
    request_id: Uuid,
    now: Time,
) -> Result<ChangeId, ChangeError> {
    let plan = terms.renewal.map(|(plan, _)| plan);
    let id = sqlx::query_scalar!(
        r#"INSERT INTO order_changes (order_id, kind, reason, requested_by, request_id, plan_id, plan_name, days,
               data_limit_gb, amount, refund_amount, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id AS "id: ChangeId""#,
        held.order.0,
        kind as Kind,
        terms.reason as Option<DisabledReason>,
        by.user().map(|user| user.0),
        request_id,
        plan.map(|plan| plan.id.0),
        plan.map(|plan| plan.name.as_str()),
        plan.map(|plan| plan.days),
        plan.and_then(|plan| plan.data_limit_gb),
        terms.renewal.map(|(_, price)| price.0),
        terms.refund.map(|refund| refund.0),
        now
    )
    .fetch_one(conn)
    .await?;
    Ok(id)
}

/// Stores the job, and writes down who asked.
pub(super) async fn submit(
    conn: &mut PgConnection,
    held: &Held,
    change: ChangeId,
    kind: Kind,
    mut detail: Value,
    by: By,
    now: Time,
) -> Result<(), ChangeError> {
    jobs::enqueue(conn, &job(change, now), now).await?;
    detail["change"] = json!(change);
    let actor = by.actor();
    let address = actor.and_then(|actor| actor.address);
    let deed = Deed {
        actor: actor.map(|actor| actor.user),
        action: match kind {
            Kind::Renew => "order.renew",
            Kind::Disable => "order.disable",
            Kind::Enable => "order.enable",
            Kind::Delete => "order.delete",
            Kind::Revoke => "order.revoke",
        },
        subject_type: "order",
        subject_id: Some(held.order.0),
        detail,
        address: address.as_ref(),
    };
    audit::record(conn, &deed, now).await?;
    Ok(())
}

/// The job of a change.
pub(super) fn job(change: ChangeId, now: Time) -> NewJob {
    NewJob { kind: JOB, payload: json!({ "change": change }), unique_key: Some(job_key(change)), run_at: now }
}
