//! Settling what the server and the panel say differently about an account: the server's word is taken over, or the
//! server is set to ours.
//!
//! Invariant: no money moves here. What is taken over is written in one transaction; what the server is to be set to
//! goes through the queue, is safe to repeat, and the drift stays until the server has said that it is done.

mod restore;

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{DisabledReason, Status, drift::Drift};
use crate::{
    audit::Actor,
    calendar::Time,
    ids::{OrderId, UserId},
    jobs::{self, NewJob},
    ledger::{self, EntryType, Posting, Reference},
    money::Toman,
    panel::Validity,
};

pub use restore::restore;

/// The kind of job that sets an account on the server to what it is here.
pub const RESTORE: &str = "orders.restore";

/// Whose word holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The server's: what it says is written here; an account that is gone counts as deleted, without refund.
    TakeOver,
    /// Ours: the server is set to it; an account that is gone is made again.
    SetThere,
}

/// Why nothing was settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// No such order, or both agree by now.
    #[error("nothing to settle")]
    NotFound,
    /// This can't be settled so, for instance while the 24-hour rule holds.
    #[error("not in this way")]
    NotSo,
    /// Something of the order is under way.
    #[error("a change is under way")]
    Busy,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A drifted account, its order locked.
struct Held {
    order: OrderId,
    owner: UserId,
    status: Status,
    disabled_reason: Option<DisabledReason>,
    kinds: Vec<Drift>,
}

/// How long an account lasts by our word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lasting {
    pub end: Option<Time>,
    /// It waits for its first connection, and has so many seconds from then.
    pub on_hold_seconds: Option<i64>,
}

impl Lasting {
    /// For an account that is made again; `None` where it never was to end.
    fn validity(self) -> Option<Validity> {
        match (self.end, self.on_hold_seconds.map(u32::try_from)) {
            (Some(end), _) => Some(Validity::Until(end)),
            (None, Some(Ok(seconds))) if seconds > 0 => Some(Validity::FromFirstConnection { seconds }),
            (None, _) => None,
        }
    }
}

/// Whether an account with these disagreements, which lasts so long by our word, can be settled so.
pub fn is_possible(
    kinds: &[Drift],
    way: Way,
    reason: Option<DisabledReason>,
    lasting: Lasting,
    now: Time,
) -> bool {
    let has = |kind| kinds.contains(&kind);
    if has(Drift::Missing) {
        let is_over = lasting.end.is_some_and(|end| end <= now);
        return way == Way::TakeOver || (lasting.validity().is_some() && !is_over);
    }
    // Whose account that is, and what is wrong with it, can only be seen there.
    if has(Drift::Foreign) || has(Drift::Unreadable) {
        return false;
    }
    match way {
        // What the 24-hour rule has switched off must not come back by a side door.
        Way::TakeOver => !(has(Drift::OnThere) && reason == Some(DisabledReason::NegativeCredit)),
        // An account that was on hold would get an end that it never had.
        Way::SetThere => lasting.end.is_some() || !(has(Drift::Expiry) || has(Drift::Volume)),
    }
}

/// Under which the job for an order is kept.
pub(super) fn job_key(order: OrderId) -> String {
    format!("restore:{order}")
}

/// Settles what is known to differ.
///
/// # Errors
/// See [`SettleError`].
pub async fn settle(
    db: &PgPool,
    admin: Actor,
    order: OrderId,
    way: Way,
    now: Time,
) -> Result<(), SettleError> {
    let mut tx = db.begin().await?;
    let held = hold(&mut tx, order, way, now).await?;
    match way {
        Way::TakeOver => take_over(&mut tx, &held, admin, now).await?,
        Way::SetThere => {
            let job = NewJob {
                kind: RESTORE,
                payload: json!({ "order": order }),
                unique_key: Some(job_key(order)),
                run_at: now,
            };
            jobs::enqueue(&mut tx, &job, now).await?;
        }
    }
    let kinds: Vec<&str> = held.kinds.iter().map(|kind| kind.code()).collect();
    let action = match way {
        Way::TakeOver => "order.drift_taken_over",
        Way::SetThere => "order.drift_set_there",
    };
    admin.record(&mut tx, action, ("order", Some(order.0)), json!({ "drift": kinds }), now).await?;
    tx.commit().await?;
    Ok(())
}

