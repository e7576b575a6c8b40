//! The shop's figures, which are the same for all instances: read together, from one instant, in a few short queries
//! that change nothing.

use metrics::gauge;
use sqlx::{PgConnection, PgPool};

use super::{age, unix};
use crate::{
    backups::queries::{LastGood, last_good},
    calendar::Time,
    jobs::schedule::Task,
    metrics as series, worker,
};

/// Read only, all from one instant, and no longer than the database shall work for it.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '2s'";

/// How the shop stands.
pub(super) struct Shop {
    queue: Vec<QueueRow>,
    tasks: Vec<TaskRow>,
    waiting: Waiting,
    backup: Option<LastGood>,
    has_store: bool,
}

/// The jobs of one kind.
struct QueueRow {
    kind: String,
    due: i64,
    running: i64,
    later: i64,
    failed: i64,
    oldest_due: Option<Time>,
}

/// A task's last run that ended, and its last success.
struct TaskRow {
    task: String,
    is_done: Option<bool>,
    seconds: Option<f64>,
    finished_at: Option<Time>,
    succeeded_at: Option<Time>,
}

/// What waits for somebody.
struct Waiting {
    payments: i64,
    oldest_payment: Option<Time>,
    orders: i64,
    oldest_order: Option<Time>,
    debtors: i64,
    /// Toman.
    owed: i64,
    copied: Option<Time>,
}

impl Shop {
    /// `store` is where backups are copied to.
    pub(super) async fn read(db: &PgPool, store: Option<&str>, now: Time) -> sqlx::Result<Self> {
        let mut tx = db.begin_with(BEGIN).await?;
        let shop = Self {
            queue: queue(&mut tx, now).await?,
            tasks: tasks(&mut tx).await?,
            waiting: waiting(&mut tx, store).await?,
            backup: last_good(&mut tx).await?,
            has_store: store.is_some(),
        };
        tx.commit().await?;
        Ok(shop)
    }

    /// Tells it as it is `now`.
    pub(super) fn set(&self, now: Time) {
        self.set_queue(now);
        self.set_tasks();
        let Waiting { payments, oldest_payment, orders, oldest_order, debtors, owed, copied } = self.waiting;
        gauge!(series::PAYMENTS_WAITING.name).set(number(payments));
        gauge!(series::PAYMENTS_OLDEST.name).set(age(oldest_payment, now));
        gauge!(series::ORDERS_WAITING.name).set(number(orders));
        gauge!(series::ORDERS_OLDEST.name).set(age(oldest_order, now));
        gauge!(series::AGENTS_NEGATIVE.name).set(number(debtors));
        gauge!(series::AGENTS_OWE.name).set(number(owed));
        gauge!(series::BACKUP_AT.name).set(unix(self.backup.map(|backup| backup.made_at)));
        gauge!(series::BACKUP_SIZE.name).set(number(self.backup.map_or(0, |backup| backup.size_bytes)));
        if self.has_store {
            gauge!(series::BACKUP_COPIED_AT.name).set(unix(copied));
        }
    }

    fn set_queue(&self, now: Time) {
        let jobs = |kind: &str, state: &'static str, count: i64| {
            gauge!(series::QUEUE_JOBS.name, "kind" => kind.to_owned(), "state" => state).set(number(count));
        };
        let none = worker::kinds().filter(|kind| !self.queue.iter().any(|row| row.kind == *kind));
        let none = none.map(QueueRow::empty);
        for row in none.collect::<Vec<_>>().iter().chain(&self.queue) {
            jobs(&row.kind, "due", row.due);
            jobs(&row.kind, "running", row.running);
            jobs(&row.kind, "later", row.later);
            jobs(&row.kind, "failed", row.failed);
            gauge!(series::QUEUE_OLDEST.name, "kind" => row.kind.clone()).set(age(row.oldest_due, now));
        }
    }

    fn set_tasks(&self) {
        for row in &self.tasks {
            let task = || row.task.clone();
            gauge!(series::TASK_SUCCESS.name, "task" => task()).set(unix(row.succeeded_at));
            if let Some(is_done) = row.is_done {
                gauge!(series::TASK_OK.name, "task" => task()).set(f64::from(u8::from(is_done)));
            }
            if let Some(seconds) = row.seconds {
                gauge!(series::TASK_DURATION.name, "task" => task()).set(seconds);
            }
            if row.task == Task::Verification.code() {
                gauge!(series::LEDGER_AT.name).set(unix(row.finished_at));
                if let Some(is_done) = row.is_done {
                    gauge!(series::LEDGER_OK.name).set(f64::from(u8::from(is_done)));
                }
            }
        }
    }
}

