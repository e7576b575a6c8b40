//! Several accounts ordered by one form: one plan, one price, each an order of its own.

use sqlx::PgPool;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    super::{NewOrder, place},
    BUDGET, Refusal, Trouble, derived,
    names::Named,
};
use crate::{
    calendar::{Clock, Time},
    ids::{BatchId, OrderId, PlanId, UserId},
    money::Toman,
};

/// What is ordered.
#[derive(Clone, Debug)]
pub struct NewBatch {
    pub owner: UserId,
    pub plan: PlanId,
    /// Of one, as the form showed it, Toman: another one is never charged.
    pub price_seen: Toman,
    pub on_hold: bool,
    /// The form's own id: sent twice, it is one batch.
    pub request_id: Uuid,
    pub names: Vec<Named>,
}

/// What a form is known for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It was not sent before.
    New,
    Same(BatchId),
    /// It was changed after it had been sent.
    Other(BatchId),
}

/// Whether this form was sent before.
///
/// # Errors
/// When the database fails.
pub async fn before(db: &PgPool, new: &NewBatch) -> sqlx::Result<Before> {
    let found = sqlx::query!(
        r#"SELECT id AS "id: BatchId", plan_id AS "plan: PlanId", price AS "price: Toman", on_hold
           FROM order_batches WHERE user_id = $1 AND request_id = $2"#,
        new.owner.0,
        new.request_id
    )
    .fetch_optional(db)
    .await?;
    let Some(found) = found else { return Ok(Before::New) };
    let names = sqlx::query_as!(
        Named,
        "SELECT username, alias FROM order_batch_items WHERE batch_id = $1 ORDER BY place",
        found.id.0
    )
    .fetch_all(db)
    .await?;
    let terms = (found.plan, found.price, found.on_hold) == (new.plan, new.price_seen, new.on_hold);
    Ok(if terms && names == new.names { Before::Same(found.id) } else { Before::Other(found.id) })
}

/// Stores a batch before its first order is placed. Where the form is stored already, nothing changes.
///
/// # Errors
/// When the database fails.
pub async fn store(db: &PgPool, new: &NewBatch, now: Time) -> sqlx::Result<Before> {
    let mut tx = db.begin().await?;
    let inserted = sqlx::query_scalar!(
        r#"INSERT INTO order_batches (user_id, request_id, plan_id, price, on_hold, created_at)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT ON CONSTRAINT order_batches_request_id_key DO NOTHING RETURNING id AS "id: BatchId""#,
        new.owner.0,
        new.request_id,
        new.plan.0,
        new.price_seen.0,
        new.on_hold,
        now
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(id) = inserted else {
        tx.rollback().await?;
        return before(db, new).await;
    };
    sqlx::query!(
        "INSERT INTO order_batch_items (batch_id, place, username, alias)
         SELECT $1, i.place, i.username, i.alias
         FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS i (username, alias, place)",
        id.0,
        &new.names.iter().map(|named| named.username.clone()).collect::<Vec<_>>(),
        &new.names.iter().map(|named| named.alias.clone()).collect::<Vec<_>>()
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Before::Same(id))
}

struct Batch {
    owner: UserId,
    request_id: Uuid,
    plan: PlanId,
    price: Toman,
    on_hold: bool,
}

/// Places the orders that were not placed yet, one after the other, as long as one request may take. It ends where no
/// further order can be paid for, and says so in the batch; a name that was taken meanwhile is passed over. Where the
/// database fails it ends there: the rest is not ordered. `false` where this owner has no such batch.
///
/// # Errors
/// When the database fails before the first of them.
pub async fn carry_out(db: &PgPool, owner: UserId, id: BatchId, clock: &Clock) -> sqlx::Result<bool> {
    let batch = sqlx::query_as!(
        Batch,
        r#"SELECT user_id AS "owner: UserId", request_id, plan_id AS "plan: PlanId", price AS "price: Toman", on_hold
           FROM order_batches WHERE id = $1 AND user_id = $2"#,
        id.0,
        owner.0
    )
    .fetch_optional(db)
    .await?;
    let Some(batch) = batch else { return Ok(false) };
    let left = sqlx::query!(
        "SELECT place, username, alias FROM order_batch_items
         WHERE batch_id = $1 AND order_id IS NULL AND trouble IS NULL ORDER BY place",
        id.0
    )
    .fetch_all(db)
    .await?;
    let until = Instant::now() + BUDGET;
    let mut stopped = None;
    for item in left {
        if Instant::now() >= until {
            break;
        }
        let named = Named { username: item.username, alias: item.alias };
        match order(db, id, &batch, item.place, &named, clock.now()).await {
            Ok(None) => {}
            Ok(why) => {
                stopped = why;
                break;
            }
            Err(error) => {
                tracing::error!(batch = %id, place = item.place, %error, "a batch ended in the middle");
                return Ok(true);
            }
        }
    }
    sqlx::query!(
        "UPDATE order_batches SET stopped = $2, stopped_amount = $3 WHERE id = $1",
        id.0,
        stopped.map(|refusal| refusal.why) as Option<Trouble>,
        stopped.and_then(|refusal| refusal.amount).map(|amount| amount.0)
    )
    .execute(db)
    .await?;
    Ok(true)
}

/// Places one order. `Some` says why no further one can be placed.
async fn order(
    db: &PgPool,
    id: BatchId,
    batch: &Batch,
    place_in_batch: i32,
    named: &Named,
    now: Time,
) -> sqlx::Result<Option<Refusal>> {
    let new = NewOrder {
        buyer: batch.owner,
        plan: batch.plan,
        price_seen: batch.price,
        username: &named.username,
        alias: &named.alias,
        note: "",
        on_hold: batch.on_hold,
        request_id: derived(batch.request_id, i64::from(place_in_batch)),
    };
    match place(db, &new, now).await {
        Ok(order) => {
            write_down(db, id, place_in_batch, Some(order), None).await?;
            Ok(None)
        }
        Err(error) => {
            let refusal = Refusal::of_place(error)?;
            match refusal.why {
                why @ (Trouble::Username | Trouble::UsernameTaken | Trouble::FormUsed) => {
                    write_down(db, id, place_in_batch, None, Some(why)).await?;
                    Ok(None)
                }
                _ => Ok(Some(refusal)),
            }
        }
    }
}

async fn write_down(
    db: &PgPool,
    id: BatchId,
    place: i32,
    order: Option<OrderId>,
    trouble: Option<Trouble>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE order_batch_items SET order_id = $3::bigint, trouble = $4
         WHERE batch_id = $1 AND place = $2 AND order_id IS NULL AND (trouble IS NULL OR $3::bigint IS NOT NULL)",
        id.0,
        place,
        order.map(|order| order.0),
        trouble as Option<Trouble>
    )
    .execute(db)
    .await?;
    Ok(())
}
