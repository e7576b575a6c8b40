//! An order that is about to be changed: locked, looked at, and the change stored with its job.

use std::ops::ControlFlow;

use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool, PgTransaction};
use uuid::Uuid;

use super::{
    super::{
        DisabledReason, Status,
        buyer::{self, Unaffordable},
        settlement,
    },
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
    /// Whether no other change waits, nor is the server being set to ours: a call that is on its way would undo this one.
    /// Where that was tried in vain for a while, only an attempt that goes on right now counts.
    async fn check_free(&self, conn: &mut PgConnection, now: Time) -> Result<(), ChangeError> {
        let waits = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM order_changes WHERE order_id = $1 AND status = 'WAITING')
                   OR EXISTS (SELECT FROM jobs WHERE unique_key = $2 AND finished_at IS NULL
                              AND (attempts < 3 OR locked_until > $3)) AS "waits!""#,
            self.order.0,
            settlement::job_key(self.order),
            now
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

    /// Whether the account is on: a renewal or a reset would wake one that is switched off.
    pub(super) fn check_on(&self) -> Result<(), ChangeError> {
        match self.status {
            Status::Active => Ok(()),
            Status::Disabled => Err(ChangeError::SwitchedOff),
            status => Err(ChangeError::WrongStatus { status }),
        }
    }

    /// Whether the owner owes nothing; the house never does.
    pub(super) fn check_owes_nothing(&self) -> Result<(), ChangeError> {
        let total = self.balance.total();
        if self.kind != buyer::Kind::Admin && total.is_negative() {
            return Err(Unaffordable::BelowZero { owed: -total }.into());
        }
        Ok(())
    }
}

/// A change that somebody asks for.
pub(super) struct Wish {
    pub order: OrderId,
    pub kind: Kind,
    pub by: By,
    /// The form's own id: sent twice, it asks once.
    pub request_id: Uuid,
    pub now: Time,
}

/// What some kinds of change have beside the rest.
#[derive(Default)]
pub(super) struct Terms<'a> {
    pub reason: Option<DisabledReason>,
    pub renewal: Option<(&'a Plan, Toman)>,
    pub refund: Option<Toman>,
}

impl Wish {
    /// Holds the order in a transaction, and sees that no other change waits. `Break` is the change that this form asked
    /// for before; one that was changed after it had been sent is not the same form.
    pub(super) async fn begin(
        &self,
        db: &PgPool,
        plan: Option<PlanId>,
    ) -> Result<ControlFlow<ChangeId, (PgTransaction<'static>, Held)>, ChangeError> {
        let mut tx = db.begin().await?;
        let held = hold(&mut tx, self.order, self.by).await?;
        let before = sqlx::query!(
            r#"SELECT id AS "id: ChangeId", kind AS "kind: Kind", plan_id AS "plan: PlanId"
               FROM order_changes WHERE order_id = $1 AND request_id = $2"#,
            self.order.0,
            self.request_id
        )
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(before) = before {
            let is_same = before.kind == self.kind && before.plan == plan;
            return if is_same {
                Ok(ControlFlow::Break(before.id))
            } else {
                Err(ChangeError::FormUsed { change: before.id })
            };
        }
        held.check_free(&mut tx, self.now).await?;
        Ok(ControlFlow::Continue((tx, held)))
    }

    /// Stores the change and its job, and writes down who asked.
    pub(super) async fn store(
        &self,
        mut tx: PgTransaction<'_>,
        terms: Terms<'_>,
        detail: Value,
    ) -> Result<ChangeId, ChangeError> {
        let change = self.insert(&mut tx, terms).await?;
        self.submit(tx, change, detail).await
    }

    /// Stores the change alone, for a kind that has more to do before [`Wish::submit`].
    pub(super) async fn insert(
        &self,
        conn: &mut PgConnection,
        terms: Terms<'_>,
    ) -> Result<ChangeId, ChangeError> {
        let plan = terms.renewal.map(|(plan, _)| plan);
        let id = sqlx::query_scalar!(
            r#"INSERT INTO order_changes (order_id, kind, reason, requested_by, request_id, plan_id, plan_name, days,
                   data_limit_gb, amount, refund_amount, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id AS "id: ChangeId""#,
            self.order.0,
            self.kind as Kind,
            terms.reason as Option<DisabledReason>,
            self.by.user().map(|user| user.0),
            self.request_id,
            plan.map(|plan| plan.id.0),
            plan.map(|plan| plan.name.as_str()),
            plan.map(|plan| plan.days),
            plan.and_then(|plan| plan.data_limit_gb),
            terms.renewal.map(|(_, price)| price.0),
            terms.refund.map(|refund| refund.0),
            self.now
        )
        .fetch_one(conn)
        .await?;
        Ok(id)
    }

    /// Stores the job, and writes down who asked.
    pub(super) async fn submit(
        &self,
        mut tx: PgTransaction<'_>,
        change: ChangeId,
        mut detail: Value,
    ) -> Result<ChangeId, ChangeError> {
        jobs::enqueue(&mut tx, &job(change, self.now), self.now).await?;
        detail["change"] = json!(change);
        let actor = self.by.actor();
        let address = actor.and_then(|actor| actor.address);
        let deed = Deed {
            actor: actor.map(|actor| actor.user),
            action: match self.kind {
                Kind::Renew => "order.renew",
                Kind::Disable => "order.disable",
                Kind::Enable => "order.enable",
                Kind::Delete => "order.delete",
                Kind::Revoke => "order.revoke",
                Kind::Reset => "order.reset",
            },
            subject_type: "order",
            subject_id: Some(self.order.0),
            detail,
            address: address.as_ref(),
        };
        audit::record(&mut tx, &deed, self.now).await?;
        tx.commit().await?;
        Ok(change)
    }
}

/// Locks the owner's wallet and then the order, as all do who lock both.
async fn hold(conn: &mut PgConnection, order: OrderId, by: By) -> Result<Held, ChangeError> {
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

/// The job of a change.
pub(super) fn job(change: ChangeId, now: Time) -> NewJob {
    NewJob { kind: JOB, payload: json!({ "change": change }), unique_key: Some(job_key(change)), run_at: now }
}
