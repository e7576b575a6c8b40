//! One thing done with several accounts that their owner chose.

use sqlx::{PgConnection, PgPool};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    super::changes::{self, By, ChangeError, Deletion, Kind, Renewal},
    BUDGET, Refusal, derived,
};
use crate::{
    audit::Actor,
    calendar::{Clock, Time},
    ids::{ChangeId, OrderId, PlanId, SelectionId, UserId},
    money::Toman,
    panel::Server,
};

/// One account of a selection, as its form had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    pub order: OrderId,
    /// Of a renewal.
    pub plan: Option<PlanId>,
    /// The price or the refund that was shown, Toman.
    pub seen: Option<Toman>,
}

/// What is to be done, with which accounts.
#[derive(Clone, Debug)]
pub struct NewSelection {
    pub owner: UserId,
    pub kind: Kind,
    /// The form's own id: sent twice, it is one selection.
    pub request_id: Uuid,
    /// In the order in which they are done, each once.
    pub items: Vec<Item>,
}

/// Stores a selection before anything is done. Others' accounts are left out without a trace. `None` where nothing is
/// left. A form that was sent before is the selection that it made.
///
/// # Errors
/// When the database fails.
pub async fn store(db: &PgPool, new: &NewSelection, now: Time) -> sqlx::Result<Option<SelectionId>> {
    let mut tx = db.begin().await?;
    let inserted = sqlx::query_scalar!(
        r#"INSERT INTO order_selections (user_id, kind, request_id, created_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT ON CONSTRAINT order_selections_request_id_key DO NOTHING RETURNING id AS "id: SelectionId""#,
        new.owner.0,
        new.kind as Kind,
        new.request_id,
        now
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(id) = inserted else { return find(&mut tx, new).await };
    let stored = sqlx::query!(
        "INSERT INTO order_selection_items (selection_id, place, order_id, plan_id, seen)
         SELECT $1, i.place, o.id, p.id, i.seen
         FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS i (item, plan, seen, place)
         JOIN orders o ON o.id = i.item AND o.user_id = $5 LEFT JOIN plans p ON p.id = i.plan",
        id.0,
        &new.items.iter().map(|item| item.order.0).collect::<Vec<_>>(),
        &new.items.iter().map(|item| item.plan.map(|plan| plan.0)).collect::<Vec<_>>() as &[Option<i64>],
        &new.items.iter().map(|item| item.seen.map(|seen| seen.0)).collect::<Vec<_>>() as &[Option<i64>],
        new.owner.0
    )
    .execute(&mut *tx)
    .await?;
    if stored.rows_affected() == 0 {
        return Ok(None);
    }
    tx.commit().await?;
    Ok(Some(id))
}

/// The selection that this very form made before; its summary is drawn here and can't be changed by hand.
async fn find(conn: &mut PgConnection, new: &NewSelection) -> sqlx::Result<Option<SelectionId>> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id: SelectionId" FROM order_selections WHERE user_id = $1 AND request_id = $2"#,
        new.owner.0,
        new.request_id
    )
    .fetch_optional(conn)
    .await
}

/// Asks for the changes that were not asked for yet, one after the other, in their order, as long as one request may
/// take. Where the database fails it ends there: the rest is not reached, and nothing was charged for it. `false`
/// where this owner has no such selection.
///
/// # Errors
/// When the database fails before the first of them.
pub async fn carry_out(
    db: &PgPool,
    server: &Server,
    id: SelectionId,
    actor: Actor,
    clock: &Clock,
) -> sqlx::Result<bool> {
    let found = sqlx::query!(
        r#"SELECT kind AS "kind: Kind", request_id FROM order_selections WHERE id = $1 AND user_id = $2"#,
        id.0,
        actor.user.0
    )
    .fetch_optional(db)
    .await?;
    let Some(found) = found else { return Ok(false) };
    let left = sqlx::query_as!(
        Item,
        r#"SELECT order_id AS "order: OrderId", plan_id AS "plan: PlanId", seen AS "seen: Toman"
           FROM order_selection_items WHERE selection_id = $1 AND change_id IS NULL AND trouble IS NULL
           ORDER BY place"#,
        id.0
    )
    .fetch_all(db)
    .await?;
    let until = Instant::now() + BUDGET;
    for item in left {
        if Instant::now() >= until {
            break;
        }
        let request_id = derived(found.request_id, item.order.0);
        let asked = ask(db, server, found.kind, &item, actor, request_id, clock.now()).await;
        if let Err(error) = write_down(db, id, item.order, asked).await {
            tracing::error!(selection = %id, order = %item.order, %error, "a selection ended in the middle");
            break;
        }
    }
    Ok(true)
}

/// Asks for one change.
async fn ask(
    db: &PgPool,
    server: &Server,
    kind: Kind,
    item: &Item,
    actor: Actor,
    request_id: Uuid,
    now: Time,
) -> Result<ChangeId, ChangeError> {
    let by = By::Owner(actor);
    match (kind, item.plan, item.seen) {
        (Kind::Renew, Some(plan), Some(price_seen)) => {
            changes::renew(db, &Renewal { order: item.order, plan, price_seen, request_id }, by, now).await
        }
        (Kind::Disable, ..) => changes::disable(db, item.order, by, request_id, now).await,
        (Kind::Enable, ..) => changes::enable(db, item.order, by, request_id, now).await,
        (Kind::Delete, _, refund_seen) => {
            changes::delete(db, server, &Deletion { order: item.order, refund_seen, request_id }, by, now)
                .await
        }
        (Kind::Renew | Kind::Revoke | Kind::Reset, ..) => Err(ChangeError::NotAllowed),
    }
}

/// What came of one; the first result stays.
async fn write_down(
    db: &PgPool,
    id: SelectionId,
    order: OrderId,
    asked: Result<ChangeId, ChangeError>,
) -> sqlx::Result<()> {
    let (change, refusal) = match asked {
        Ok(change) => (Some(change), None),
        Err(error) => (None, Some(Refusal::of_change(error)?)),
    };
    sqlx::query!(
        "UPDATE order_selection_items SET change_id = $3::bigint, trouble = $4, trouble_amount = $5
         WHERE selection_id = $1 AND order_id = $2 AND change_id IS NULL AND (trouble IS NULL OR $3::bigint IS NOT NULL)",
        id.0,
        order.0,
        change.map(|change| change.0),
        refusal.map(|refusal| refusal.why) as Option<super::Trouble>,
        refusal.and_then(|refusal| refusal.amount).map(|amount| amount.0)
    )
    .execute(db)
    .await?;
    Ok(())
}