/// Locks the wallet and then the order, as all do who lock both.
async fn hold(conn: &mut PgConnection, order: OrderId, way: Way, now: Time) -> Result<Held, SettleError> {
    let owner =
        sqlx::query_scalar!(r#"SELECT user_id AS "owner: UserId" FROM orders WHERE id = $1"#, order.0)
            .fetch_optional(&mut *conn)
            .await?
            .ok_or(SettleError::NotFound)?;
    ledger::lock(&mut *conn, owner).await?;
    let row = sqlx::query!(
        r#"SELECT o.user_id AS "owner: UserId", o.status AS "status: Status",
                  o.disabled_reason AS "disabled_reason: DisabledReason", m.drift,
                  CASE WHEN 'EXPIRY' = ANY (m.drift) THEN m.ours_expire_at ELSE m.expire_at END AS "end",
                  CASE WHEN 'EXPIRY' = ANY (m.drift) THEN NULL ELSE m.on_hold_seconds END AS on_hold_seconds,
                  EXISTS (SELECT FROM order_changes c WHERE c.order_id = o.id AND c.status = 'WAITING')
                  OR ($3 AND EXISTS (SELECT FROM jobs j WHERE j.unique_key = $2 AND j.finished_at IS NULL))
                      AS "waits!"
           FROM orders o JOIN marzban_users m ON m.order_id = o.id
           WHERE o.id = $1 AND o.status IN ('ACTIVE', 'DISABLED') AND m.drift_since IS NOT NULL
           FOR UPDATE OF o, m"#,
        order.0,
        job_key(order),
        // The server may be doing what the job asked for: taken over then, that would be nobody's.
        way == Way::TakeOver
    )
    .fetch_optional(conn)
    .await?
    .ok_or(SettleError::NotFound)?;
    if row.waits || row.owner != owner {
        return Err(SettleError::Busy);
    }
    let kinds = Drift::from_codes(&row.drift);
    let lasting = Lasting { end: row.end, on_hold_seconds: row.on_hold_seconds };
    if !is_possible(&kinds, way, row.disabled_reason, lasting, now) {
        return Err(SettleError::NotSo);
    }
    Ok(Held { order, owner, status: row.status, disabled_reason: row.disabled_reason, kinds })
}

async fn take_over(conn: &mut PgConnection, held: &Held, admin: Actor, now: Time) -> sqlx::Result<()> {
    let has = |kind| held.kinds.contains(&kind);
    let posted = if has(Drift::Missing) {
        sqlx::query!(
            "UPDATE orders SET status = 'DELETED', disabled_reason = NULL, deleted_at = $2 WHERE id = $1",
            held.order.0,
            now
        )
        .execute(&mut *conn)
        .await?;
        None
    } else if has(Drift::OffThere) && held.status == Status::Active {
        sqlx::query!(
            "UPDATE orders SET status = 'DISABLED', disabled_reason = 'BY_ADMIN' WHERE id = $1",
            held.order.0
        )
        .execute(&mut *conn)
        .await?;
        Some(EntryType::OrderDisabled)
    } else if has(Drift::OnThere) && held.disabled_reason.is_some() {
        sqlx::query!(
            "UPDATE orders SET status = 'ACTIVE', disabled_reason = NULL WHERE id = $1",
            held.order.0
        )
        .execute(&mut *conn)
        .await?;
        Some(EntryType::OrderEnabled)
    } else {
        None
    };
    if let Some(entry_type) = posted {
        let posting = Posting {
            user: held.owner,
            entry_type,
            confirmed: Toman::ZERO,
            pending: Toman::ZERO,
            reference: Reference::Order(held.order),
            notes: String::new(),
            by: Some(admin.user),
        };
        ledger::post(&mut *conn, &posting, now).await?;
    }
    sqlx::query!(
        "UPDATE marzban_users SET drift = '{}', drift_since = NULL, missing_since = NULL, ours_expire_at = NULL,
             ours_data_limit_bytes = NULL,
             -- A look that is under way finds what it knew changed, and is given up.
             last_synced_at = last_synced_at + interval '1 microsecond'
         WHERE order_id = $1",
        held.order.0
    )
    .execute(conn)
    .await?;
    Ok(())
}
