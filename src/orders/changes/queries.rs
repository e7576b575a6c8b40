//! What the pages about changes show.

use sqlx::PgPool;

use super::{ChangeRefusal, ChangeStatus, Kind};
use crate::{
    calendar::Time,
    ids::{ChangeId, OrderId, UserId},
    ledger::Balance,
    money::Toman,
    orders::{DisabledReason, buyer, queries::Choice},
};

/// How many changes an order's page shows.
const RECENT: i64 = 6;

/// One change, for the order's page.
#[derive(Clone, Debug)]
pub struct Change {
    pub kind: Kind,
    pub status: ChangeStatus,
    pub reason: Option<DisabledReason>,
    pub refusal: Option<ChangeRefusal>,
    pub plan_name: Option<String>,
    /// The price of a renewal.
    pub amount: Option<Toman>,
    /// What a deletion pays back.
    pub refund: Option<Toman>,
    pub keep_disabled: bool,
    pub created_at: Time,
}

/// The last changes of an order, newest first.
///
/// # Errors
/// When the database fails.
pub async fn recent(db: &PgPool, order: OrderId) -> sqlx::Result<Vec<Change>> {
    sqlx::query_as!(
        Change,
        r#"SELECT kind AS "kind: Kind", status AS "status: ChangeStatus", reason AS "reason: DisabledReason",
                  refusal AS "refusal: ChangeRefusal", plan_name, amount AS "amount: Toman",
                  refund_amount AS "refund: Toman", keep_disabled, created_at
           FROM order_changes WHERE order_id = $1 ORDER BY id DESC LIMIT $2"#,
        order.0,
        RECENT
    )
    .fetch_all(db)
    .await
}

/// How a change has ended, or that it waits.
///
/// # Errors
/// When the database fails.
pub async fn status(db: &PgPool, change: ChangeId) -> sqlx::Result<ChangeStatus> {
    sqlx::query_scalar!(
        r#"SELECT status AS "status: ChangeStatus" FROM order_changes WHERE id = $1"#,
        change.0
    )
    .fetch_one(db)
    .await
}

/// Who pays for a renewal, and of what.
#[derive(Clone, Copy, Debug)]
pub struct Payer {
    pub kind: buyer::Kind,
    pub balance: Balance,
    /// How much pending credit counts, Toman.
    pub ceiling: Toman,
}

impl Payer {
    /// What is missing for this price; `None` where it can be paid.
    pub fn missing(&self, price: Toman) -> Option<Toman> {
        let spendable = self.balance.spendable(self.ceiling);
        (self.kind != buyer::Kind::Admin && spendable < price).then(|| price - spendable)
    }

    /// What is owed, where that forbids renewing.
    pub fn owed(&self) -> Option<Toman> {
        let total = self.balance.total();
        (self.kind != buyer::Kind::Admin && total.is_negative()).then(|| -total)
    }
}

/// The owner of an order, as who pays.
///
/// # Errors
/// When the database fails.
pub async fn payer(db: &PgPool, user: UserId) -> sqlx::Result<Payer> {
    let row = sqlx::query!(
        r#"SELECT u.role AS "kind: buyer::Kind", w.confirmed AS "confirmed: Toman", w.pending AS "pending: Toman",
                  w.negative_since, coalesce(a.pending_ceiling, 0) AS "ceiling!: Toman"
           FROM users u JOIN wallets w ON w.user_id = u.id LEFT JOIN agents a ON a.user_id = u.id WHERE u.id = $1"#,
        user.0
    )
    .fetch_one(db)
    .await?;
    let balance =
        Balance { confirmed: row.confirmed, pending: row.pending, negative_since: row.negative_since };
    Ok(Payer { kind: row.kind, balance, ceiling: row.ceiling })
}

/// The plans on offer, in the owner's order, at the price of this payer.
///
/// # Errors
/// When the database fails.
pub async fn choices(db: &PgPool, payer: &Payer) -> sqlx::Result<Vec<Choice>> {
    sqlx::query_as!(
        Choice,
        r#"SELECT id, name, days, data_limit_gb,
                  CASE WHEN $1 THEN price_public ELSE price_agent END AS "price!: Toman"
           FROM plans WHERE status = 'ACTIVE' ORDER BY position, id"#,
        payer.kind == buyer::Kind::EndUser
    )
    .fetch_all(db)
    .await
}
