//! What the owner does with plans. Each verb is one transaction: the change, its price history, the audit log.

use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};

use super::{NewPlan, Terms};
use crate::{
    audit::Actor,
    calendar::Time,
    ids::{PlanId, UserId},
    money::Toman,
};

/// Why a plan was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("there is no such plan")]
    NotFound,
    #[error("another plan on offer has this name")]
    NameTaken,
    #[error("the agents' price is not below the public one")]
    AgentPriceNotBelow,
    /// It is no longer as the form showed it.
    #[error("the plan changed meanwhile")]
    ChangedMeanwhile,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Where a plan goes in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

/// Public and agents' price.
type Prices = (Toman, Toman);

/// One admin at a time: names stay unlike, places stay in order, and a price is changed from what it is.
/// Readers, and orders that read a plan's price, don't wait.
pub(super) async fn lock(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("LOCK TABLE plans IN SHARE ROW EXCLUSIVE MODE").execute(conn).await?;
    Ok(())
}

/// Stores a plan, which is on offer at once, as the last of the list.
///
/// # Errors
/// [`ChangeError`]; nothing was stored.
pub async fn add(db: &PgPool, by: Actor, terms: &Terms, now: Time) -> Result<PlanId, ChangeError> {
    check(terms)?;
    let mut tx = db.begin().await?;
    lock(&mut tx).await?;
    refuse_taken_name(&mut tx, &terms.name, None).await?;
    let new = NewPlan {
        name: &terms.name,
        days: terms.days,
        data_limit_gb: terms.data_limit_gb,
        price_public: terms.price_public,
        price_agent: terms.price_agent,
        position: last_place(&mut tx).await?,
    };
    let id = super::insert(&mut tx, &new, now).await?;
    keep_prices(&mut tx, Some(by.user), id, None, prices(terms), now).await?;
    write_down(&mut tx, by, "plan.create", Some(id), json!({ "after": terms }), now).await?;
    tx.commit().await?;
    Ok(id)
}

