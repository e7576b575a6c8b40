//! Asking for a change: one transaction that looks at the rules, stores the change, takes the price of a renewal and
//! stores the job that tells the server.

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    super::{
        Status,
        buyer::{self, Buyer, Unaffordable},
        suspension,
    },
    By, ChangeError, Kind,
    held::{Terms, find_before, hold, insert, submit},
    refund,
};
use crate::{
    audit::Actor,
    calendar::Time,
    ids::{ChangeId, OrderId, PlanId, UserId},
    ledger::{self, EntryType, Posting, Reference},
    marzban::Marzban,
    money::Toman,
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
    let mut tx = db.begin().await?;
    let held = hold(&mut tx, renewal.order, by).await?;
    if let Some(change) =
        find_before(&mut tx, renewal.order, renewal.request_id, Kind::Renew, Some(renewal.plan)).await?
    {
        return Ok(change);
    }
    held.check_free(&mut tx).await?;
    match held.status {
        Status::Active => {}
        Status::Disabled => return Err(ChangeError::SwitchedOff),
        status => return Err(ChangeError::WrongStatus { status }),
    }
    let buyer = Buyer::find(&mut tx, held.owner).await?;
    let (plan, price) = buyer.offer(&mut tx, renewal.plan, renewal.price_seen).await?;
    buyer.check_credit(&held.balance, price)?;
    let terms = Terms { renewal: Some((&plan, price)), ..Terms::default() };
    let change = insert(&mut tx, &held, Kind::Renew, terms, by, renewal.request_id, now).await?;
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
    submit(&mut tx, &held, change, Kind::Renew, detail, by, now).await?;
    tx.commit().await?;
    Ok(change)
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
    let mut tx = db.begin().await?;
    let held = hold(&mut tx, order, by).await?;
    if let Some(change) = find_before(&mut tx, order, request_id, Kind::Disable, None).await? {
        return Ok(change);
    }
    if matches!(by, By::Owner(_)) && held.kind == buyer::Kind::EndUser {
        return Err(ChangeError::NotAllowed);
    }
    held.check_free(&mut tx).await?;
    // Paid, or put off, since the rule looked.
    if matches!(by, By::Panel) && !suspension::is_due(&mut tx, held.owner, &held.balance, now).await? {
        return Err(ChangeError::NotAllowed);
    }
    if held.status != Status::Active {
        return Err(ChangeError::WrongStatus { status: held.status });
    }
    let reason = by.reason();
    let terms = Terms { reason: Some(reason), ..Terms::default() };
    let change = insert(&mut tx, &held, Kind::Disable, terms, by, request_id, now).await?;
    let detail = json!({ "reason": reason.code() });
    submit(&mut tx, &held, change, Kind::Disable, detail, by, now).await?;
    tx.commit().await?;
    Ok(change)
}

/// Asks for every active account of this person to be switched off by the admin, one after the other; one that another
/// change waits for is left to it. Returns how many.
///
/// # Errors
/// When the database fails; those asked for so far stay asked for.
pub async fn disable_all(db: &PgPool, owner: UserId, admin: Actor, now: Time) -> sqlx::Result<usize> {
    let orders = sqlx::query_scalar!(
        r#"SELECT id AS "id: OrderId" FROM orders WHERE user_id = $1 AND status = 'ACTIVE' ORDER BY id"#,
        owner.0
    )
    .fetch_all(db)
    .await?;
    let mut asked = 0;
    for order in orders {
        match disable(db, order, By::Admin(admin), Uuid::new_v4(), now).await {
            Ok(_) => asked += 1,
            Err(ChangeError::Database(error)) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(asked)
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
    let mut tx = db.begin().await?;
    let held = hold(&mut tx, order, by).await?;
    if let Some(change) = find_before(&mut tx, order, request_id, Kind::Enable, None).await? {
        return Ok(change);
    }
    held.check_free(&mut tx).await?;
    let Some(reason) = held.disabled_reason else {
        return Err(ChangeError::WrongStatus { status: held.status });
    };
    if !by.may_enable(reason) {
        return Err(ChangeError::NotAllowed);
    }
    if held.kind != buyer::Kind::Admin && held.balance.total().is_negative() {
        return Err(Unaffordable::BelowZero { owed: -held.balance.total() }.into());
    }
    let change = insert(&mut tx, &held, Kind::Enable, Terms::default(), by, request_id, now).await?;
    submit(&mut tx, &held, change, Kind::Enable, json!({}), by, now).await?;
    tx.commit().await?;
    Ok(change)
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
    let mut tx = db.begin().await?;
    let held = hold(&mut tx, order, by).await?;
    if let Some(change) = find_before(&mut tx, order, request_id, Kind::Revoke, None).await? {
        return Ok(change);
    }
    held.check_free(&mut tx).await?;
    held.check_lives()?;
    let change = insert(&mut tx, &held, Kind::Revoke, Terms::default(), by, request_id, now).await?;
    submit(&mut tx, &held, change, Kind::Revoke, json!({}), by, now).await?;
    tx.commit().await?;
    Ok(change)
}

/// Deletes an account for good. What was used is read from the server first and the refund fixed; it is paid when
/// the account is definitely gone, to the wallet that was charged. Where the server can't be read, nothing is
/// deleted.
///
/// # Errors
/// See [`ChangeError`].
pub async fn delete(
    db: &PgPool,
    marzban: &Marzban,
    deletion: &Deletion,
    by: By,
    now: Time,
) -> Result<ChangeId, ChangeError> {
    let &Deletion { order, refund_seen, request_id } = deletion;
    // Asked first: whose order it is, and whether the form was sent before, since then there may be nothing to read.
    let mut tx = db.begin().await?;
    let held = hold(&mut tx, order, by).await?;
    if let Some(change) = find_before(&mut tx, order, request_id, Kind::Delete, None).await? {
        return Ok(change);
    }
    held.check_lives()?;
    held.check_free(&mut tx).await?;
    tx.rollback().await?;

    let refund = refund::estimate(db, marzban, order, now).await?.refund;
    if let Some(seen) = refund_seen
        && refund < seen - Toman(seen.0 / 100)
    {
        return Err(ChangeError::RefundChanged { now: refund });
    }
    let mut tx = db.begin().await?;
    let held = hold(&mut tx, order, by).await?;
    if let Some(change) = find_before(&mut tx, order, request_id, Kind::Delete, None).await? {
        return Ok(change);
    }
    held.check_free(&mut tx).await?;
    held.check_lives()?;
    let terms = Terms { refund: Some(refund), ..Terms::default() };
    let change = insert(&mut tx, &held, Kind::Delete, terms, by, request_id, now).await?;
    submit(&mut tx, &held, change, Kind::Delete, json!({ "refund": refund }), by, now).await?;
    tx.commit().await?;
    Ok(change)
}
