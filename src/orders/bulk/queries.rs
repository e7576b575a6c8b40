//! What the pages of results show. Each reading is limited to one owner.

use sqlx::PgPool;

use super::{
    super::{
        FailureReason, Status,
        changes::{ChangeStatus, Kind},
    },
    Trouble,
};
use crate::{
    calendar::Time,
    ids::{BatchId, OrderId, SelectionId, UserId},
    money::Toman,
};

/// What became of one account of a selection.
#[derive(Clone, Debug)]
pub struct SelectionItem {
    pub order: OrderId,
    pub username: String,
    pub alias: String,
    pub trouble: Option<Trouble>,
    pub trouble_amount: Option<Toman>,
    /// Of the change, where it was asked for.
    pub status: Option<ChangeStatus>,
    /// The price of a renewal.
    pub amount: Option<Toman>,
    /// What a deletion pays back.
    pub refund: Option<Toman>,
}

/// A selection: what was to be done, when, and each account in its order.
///
/// # Errors
/// When the database fails.
pub async fn selection(
    db: &PgPool,
    owner: UserId,
    id: SelectionId,
) -> sqlx::Result<Option<(Kind, Time, Vec<SelectionItem>)>> {
    let found = sqlx::query!(
        r#"SELECT kind AS "kind: Kind", created_at FROM order_selections WHERE id = $1 AND user_id = $2"#,
        id.0,
        owner.0
    )
    .fetch_optional(db)
    .await?;
    let Some(found) = found else { return Ok(None) };
    let items = sqlx::query_as!(
        SelectionItem,
        r#"SELECT i.order_id AS "order: OrderId", o.marzban_username AS username, o.alias,
                  i.trouble AS "trouble: Trouble", i.trouble_amount AS "trouble_amount: Toman",
                  c.status AS "status?: ChangeStatus", c.amount AS "amount?: Toman", c.refund_amount AS "refund?: Toman"
           FROM order_selection_items i JOIN orders o ON o.id = i.order_id LEFT JOIN order_changes c ON c.id = i.change_id
           WHERE i.selection_id = $1 ORDER BY i.place"#,
        id.0
    )
    .fetch_all(db)
    .await?;
    Ok(Some((found.kind, found.created_at, items)))
}

/// A batch, without its accounts.
#[derive(Clone, Debug)]
pub struct Batch {
    pub plan_name: String,
    pub price: Toman,
    pub stopped: Option<Trouble>,
    pub stopped_amount: Option<Toman>,
    pub created_at: Time,
}

/// What became of one name of a batch.
#[derive(Clone, Debug)]
pub struct BatchItem {
    pub username: String,
    pub alias: String,
    pub trouble: Option<Trouble>,
    pub order: Option<OrderId>,
    pub status: Option<Status>,
    pub failure: Option<FailureReason>,
    pub link: Option<String>,
    pub expire_at: Option<Time>,
}

/// A batch and what became of each name, in their order.
///
/// # Errors
/// When the database fails.
pub async fn batch(db: &PgPool, owner: UserId, id: BatchId) -> sqlx::Result<Option<(Batch, Vec<BatchItem>)>> {
    let batch = sqlx::query_as!(
        Batch,
        r#"SELECT p.name AS plan_name, b.price AS "price: Toman", b.stopped AS "stopped: Trouble",
                  b.stopped_amount AS "stopped_amount: Toman", b.created_at
           FROM order_batches b JOIN plans p ON p.id = b.plan_id WHERE b.id = $1 AND b.user_id = $2"#,
        id.0,
        owner.0
    )
    .fetch_optional(db)
    .await?;
    let Some(batch) = batch else { return Ok(None) };
    // An order that was moved to another agent is hers, with its link.
    let items = sqlx::query_as!(
        BatchItem,
        r#"SELECT i.username, i.alias, i.trouble AS "trouble: Trouble", o.id AS "order?: OrderId",
                  o.status AS "status?: Status", o.failure_reason AS "failure?: FailureReason",
                  CASE WHEN o.status IN ('ACTIVE', 'DISABLED') THEN m.subscription_url END AS link,
                  m.expire_at AS "expire_at?"
           FROM order_batch_items i JOIN order_batches b ON b.id = i.batch_id
           LEFT JOIN orders o ON o.id = i.order_id AND o.user_id = b.user_id
           LEFT JOIN marzban_users m ON m.order_id = o.id
           WHERE i.batch_id = $1 AND (i.order_id IS NULL OR o.id IS NOT NULL) ORDER BY i.place"#,
        id.0
    )
    .fetch_all(db)
    .await?;
    Ok(Some((batch, items)))
}
