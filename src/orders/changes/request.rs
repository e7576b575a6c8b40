//! Asking for a change: one transaction that looks at the rules, stores the change, takes the price of a renewal and
//! stores the job that tells the server.

use std::ops::ControlFlow::{Break, Continue};

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    super::{
        Status,
        buyer::{self, Buyer},
        suspension,
    },
    By, ChangeError, Kind,
    held::{Terms, Wish},
    refund,
};
use crate::{
    audit::Actor,
    calendar::Time,
    ids::{ChangeId, OrderId, PlanId},
    ledger::{self, EntryType, Posting, Reference},
    money::Toman,
    panel::Server,
};

/// A renewal, as its form had it.
#[derive(Clone, Copy, Debug)]
pub struct Renewal {
    pub order: OrderId,
    /// The same plan or another one that is on offer.
    pub plan: PlanId,
    /// The price that the form showed, Toman: another one is never charged.
    pub price_seen: Toman,
    /// The form's own id: sent twice, it renews once.
    pub request_id: Uuid,
}

/// A deletion, as its form had it.
#[derive(Clone, Copy, Debug)]
pub struct Deletion {
    pub order: OrderId,
    /// The refund that the form showed, Toman; much less than that is not accepted. `None` takes what there is.
    pub refund_seen: Option<Toman>,
    pub request_id: Uuid,
}

/// Renews an account at today's price, charged to its owner's wallet at the owner's price, whoever asks.
///
/// # Errors
/// See [`ChangeError`].
pub async fn renew(db: &PgPool, renewal: &Renewal, by: By, now: Time) -> Result<ChangeId, ChangeError> {
    let wish = Wish { order: renewal.order, kind: Kind::Renew, by, request_id: renewal.request_id, now };
    let (mut tx, held) = match wish.begin(db, Some(renewal.plan)).await? {
        Continue(begun) => begun,
        Break(change) => return Ok(change),
    };
    held.check_on()?;
    let buyer = Buyer::find(&mut tx, held.owner).await?;
    let (plan, price) = buyer.offer(&mut tx, renewal.plan, renewal.price_seen).await?;
    buyer.check_credit(&held.balance, price)?;
    let terms = Terms { renewal: Some((&plan, price)), ..Terms::default() };
    let change = wish.insert(&mut tx, terms).await?;
    let posting = Posting {
        user: held.owner,
        entry_type: EntryType::OrderRenewed,
        confirmed: -price,
        pending: Toman::ZERO,
        reference: Reference::Change { order: held.order, change },
        notes: String::new(),
        by: by.user(),
    };
    ledger::post(&mut tx, &posting, now).await?;
    let detail = json!({ "plan": plan.name, "days": plan.days, "gb": plan.data_limit_gb, "amount": price });
    wish.submit(tx, change, detail).await
}

/// Switches an account off: by its owner, by the admin, or by the 24-hour rule, which is then the reason. No money
/// moves.
///
/// # Errors
/// See [`ChangeError`].
pub async fn disable(
    db: &PgPool,
    order: OrderId,
    by: By,
    request_id: Uuid,
    now: Time,
) -> Result<ChangeId, ChangeError> {
    let wish = Wish { order, kind: Kind::Disable, by, request_id, now };
    let (mut tx, held) = match wish.begin(db, None).await? {
        Continue(begun) => begun,
        Break(change) => return Ok(change),
    };
    if matches!(by, By::Owner(_)) && held.kind == buyer::Kind::EndUser {
        return Err(ChangeError::NotAllowed);
    }
    // Paid, or put off, since the rule looked.
    if matches!(by, By::Panel) && !suspension::is_due(&mut tx, held.owner, &held.balance, now).await? {
        return Err(ChangeError::NotAllowed);
    }
    if held.status != Status::Active {
        return Err(ChangeError::WrongStatus { status: held.status });
    }
    let reason = by.reason();
    let terms = Terms { reason: Some(reason), ..Terms::default() };
    let detail = json!({ "reason": reason.code() });
    wish.store(tx, terms, detail).await
}

/// Switches an account on again, if these may ([`By::may_enable`]) and its owner owes nothing.
///
/// # Errors
/// See [`ChangeError`].
pub async fn enable(
    db: &PgPool,
    order: OrderId,
    by: By,
    request_id: Uuid,
    now: Time,
) -> Result<ChangeId, ChangeError> {
    let wish = Wish { order, kind: Kind::Enable, by, request_id, now };
    let (tx, held) = match wish.begin(db, None).await? {
        Continue(begun) => begun,
        Break(change) => return Ok(change),
    };
    let Some(reason) = held.disabled_reason else {
        return Err(ChangeError::WrongStatus { status: held.status });
    };
    if !by.may_enable(reason) {
        return Err(ChangeError::NotAllowed);
    }
    held.check_owes_nothing()?;
    wish.store(tx, Terms::default(), json!({})).await
}

/// Gives the account a new link; the one before it will be dead.
///
/// # Errors
/// See [`ChangeError`].
pub async fn revoke(
    db: &PgPool,
    order: OrderId,
    by: By,
    request_id: Uuid,
    now: Time,
) -> Result<ChangeId, ChangeError> {
    let wish = Wish { order, kind: Kind::Revoke, by, request_id, now };
    let (tx, held) = match wish.begin(db, None).await? {
        Continue(begun) => begun,
        Break(change) => return Ok(change),
    };
    held.check_lives()?;
    wish.store(tx, Terms::default(), json!({})).await
}

/// Lets the account's volume begin anew, free of charge: a gift that only the admin can make. Refused where it would wake
/// an account that is switched off, and while its owner is below zero.
///
/// # Errors
/// See [`ChangeError`].
pub async fn reset(
    db: &PgPool,
    order: OrderId,
    admin: Actor,
    reason: &str,
    request_id: Uuid,
    now: Time,
) -> Result<ChangeId, ChangeError> {
    let by = By::Admin(admin);
    let wish = Wish { order, kind: Kind::Reset, by, request_id, now };
    let (tx, held) = match wish.begin(db, None).await? {
        Continue(begun) => begun,
        Break(change) => return Ok(change),
    };
    held.check_on()?;
    held.check_owes_nothing()?;
    wish.store(tx, Terms::default(), json!({ "reason": reason })).await
}

/// Deletes an account for good. What was used is read from the server first and the refund fixed; it is paid when
/// the account is definitely gone, to the wallet that was charged. Where the server can't be read, nothing is
/// deleted.
///
/// # Errors
/// See [`ChangeError`].
pub async fn delete(
    db: &PgPool,
    server: &Server,
    deletion: &Deletion,
    by: By,
    now: Time,
) -> Result<ChangeId, ChangeError> {
    let &Deletion { order, refund_seen, request_id } = deletion;
    // Asked first: whose order it is, and whether the form was sent before, since then there may be nothing to read.
    let wish = Wish { order, kind: Kind::Delete, by, request_id, now };
    let (tx, held) = match wish.begin(db, None).await? {
        Continue(begun) => begun,
        Break(change) => return Ok(change),
    };
    held.check_lives()?;
    tx.rollback().await?;

    let refund = refund::estimate(db, server, order, now).await?.refund;
    if let Some(seen) = refund_seen
        && refund < seen - Toman(seen.0 / 100)
    {
        return Err(ChangeError::RefundChanged { now: refund });
    }
    let (tx, held) = match wish.begin(db, None).await? {
        Continue(begun) => begun,
        Break(change) => return Ok(change),
    };
    held.check_lives()?;
    let terms = Terms { refund: Some(refund), ..Terms::default() };
    wish.store(tx, terms, json!({ "refund": refund })).await
}