impl QueueRow {
    fn empty(kind: &str) -> Self {
        Self { kind: kind.to_owned(), due: 0, running: 0, later: 0, failed: 0, oldest_due: None }
    }
}

#[allow(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
fn number(count: i64) -> f64 {
    count as f64
}

async fn queue(conn: &mut PgConnection, now: Time) -> sqlx::Result<Vec<QueueRow>> {
    sqlx::query_as!(
        QueueRow,
        r#"SELECT kind, count(*) FILTER (WHERE state = 'due') AS "due!",
                  count(*) FILTER (WHERE state = 'running') AS "running!",
                  count(*) FILTER (WHERE state = 'later') AS "later!",
                  count(*) FILTER (WHERE state = 'failed') AS "failed!",
                  min(run_at) FILTER (WHERE state = 'due') AS oldest_due
           FROM (
               SELECT kind, run_at, CASE WHEN finished_at IS NOT NULL THEN 'failed' WHEN locked_until > $1 THEN 'running'
                                         WHEN run_at > $1 THEN 'later' ELSE 'due' END AS state
               FROM jobs WHERE finished_at IS NULL OR outcome = 'FAILED'
           ) j
           GROUP BY kind"#,
        now
    )
    .fetch_all(conn)
    .await
}

async fn tasks(conn: &mut PgConnection) -> sqlx::Result<Vec<TaskRow>> {
    let codes: Vec<String> = Task::ALL.iter().map(|task| task.code().to_owned()).collect();
    sqlx::query_as!(
        TaskRow,
        r#"SELECT t.code AS "task!", last.outcome = 'DONE' AS "is_done?", last.finished_at AS "finished_at?",
                  extract(epoch FROM last.finished_at - last.started_at)::float8 AS "seconds?",
                  good.finished_at AS "succeeded_at?"
           FROM unnest($1::text[]) AS t (code)
           LEFT JOIN LATERAL (
               SELECT r.outcome, r.started_at, r.finished_at FROM scheduled_runs r
               WHERE r.task = t.code AND r.finished_at IS NOT NULL ORDER BY r.due_at DESC LIMIT 1
           ) last ON true
           LEFT JOIN LATERAL (
               SELECT r.finished_at FROM scheduled_runs r
               WHERE r.task = t.code AND r.outcome = 'DONE' ORDER BY r.due_at DESC LIMIT 1
           ) good ON true"#,
        &codes
    )
    .fetch_all(conn)
    .await
}

async fn waiting(conn: &mut PgConnection, store: Option<&str>) -> sqlx::Result<Waiting> {
    sqlx::query_as!(
        Waiting,
        r#"SELECT p.count AS "payments!", p.oldest AS "oldest_payment?", o.count AS "orders!",
                  o.oldest AS "oldest_order?", d.count AS "debtors!", d.owed AS "owed!", b.newest AS "copied?"
           FROM (SELECT count(*), min(created_at) AS oldest FROM payments WHERE status = 'PENDING') p,
                (SELECT count(*), min(since) AS oldest FROM orders_in_provisioning) o,
                (SELECT count(*), coalesce(-sum(w.total), 0)::bigint AS owed
                 FROM wallets w JOIN agents a ON a.user_id = w.user_id WHERE w.negative_since IS NOT NULL) d,
                (SELECT max(started_at) AS newest FROM backups WHERE copied_to = $1) b"#,
        store
    )
    .fetch_one(conn)
    .await
}
