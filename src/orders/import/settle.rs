//! One account of an import: what is left to do, and its end in one transaction.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    super::{DAY, GB, bulk::derived, jobs::store_account},
    Verdict, is_of_a_panel,
};
use crate::{
    audit::{self, Deed},
    calendar::Time,
    ids::{ImportId, OrderId, PlanId, UserId},
    panel::{Account, AccountStatus},
    persian::normalize,
};

/// An account that is to be brought in.
pub(super) struct Item {
    pub import: ImportId,
    pub place: i64,
    pub username: String,
    /// Its note before; empty for none.
    pub note: String,
    /// The number that was set aside for its order.
    pub order: Option<OrderId>,
}

/// What came of storing the order.
pub(super) enum Settled {
    Taken,
    /// Another run was first.
    Before,
    /// Somebody ordered an account of this name meanwhile.
    Owned,
    NoPlan,
    Stopped,
}

/// What keeps an account from getting a number.
pub(super) enum Hindrance {
    /// Another run was first.
    Ended,
    /// Somebody has an order of this name.
    Owned,
    Stopped,
    /// Another import works on it.
    UnderWay,
}

/// What an import has left, behind this place: what was begun also where it was stopped.
pub(super) async fn left(db: &PgPool, import: ImportId, after: i64, limit: i64) -> sqlx::Result<Vec<Item>> {
    sqlx::query_as!(
        Item,
        r#"SELECT i.import_id AS "import: ImportId", i.place, i.username, i.note, i.order_id AS "order: OrderId"
           FROM order_import_items i JOIN order_imports m ON m.id = i.import_id
           WHERE i.import_id = $1 AND i.outcome IS NULL AND i.place > $2
             AND (m.status = 'RUNNING' OR (m.status = 'STOPPED' AND i.order_id IS NOT NULL))
           ORDER BY i.place LIMIT $3"#,
        import.0,
        after,
        limit
    )
    .fetch_all(db)
    .await
}

/// Sets the number of its order aside; `None` where the account is taken, settled, or the import was stopped.
pub(super) async fn set_aside(db: &PgPool, item: &Item) -> sqlx::Result<Option<OrderId>> {
    sqlx::query_scalar!(
        r#"UPDATE order_import_items i
           SET order_id = coalesce(order_id, nextval(pg_get_serial_sequence('orders', 'id')))
           WHERE import_id = $1 AND place = $2 AND outcome IS NULL
             AND EXISTS (SELECT FROM order_imports m WHERE m.id = $1 AND m.status = 'RUNNING')
             AND NOT EXISTS (SELECT FROM orders o WHERE lower(o.marzban_username) = lower(i.username)
                             AND o.status NOT IN ('DELETED', 'FAILED', 'CANCELLED'))
           RETURNING order_id AS "order!: OrderId""#,
        item.import.0,
        item.place
    )
    .fetch_optional(db)
    .await
}

/// Why an account has no number set aside.
pub(super) async fn hindrance(db: &PgPool, item: &Item) -> sqlx::Result<Hindrance> {
    let row = sqlx::query!(
        r#"SELECT i.outcome IS NOT NULL AS "has_ended!", m.status = 'STOPPED' AS "is_stopped!",
                  EXISTS (SELECT FROM orders o WHERE lower(o.marzban_username) = lower(i.username)
                          AND o.status NOT IN ('DELETED', 'FAILED', 'CANCELLED')) AS "is_owned!"
           FROM order_import_items i JOIN order_imports m ON m.id = i.import_id
           WHERE i.import_id = $1 AND i.place = $2"#,
        item.import.0,
        item.place
    )
    .fetch_one(db)
    .await?;
    Ok(match row {
        row if row.has_ended => Hindrance::Ended,
        row if row.is_owned => Hindrance::Owned,
        row if row.is_stopped => Hindrance::Stopped,
        _ => Hindrance::UnderWay,
    })
}

/// Writes down the note that the account has now.
pub(super) async fn keep_note(db: &PgPool, item: &Item, note: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE order_import_items SET note = $3 WHERE import_id = $1 AND place = $2 AND outcome IS NULL",
        item.import.0,
        item.place,
        note
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Counts an attempt that the server failed. Returns how many there were.
pub(super) async fn count_try(db: &PgPool, item: &Item) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        "UPDATE order_import_items SET tries = tries + 1 WHERE import_id = $1 AND place = $2 RETURNING tries",
        item.import.0,
        item.place
    )
    .fetch_one(db)
    .await
}

