//! What waits for the owner, as counts and ages.

use sqlx::PgConnection;
use time::Duration;

use crate::{calendar::Time, ids::UserId, ledger::Balance, money::Toman};

/// An account that is not made, or not changed, after this time needs a look.
pub const LATE: Duration = Duration::minutes(15);
/// A copy of a backup that fails for longer needs a look.
const UNCOPIED: Duration = Duration::hours(24);
/// So long a failed order is news.
const RECENT: Duration = Duration::hours(24);
/// Agents below zero that are named, those with the least time first.
pub const NAMED: i64 = 5;

/// What waits.
#[derive(Clone, Debug)]
pub struct Needs {
    pub payments: i64,
    /// When the payment was submitted that waits longest.
    pub oldest_payment: Option<Time>,
    pub late_orders: i64,
    /// Changes that the server has not carried out for so long.
    pub late_changes: i64,
    /// The order of the first of them.
    pub late_change: Option<i64>,
    /// In the last 24 hours.
    pub failed_orders: i64,
    /// Kept for a week.
    pub failed_jobs: i64,
    /// When the job was due that waits longest for a worker.
    pub oldest_due_job: Option<Time>,
    /// When the newest backup was begun that is whole and did not fail its rehearsal.
    pub last_backup: Option<Time>,
    /// Since when no backup gets off the machine, where that is so for more than a day.
    pub uncopied_since: Option<Time>,
    /// How many agents are below zero.
    pub owing: i64,
}

/// An agent below zero.
#[derive(Clone, Debug)]
pub struct Owing {
    pub id: UserId,
    pub name: String,
    pub confirmed: Toman,
    pub pending: Toman,
    pub negative_since: Option<Time>,
    pub deadline_deferred_until: Option<Time>,
}

impl Owing {
    pub fn balance(&self) -> Balance {
        Balance { confirmed: self.confirmed, pending: self.pending, negative_since: self.negative_since }
    }
}

/// Counts what waits. `store` is where backups are copied to.
///
/// # Errors
/// When the database fails.
pub async fn needs(conn: &mut PgConnection, store: Option<&str>, now: Time) -> sqlx::Result<Needs> {
    sqlx::query_as!(
        Needs,
        r#"SELECT (SELECT count(*) FROM payments WHERE status = 'PENDING') AS "payments!",
                  (SELECT min(created_at) FROM payments WHERE status = 'PENDING') AS oldest_payment,
                  (SELECT count(*) FROM orders_in_provisioning WHERE since < $2) AS "late_orders!",
                  (SELECT count(*) FROM order_changes WHERE status = 'WAITING' AND created_at < $2)
                      AS "late_changes!",
                  (SELECT order_id FROM order_changes WHERE status = 'WAITING' AND created_at < $2
                   ORDER BY id LIMIT 1) AS late_change,
                  (SELECT count(*) FROM audit_log WHERE action = 'order.fail' AND created_at >= $3)
                      AS "failed_orders!",
                  (SELECT count(*) FROM jobs WHERE outcome = 'FAILED') AS "failed_jobs!",
                  (SELECT min(run_at) FROM jobs
                   WHERE finished_at IS NULL AND run_at <= $1 AND (locked_until IS NULL OR locked_until <= $1))
                      AS oldest_due_job,
                  (SELECT max(started_at) FROM backups
                   WHERE outcome = 'DONE' AND drill_outcome IS DISTINCT FROM 'FAILED') AS last_backup,
                  (SELECT min(b.copy_failing_since) FROM backups b
                   WHERE $5::text IS NOT NULL AND b.copy_failing_since < $4 AND b.copied_to IS DISTINCT FROM $5
                     AND NOT EXISTS (SELECT FROM backups later
                                     WHERE later.copied_to = $5 AND later.id > b.id)) AS uncopied_since,
                  (SELECT count(*) FROM wallets w JOIN agents a ON a.user_id = w.user_id
                   WHERE w.negative_since IS NOT NULL) AS "owing!""#,
        now,
        now - LATE,
        now - RECENT,
        now - UNCOPIED,
        store
    )
    .fetch_one(conn)
    .await
}

/// The agents below zero whose time is up first.
///
/// # Errors
/// When the database fails.
pub async fn owing(conn: &mut PgConnection) -> sqlx::Result<Vec<Owing>> {
    sqlx::query_as!(
        Owing,
        r#"SELECT w.user_id AS "id: UserId",
                  coalesce(nullif(trim(a.first_name || ' ' || a.last_name), ''), u.username) AS "name!",
                  w.confirmed AS "confirmed: Toman", w.pending AS "pending: Toman", w.negative_since,
                  a.deadline_deferred_until
           FROM wallets w
           JOIN agents a ON a.user_id = w.user_id
           JOIN users u ON u.id = w.user_id
           WHERE w.negative_since IS NOT NULL
           ORDER BY greatest(w.negative_since + interval '24 hours', a.deadline_deferred_until), w.user_id
           LIMIT $1"#,
        NAMED
    )
    .fetch_all(conn)
    .await
}