/// Changes a plan that is still as it was `seen`, by the time of its last change. Orders keep what they bought.
///
/// # Errors
/// [`ChangeError`]; nothing was changed.
pub async fn update(
    db: &PgPool,
    by: Actor,
    id: PlanId,
    terms: &Terms,
    seen: Time,
    now: Time,
) -> Result<(), ChangeError> {
    check(terms)?;
    let mut tx = db.begin().await?;
    lock(&mut tx).await?;
    let found = sqlx::query!(
        r#"SELECT name, days, data_limit_gb, price_public AS "price_public: Toman",
                  price_agent AS "price_agent: Toman", status, updated_at
           FROM plans WHERE id = $1"#,
        id.0
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(ChangeError::NotFound)?;
    let before = Terms {
        name: found.name,
        days: found.days,
        data_limit_gb: found.data_limit_gb,
        price_public: found.price_public,
        price_agent: found.price_agent,
    };
    // The same form sent twice has been taken already.
    if before == *terms {
        return Ok(());
    }
    if found.updated_at != seen {
        return Err(ChangeError::ChangedMeanwhile);
    }
    if found.status == "ACTIVE" {
        refuse_taken_name(&mut tx, &terms.name, Some(id)).await?;
    }
    store(&mut tx, id, terms, now).await?;
    if prices(&before) != prices(terms) {
        keep_prices(&mut tx, Some(by.user), id, Some(prices(&before)), prices(terms), now).await?;
    }
    write_down(&mut tx, by, "plan.update", Some(id), json!({ "before": before, "after": terms }), now)
        .await?;
    tx.commit().await?;
    Ok(())
}

async fn store(conn: &mut PgConnection, id: PlanId, terms: &Terms, now: Time) -> sqlx::Result<()> {
    // Never the same instant twice: a form knows by it what it showed.
    sqlx::query!(
        "UPDATE plans SET name = $2, days = $3, data_limit_gb = $4, price_public = $5, price_agent = $6,
                updated_at = greatest($7, updated_at + interval '1 microsecond')
         WHERE id = $1",
        id.0,
        terms.name,
        terms.days,
        terms.data_limit_gb,
        terms.price_public.0,
        terms.price_agent.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts a plan on offer, as the last of the list, or takes it off. One that is so already stays as it is.
///
/// # Errors
/// [`ChangeError`]; nothing was changed.
pub async fn set_active(
    db: &PgPool,
    by: Actor,
    id: PlanId,
    active: bool,
    now: Time,
) -> Result<(), ChangeError> {
    let mut tx = db.begin().await?;
    lock(&mut tx).await?;
    let found = sqlx::query!(r#"SELECT name, status = 'ACTIVE' AS "active!" FROM plans WHERE id = $1"#, id.0)
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(ChangeError::NotFound)?;
    if found.active == active {
        return Ok(());
    }
    if active {
        refuse_taken_name(&mut tx, &found.name, Some(id)).await?;
        let position = last_place(&mut tx).await?;
        sqlx::query!("UPDATE plans SET status = 'ACTIVE', position = $2 WHERE id = $1", id.0, position)
            .execute(&mut *tx)
            .await?;
    } else {
        sqlx::query!("UPDATE plans SET status = 'INACTIVE' WHERE id = $1", id.0).execute(&mut *tx).await?;
    }
    let action = if active { "plan.activate" } else { "plan.deactivate" };
    write_down(&mut tx, by, action, Some(id), json!({ "name": found.name }), now).await?;
    tx.commit().await?;
    Ok(())
}

/// Moves a plan on offer by one place. At the end of the list it stays.
///
/// # Errors
/// [`ChangeError::NotFound`] when it is not on offer.
pub async fn shift(
    db: &PgPool,
    by: Actor,
    id: PlanId,
    direction: Direction,
    now: Time,
) -> Result<(), ChangeError> {
    let mut tx = db.begin().await?;
    lock(&mut tx).await?;
    let mut list = sqlx::query_scalar!("SELECT id FROM plans WHERE status = 'ACTIVE' ORDER BY position, id")
        .fetch_all(&mut *tx)
        .await?;
    let from = list.iter().position(|plan| *plan == id.0).ok_or(ChangeError::NotFound)?;
    let to = match direction {
        Direction::Up => from.checked_sub(1),
        Direction::Down => Some(from + 1).filter(|to| *to < list.len()),
    };
    let Some(to) = to else { return Ok(()) };
    list.swap(from, to);
    sqlx::query!(
        "UPDATE plans SET position = place.position::integer
         FROM unnest($1::bigint[]) WITH ORDINALITY AS place (id, position) WHERE plans.id = place.id",
        &list
    )
    .execute(&mut *tx)
    .await?;
    write_down(&mut tx, by, "plan.move", Some(id), json!({ "place": to + 1 }), now).await?;
    tx.commit().await?;
    Ok(())
}

fn check(terms: &Terms) -> Result<(), ChangeError> {
    if terms.price_agent < terms.price_public { Ok(()) } else { Err(ChangeError::AgentPriceNotBelow) }
}

fn prices(terms: &Terms) -> Prices {
    (terms.price_public, terms.price_agent)
}

async fn refuse_taken_name(
    conn: &mut PgConnection,
    name: &str,
    own: Option<PlanId>,
) -> Result<(), ChangeError> {
    let taken = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM plans WHERE status = 'ACTIVE' AND lower(name) = lower($1)
                          AND id IS DISTINCT FROM $2) AS "taken!""#,
        name,
        own.map(|id| id.0)
    )
    .fetch_one(conn)
    .await?;
    if taken { Err(ChangeError::NameTaken) } else { Ok(()) }
}

async fn last_place(conn: &mut PgConnection) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        r#"SELECT coalesce(max(position), 0) + 1 AS "place!" FROM plans WHERE status = 'ACTIVE'"#
    )
    .fetch_one(conn)
    .await
}

/// Writes what a plan costs from now on into its history, in the caller's transaction.
pub(super) async fn keep_prices(
    conn: &mut PgConnection,
    by: Option<UserId>,
    plan: PlanId,
    before: Option<Prices>,
    after: Prices,
    now: Time,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO plan_prices (plan_id, public_before, agent_before, price_public, price_agent, changed_by, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        plan.0,
        before.map(|prices| prices.0.0),
        before.map(|prices| prices.1.0),
        after.0.0,
        after.1.0,
        by.map(|user| user.0),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn write_down(
    conn: &mut PgConnection,
    by: Actor,
    action: &'static str,
    plan: Option<PlanId>,
    detail: Value,
    now: Time,
) -> sqlx::Result<()> {
    by.record(conn, action, ("plan", plan.map(|id| id.0)), detail, now).await
}