/// Writes down why an account is not brought in. Its number is forgotten, but where the account may have its note: then
/// the number, and the note before, say so for as long as that is not known better.
pub(super) async fn leave_out(
    db: &PgPool,
    item: &Item,
    why: Verdict,
    may_have_ours: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE order_import_items SET outcome = $3, order_id = CASE WHEN $4 THEN order_id END
         WHERE import_id = $1 AND place = $2 AND outcome IS NULL",
        item.import.0,
        item.place,
        why as Verdict,
        may_have_ours
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What the orders of an import have in common.
struct Terms {
    owner: UserId,
    /// Whose deed the orders are.
    confirmed_by: Option<UserId>,
    request_id: uuid::Uuid,
    keeps_notes: bool,
}

/// Stores the order of an account that has its note, once.
pub(super) async fn settle(
    db: &PgPool,
    item: &Item,
    order: OrderId,
    account: &Account,
    now: Time,
) -> sqlx::Result<Settled> {
    let mut tx = db.begin().await?;
    let ended = sqlx::query!(
        "UPDATE order_import_items SET outcome = 'TAKEN' WHERE import_id = $1 AND place = $2 AND outcome IS NULL",
        item.import.0,
        item.place
    )
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() == 0 {
        return how_it_ended(&mut tx, item).await;
    }
    let terms = sqlx::query_as!(
        Terms,
        r#"SELECT owner_id AS "owner!: UserId", confirmed_by AS "confirmed_by: UserId", request_id, keeps_notes
           FROM order_imports WHERE id = $1"#,
        item.import.0
    )
    .fetch_one(&mut *tx)
    .await?;
    match insert(&mut tx, item, order, account, &terms, now).await {
        Ok(true) => {}
        Ok(false) => return Ok(Settled::NoPlan),
        Err(error) => {
            let constraint = error.as_database_error().and_then(|error| error.constraint());
            return match constraint {
                Some("orders_marzban_username_live_key") => Ok(Settled::Owned),
                _ => Err(error),
            };
        }
    }
    store_account(&mut tx, order, account, now).await?;
    record(&mut tx, item, order, account, &terms, now).await?;
    tx.commit().await?;
    Ok(Settled::Taken)
}

async fn how_it_ended(conn: &mut PgConnection, item: &Item) -> sqlx::Result<Settled> {
    let outcome = sqlx::query_scalar!(
        r#"SELECT outcome AS "outcome: Verdict" FROM order_import_items WHERE import_id = $1 AND place = $2"#,
        item.import.0,
        item.place
    )
    .fetch_one(conn)
    .await?;
    Ok(match outcome {
        Some(Verdict::Owned) => Settled::Owned,
        Some(Verdict::Stopped) => Settled::Stopped,
        _ => Settled::Before,
    })
}

/// An order as of the day on which the account was made there. `false` where no plan is on offer.
async fn insert(
    conn: &mut PgConnection,
    item: &Item,
    order: OrderId,
    account: &Account,
    terms: &Terms,
    now: Time,
) -> sqlx::Result<bool> {
    let gb = account.data_limit_bytes.map(gigabytes);
    let days_left = days_left(account, now);
    let plan = sqlx::query!(
        r#"SELECT id AS "id: PlanId", name, days FROM plans WHERE id = nearest_plan($1, $2) FOR SHARE"#,
        gb,
        days_left
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(plan) = plan else { return Ok(false) };
    let is_off = account.status == AccountStatus::Disabled;
    let keeps_note = terms.keeps_notes && !is_of_a_panel(&item.note);
    let note = if keeps_note { normalize(&item.note) } else { String::new() };
    sqlx::query!(
        "INSERT INTO orders (id, user_id, plan_id, plan_name, days, data_limit_gb, amount, marzban_username, note, on_hold,
             status, disabled_reason, request_id, created_at, provisioned_at, imported_at)
         OVERRIDING SYSTEM VALUE
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11, $12, $13, $13, $14)",
        order.0,
        terms.owner.0,
        plan.id.0,
        plan.name,
        plan.days.max(days_left).clamp(1, 3650),
        gb,
        account.username,
        note,
        account.waits_for_connection(),
        if is_off { "DISABLED" } else { "ACTIVE" },
        is_off.then_some("BY_ADMIN"),
        derived(terms.request_id, item.place),
        account.created_at.min(now),
        now
    )
    .execute(conn)
    .await?;
    Ok(true)
}

/// Whole GB of a limit, at least one.
pub(super) fn gigabytes(bytes: i64) -> i32 {
    i32::try_from((bytes.max(1) - 1) / GB + 1).unwrap_or(i32::MAX).clamp(1, 100_000)
}

/// Whole days that an account has left, none where it has no end.
fn days_left(account: &Account, now: Time) -> i32 {
    let seconds = match account.expire_at {
        Some(end) => (end - now).whole_seconds(),
        None if account.waits_for_connection() => account.on_hold_seconds.unwrap_or(0),
        None => 0,
    };
    i32::try_from((seconds.max(0) + DAY - 1) / DAY).unwrap_or(i32::MAX)
}

async fn record(
    conn: &mut PgConnection,
    item: &Item,
    order: OrderId,
    account: &Account,
    terms: &Terms,
    now: Time,
) -> sqlx::Result<()> {
    let deed = Deed {
        actor: terms.confirmed_by,
        action: "order.import",
        subject_type: "order",
        subject_id: Some(order.0),
        // The old note is said nowhere else once the import is forgotten.
        detail: json!({ "keeper": account.keeper, "note": item.note }),
        address: None,
    };
    audit::record(conn, &deed, now).await
}
