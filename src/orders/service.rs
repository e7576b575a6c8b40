//! Placing an order: one transaction that takes the price, stores the order and asks for its account.

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{
    Status, Username, UsernameError,
    buyer::{Buyer, Unaffordable},
    jobs::PROVISION,
};
use crate::{
    audit::{self, Deed},
    calendar::Time,
    ids::{OrderId, PlanId, UserId},
    jobs::{self, NewJob},
    ledger::{self, EntryType, Posting, Reference},
    money::Toman,
    plans::Plan,
};

/// What a person ordered, as her form had it.
#[derive(Clone, Debug)]
pub struct NewOrder<'a> {
    pub buyer: UserId,
    pub plan: PlanId,
    /// The price that the form showed, Toman: another one is never charged.
    pub price_seen: Toman,
    /// As typed.
    pub username: &'a str,
    pub alias: &'a str,
    pub note: &'a str,
    /// The days start at the first connection.
    pub on_hold: bool,
    /// The form's own id: sent twice, it makes one order.
    pub request_id: Uuid,
}

/// Why no order was placed; nothing was charged.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error("the buyer is disabled")]
    BuyerDisabled,
    #[error("the plan is not on offer")]
    PlanInactive,
    #[error("the price changed")]
    PriceChanged { now: Toman },
    /// The wallet is below zero, by `owed` Toman.
    #[error("the wallet is below zero")]
    BelowZero { owed: Toman },
    #[error("not enough credit")]
    NotEnough { missing: Toman },
    #[error(transparent)]
    Username(#[from] UsernameError),
    #[error("the name is taken")]
    UsernameTaken,
    /// This very form made another order before.
    #[error("the form was sent before, as another order")]
    FormUsed { order: OrderId },
    #[error(transparent)]
    Database(sqlx::Error),
}

impl From<Unaffordable> for PlaceError {
    fn from(why: Unaffordable) -> Self {
        match why {
            Unaffordable::BuyerDisabled => Self::BuyerDisabled,
            Unaffordable::PlanInactive => Self::PlanInactive,
            Unaffordable::PriceChanged { now } => Self::PriceChanged { now },
            Unaffordable::BelowZero { owed } => Self::BelowZero { owed },
            Unaffordable::NotEnough { missing } => Self::NotEnough { missing },
            Unaffordable::Database(error) => Self::Database(error),
        }
    }
}

impl From<sqlx::Error> for PlaceError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|e| e.constraint()) {
            Some("orders_marzban_username_live_key") => Self::UsernameTaken,
            _ => Self::Database(error),
        }
    }
}

/// Places an order and charges it. The same form again gives the same order, also when both arrive at once:
/// all that a person orders waits in line for her wallet.
///
/// # Errors
/// See [`PlaceError`].
pub async fn place(db: &PgPool, new: &NewOrder<'_>, now: Time) -> Result<OrderId, PlaceError> {
    let mut tx = db.begin().await?;
    let balance = ledger::lock(&mut tx, new.buyer).await?;
    let buyer = Buyer::find(&mut tx, new.buyer).await?;
    let username = Username::parse(new.username, &buyer.prefix);
    if let Some(order) = find_by_request(&mut tx, new, username.as_ref().ok()).await? {
        return Ok(order);
    }
    let username = username?;
    let (plan, price) = buyer.offer(&mut tx, new.plan, new.price_seen).await?;
    buyer.check_credit(&balance, price)?;
    let order = insert(&mut tx, new, &plan, &username, price, Status::Provisioning, now).await?;
    charge(&mut tx, new.buyer, order, price, now).await?;
    enqueue_provisioning(&mut tx, order, now).await?;
    tx.commit().await?;
    Ok(order)
}

/// Stores the job that makes the account of a paid order.
pub(super) async fn enqueue_provisioning(
    conn: &mut PgConnection,
    order: OrderId,
    now: Time,
) -> sqlx::Result<()> {
    let job = NewJob {
        kind: PROVISION,
        payload: json!({ "order": order }),
        unique_key: Some(format!("provision:{order}")),
        run_at: now,
    };
    jobs::enqueue(conn, &job, now).await
}

/// The order that this form made before. A form that was changed after it had been sent is not the same form.
pub(super) async fn find_by_request(
    conn: &mut PgConnection,
    new: &NewOrder<'_>,
    username: Option<&Username>,
) -> Result<Option<OrderId>, PlaceError> {
    let found = sqlx::query!(
        r#"SELECT id AS "id: OrderId", plan_id AS "plan_id: PlanId", marzban_username FROM orders
           WHERE user_id = $1 AND request_id = $2"#,
        new.buyer.0,
        new.request_id
    )
    .fetch_optional(conn)
    .await?;
    let Some(found) = found else { return Ok(None) };
    if found.plan_id == new.plan && username.is_some_and(|name| name.as_str() == found.marzban_username) {
        Ok(Some(found.id))
    } else {
        Err(PlaceError::FormUsed { order: found.id })
    }
}

pub(super) async fn insert(
    conn: &mut PgConnection,
    new: &NewOrder<'_>,
    plan: &Plan,
    username: &Username,
    price: Toman,
    status: Status,
    now: Time,
) -> Result<OrderId, PlaceError> {
    let id = sqlx::query_scalar!(
        r#"INSERT INTO orders (user_id, plan_id, plan_name, days, data_limit_gb, amount, marzban_username, alias, note,
               on_hold, status, request_id, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id"#,
        new.buyer.0,
        plan.id.0,
        plan.name,
        plan.days,
        plan.data_limit_gb,
        price.0,
        username.as_str(),
        new.alias,
        new.note,
        new.on_hold,
        status as Status,
        new.request_id,
        now
    )
    .fetch_one(conn)
    .await?;
    Ok(OrderId(id))
}

async fn charge(
    conn: &mut PgConnection,
    buyer: UserId,
    order: OrderId,
    price: Toman,
    now: Time,
) -> Result<(), PlaceError> {
    let posting = Posting {
        user: buyer,
        entry_type: EntryType::OrderCreated,
        confirmed: -price,
        pending: Toman::ZERO,
        reference: Reference::Order(order),
        notes: String::new(),
        by: Some(buyer),
    };
    ledger::post(conn, &posting, now).await?;
    let deed = Deed {
        actor: Some(buyer),
        action: "order.place",
        subject_type: "order",
        subject_id: Some(order.0),
        detail: json!({ "amount": price }),
        address: None,
    };
    audit::record(conn, &deed, now).await?;
    Ok(())
}

/// Leaves out so many numbers of orders, in the caller's transaction: accounts on the server may bear them.
///
/// # Errors
/// When the database fails.
pub async fn leave_out_numbers(conn: &mut PgConnection, count: i64) -> sqlx::Result<()> {
    sqlx::query_scalar!(
        "SELECT setval(pg_get_serial_sequence('orders', 'id'), nextval(pg_get_serial_sequence('orders', 'id')) + $1)",
        count
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}
