//! What would be done with chosen accounts, before it is: each with its price or refund, or why it is left out.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{FutureExt, StreamExt, stream};
use sqlx::PgPool;

use super::{
    super::{
        Status,
        changes::{self, By, Kind, queries::Payer},
        queries::{self, Order},
    },
    Refusal, Trouble,
};
use crate::{
    calendar::Time,
    ids::{OrderId, UserId},
    money::Toman,
    panel::Server,
};

/// So many accounts are asked about at once.
const AT_ONCE: usize = 6;
/// So long the page waits for all answers of the server.
const PATIENCE: Duration = Duration::from_secs(8);

/// One chosen account.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub order: Order,
    /// Of its plan today; `None` where that is not on offer any more.
    pub price: Option<Toman>,
    /// What will be charged or paid back, or why nothing is done with it.
    pub verdict: Result<Toman, Refusal>,
}

/// The accounts of this owner among `ids`, in their order; those of others are not among them.
///
/// # Errors
/// When the database fails.
pub async fn preview(
    db: &PgPool,
    server: &Server,
    owner: UserId,
    kind: Kind,
    ids: &[OrderId],
    now: Time,
) -> sqlx::Result<Vec<Chosen>> {
    let payer = changes::queries::payer(db, owner).await?;
    let numbers: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let facts = sqlx::query!(
        r#"SELECT o.id, (SELECT p.price_agent FROM plans p
                   WHERE p.id = coalesce(o.renewed_plan_id, o.plan_id) AND p.status = 'ACTIVE') AS "price: Toman",
                  EXISTS (SELECT FROM order_changes c WHERE c.order_id = o.id AND c.status = 'WAITING') AS "is_busy!"
           FROM orders o WHERE o.user_id = $1 AND o.id = ANY ($2)"#,
        owner.0,
        &numbers
    )
    .fetch_all(db)
    .await?;
    let facts: BTreeMap<i64, _> = facts.into_iter().map(|fact| (fact.id, fact)).collect();
    let mut orders: BTreeMap<_, _> =
        queries::orders(db, owner, ids).await?.into_iter().map(|order| (order.id, order)).collect();
    let mut chosen = Vec::new();
    let mut sum = Toman::ZERO;
    for id in ids {
        // A second time the same is not found any more.
        let (Some(order), Some(fact)) = (orders.remove(id), facts.get(&id.0)) else { continue };
        let verdict = if fact.is_busy {
            Err(Refusal::of(Trouble::Busy))
        } else {
            judge(kind, &order, fact.price, &payer, sum)
        };
        if let (Kind::Renew, Ok(price)) = (kind, verdict) {
            sum += price;
        }
        chosen.push(Chosen { order, price: fact.price, verdict });
    }
    if kind == Kind::Delete {
        estimate(db, server, &mut chosen, now).await?;
    }
    Ok(chosen)
}

/// `sum` is what those before it cost.
fn judge(
    kind: Kind,
    order: &Order,
    price: Option<Toman>,
    payer: &Payer,
    sum: Toman,
) -> Result<Toman, Refusal> {
    let owed = || payer.owed().map_or(Ok(()), |owed| Err(Refusal::with(Trouble::BelowZero, owed)));
    let wrong = Err(Refusal::of(Trouble::WrongStatus));
    match (kind, order.status) {
        (Kind::Renew, Status::Active) => {
            owed()?;
            let price = price.ok_or(Refusal::of(Trouble::PlanInactive))?;
            match payer.missing(sum + price) {
                Some(missing) => Err(Refusal::with(Trouble::NotEnough, missing)),
                None => Ok(price),
            }
        }
        (Kind::Renew, Status::Disabled) => Err(Refusal::of(Trouble::SwitchedOff)),
        (Kind::Disable, Status::Active) | (Kind::Delete, Status::Active | Status::Disabled) => {
            Ok(Toman::ZERO)
        }
        (Kind::Enable, _) => {
            let Some(reason) = order.disabled_reason else { return wrong };
            if !By::Owner(order.owner.into()).may_enable(reason) {
                return Err(Refusal::of(Trouble::NotAllowed));
            }
            owed()?;
            Ok(Toman::ZERO)
        }
        _ => wrong,
    }
}

/// Asks the server what was used of those that may be paid back, several at once. What isn't answered in time is left
/// out, as it would not be deleted.
async fn estimate(db: &PgPool, server: &Server, chosen: &mut [Chosen], now: Time) -> sqlx::Result<()> {
    let until = tokio::time::Instant::now() + PATIENCE;
    let young = chosen.iter().enumerate();
    let is_young = |order: &Order| changes::is_in_time(order.provisioned_at.unwrap_or(order.created_at), now);
    let young = young.filter(|(_, one)| one.verdict.is_ok() && is_young(&one.order));
    let asking: Vec<_> =
        young.map(|(at, one)| estimate_one(db, server, at, one.order.id, now, until).boxed()).collect();
    let mut answers = stream::iter(asking).buffer_unordered(AT_ONCE);
    while let Some(answer) = answers.next().await {
        let (at, verdict) = answer?;
        chosen[at].verdict = verdict;
    }
    Ok(())
}

/// The refund of one, and its place among the chosen.
async fn estimate_one(
    db: &PgPool,
    server: &Server,
    at: usize,
    order: OrderId,
    now: Time,
    until: tokio::time::Instant,
) -> sqlx::Result<(usize, Result<Toman, Refusal>)> {
    let verdict = match tokio::time::timeout_at(until, changes::estimate(db, server, order, now)).await {
        Ok(Ok(estimate)) => Ok(estimate.refund),
        Ok(Err(error)) => Err(Refusal::of_change(error)?),
        Err(_) => Err(Refusal::of(Trouble::Unreadable)),
    };
    Ok((at, verdict))
}
