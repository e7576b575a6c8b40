//! What is done with an order without the server: its name and note, its owner, and hurrying what waits.

use serde_json::json;
use sqlx::PgPool;

use super::{
    super::{Status, jobs::PROVISION},
    By, ChangeError, held, job_key,
};
use crate::{
    audit::{self, Actor, Deed},
    calendar::Time,
    ids::{ChangeId, OrderId, UserId},
    jobs::{self, NewJob},
};

/// Changes what the owner knows an account by, and her note. Both are normalised and short enough already.
///
/// # Errors
/// [`ChangeError::NotFound`], or when the database fails.
pub async fn edit(
    db: &PgPool,
    order: OrderId,
    (alias, note): (&str, &str),
    by: By,
    now: Time,
) -> Result<(), ChangeError> {
    let mut tx = db.begin().await?;
    let owner = matches!(by, By::Owner(_)).then_some(by.user()).flatten();
    let before = sqlx::query!(
        "SELECT alias, note FROM orders WHERE id = $1 AND ($2::bigint IS NULL OR user_id = $2) FOR UPDATE",
        order.0,
        owner.map(|user| user.0)
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(ChangeError::NotFound)?;
    if (before.alias.as_str(), before.note.as_str()) == (alias, note) {
        return Ok(());
    }
    sqlx::query!("UPDATE orders SET alias = $2, note = $3 WHERE id = $1", order.0, alias, note)
        .execute(&mut *tx)
        .await?;
    let detail = json!({
        "alias": [before.alias, alias],
        "note_changed": before.note != note,
    });
    let address = by.actor().and_then(|actor| actor.address);
    let deed = Deed {
        actor: by.user(),
        action: "order.edit",
        subject_type: "order",
        subject_id: Some(order.0),
        detail,
        address: address.as_ref(),
    };
    audit::record(&mut tx, &deed, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Why an order was not moved.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error("no such order")]
    NotFound,
    /// Not an active agent, nor the admin who asks.
    #[error("orders can't be moved there")]
    BadTarget,
    /// Something of the order is under way.
    #[error("a change is under way")]
    Busy,
    /// There is no account to be moved.
    #[error("not for an order that is {status:?}")]
    WrongStatus { status: Status },
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Gives an order with its account to another agent, or to the admin herself. No money moves: what was paid stays
/// paid by who paid it, and a refund goes back there.
///
/// # Errors
/// See [`MoveError`].
pub async fn move_to(
    db: &PgPool,
    order: OrderId,
    to: UserId,
    admin: Actor,
    reason: &str,
    now: Time,
) -> Result<(), MoveError> {
    let mut tx = db.begin().await?;
    let row = sqlx::query!(
        r#"SELECT user_id AS "owner: UserId", status AS "status: Status" FROM orders WHERE id = $1 FOR UPDATE"#,
        order.0
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(MoveError::NotFound)?;
    if row.owner == to {
        return Ok(());
    }
    match row.status {
        Status::Active | Status::Disabled => {}
        Status::Provisioning | Status::AwaitingPayment => return Err(MoveError::Busy),
        status => return Err(MoveError::WrongStatus { status }),
    }
    if waiting(&mut tx, order).await?.is_some() {
        return Err(MoveError::Busy);
    }
    let role =
        sqlx::query_scalar!("SELECT role FROM users WHERE id = $1 AND status = 'ACTIVE' FOR SHARE", to.0)
            .fetch_optional(&mut *tx)
            .await?;
    if role.as_deref() != Some("AGENT") && to != admin.user {
        return Err(MoveError::BadTarget);
    }
    sqlx::query!("UPDATE orders SET user_id = $2 WHERE id = $1", order.0, to.0).execute(&mut *tx).await?;
    let detail = json!({ "from": row.owner, "to": to, "reason": reason });
    admin.record(&mut tx, "order.move", ("order", Some(order.0)), detail, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Makes what waits of an order due now. Returns whether something waits.
///
/// # Errors
/// When the database fails.
pub async fn retry_now(db: &PgPool, order: OrderId, by: Actor, now: Time) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let status =
        sqlx::query_scalar!(r#"SELECT status AS "status: Status" FROM orders WHERE id = $1"#, order.0)
            .fetch_optional(&mut *tx)
            .await?;
    let (job, key) = match (status, waiting(&mut tx, order).await?) {
        (Some(Status::Provisioning), _) => {
            let key = format!("provision:{order}");
            let payload = json!({ "order": order });
            (NewJob { kind: PROVISION, payload, unique_key: Some(key.clone()), run_at: now }, key)
        }
        (_, Some(change)) => (held::job(change, now), job_key(change)),
        _ => return Ok(false),
    };
    // Stored anew where a person or a mistake has ended it; where it waits, storing changes nothing.
    jobs::enqueue(&mut tx, &job, now).await?;
    jobs::hurry(&mut tx, &key, now).await?;
    by.record(&mut tx, "order.retry", ("order", Some(order.0)), json!({}), now).await?;
    tx.commit().await?;
    Ok(true)
}

async fn waiting(conn: &mut sqlx::PgConnection, order: OrderId) -> sqlx::Result<Option<ChangeId>> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id: ChangeId" FROM order_changes WHERE order_id = $1 AND status = 'WAITING'"#,
        order.0
    )
    .fetch_optional(conn)
    .await
}
