//! Switching off all accounts of somebody who was disabled, until none is left: those that are being made or changed
//! follow when that has ended.

use std::{net::IpAddr, time::Duration};

use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{By, ChangeError, disable};
use crate::{
    audit::Actor,
    calendar::{Clock, Time},
    ids::{OrderId, UserId},
    jobs::{self, Job, NewJob, Verdict},
};

/// The kind of job that switches all accounts of a person off.
pub const CUT_OFF: &str = "orders.cut_off";
/// So long what is under way is left alone before it is looked at again.
const LATER: Duration = Duration::from_secs(30);

/// Stores the job that switches all of this person's accounts off, as the admin's deed, in the caller's transaction.
///
/// # Errors
/// When the database fails.
pub async fn cut_off(conn: &mut PgConnection, owner: UserId, admin: Actor, now: Time) -> sqlx::Result<()> {
    let job = NewJob {
        kind: CUT_OFF,
        payload: json!({ "owner": owner, "admin": admin.user, "address": admin.address }),
        unique_key: Some(format!("cut-off:{owner}")),
        run_at: now,
    };
    jobs::enqueue(conn, &job, now).await
}

/// Asks for what works to be switched off, and comes again while there is something that may work later; ends when the
/// person is enabled again.
pub async fn carry_out(db: &PgPool, clock: &Clock, job: &Job) -> Verdict {
    let user = |name: &str| job.payload.get(name).and_then(Value::as_i64).map(UserId);
    let (Some(owner), Some(user)) = (user("owner"), user("admin")) else {
        return Verdict::Fail { error: "the job names nobody".to_owned() };
    };
    let address = job.payload.get("address").and_then(Value::as_str);
    let admin = Actor { user, address: address.and_then(|text| text.parse::<IpAddr>().ok()) };
    match advance(db, owner, admin, clock.now()).await {
        Ok(0) => Verdict::Done,
        Ok(left) => {
            Verdict::Retry { after: LATER, error: format!("{left} accounts are being made or changed") }
        }
        Err(error) => Verdict::Retry { after: jobs::backoff(job.attempts), error: error.to_string() },
    }
}

/// Returns how many are left for later.
async fn advance(db: &PgPool, owner: UserId, admin: Actor, now: Time) -> sqlx::Result<i64> {
    let is_cut_off = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM users WHERE id = $1 AND status = 'DISABLED') AS "is!""#,
        owner.0
    );
    if !is_cut_off.fetch_one(db).await? {
        return Ok(0);
    }
    // What the 24-hour rule has switched off stays off as well when nothing is owed any more.
    sqlx::query!(
        "UPDATE orders SET disabled_reason = 'BY_ADMIN'
         WHERE user_id = $1 AND status = 'DISABLED' AND disabled_reason = 'NEGATIVE_CREDIT'",
        owner.0
    )
    .execute(db)
    .await?;
    let orders = sqlx::query_scalar!(
        r#"SELECT id AS "id: OrderId" FROM orders WHERE user_id = $1 AND status = 'ACTIVE' ORDER BY id"#,
        owner.0
    );
    for order in orders.fetch_all(db).await? {
        // What another change waits for is counted below.
        if let Err(ChangeError::Database(error)) =
            disable(db, order, By::Admin(admin), Uuid::new_v4(), now).await
        {
            return Err(error);
        }
    }
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM orders o
           LEFT JOIN order_changes c ON c.order_id = o.id AND c.status = 'WAITING'
           WHERE o.user_id = $1
             AND (o.status = 'PROVISIONING' OR c.kind IN ('RENEW', 'ENABLE', 'REVOKE', 'RESET')
                  OR c.reason = 'NEGATIVE_CREDIT'
                  OR (o.status = 'ACTIVE' AND c.kind IS NULL))"#,
        owner.0
    )
    .fetch_one(db)
    .await
}
