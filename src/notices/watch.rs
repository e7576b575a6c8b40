//! What nobody's deed tells of: found by looking, each minute. A key makes each thing told once, so that a look that
//! was missed or done twice changes nothing.

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use time::Duration;

use super::{Kind, Notice, Recipients, Subject, errors, raise};
use crate::{
    calendar::{JalaliDate, Time},
    ids::{OrderId, UserId},
    jobs::schedule::Task,
    ledger::Balance,
    money::Toman,
};

/// An order that waits longer than this for its account is told of.
const LATE: Duration = Duration::minutes(15);
/// Changes that are late are told of at most so often.
const AGAIN: Duration = Duration::hours(6);
/// So many looks in a row find the server away before it is told of: one lost packet is no outage.
const MISSES: i32 = 2;
/// Causes that a person has to do something about: news also while the server is away for another.
const FOR_A_PERSON: [&str; 2] = ["Unauthorized", "ProxyFailed"];
/// A copy of a backup that fails for so long is told of: a store may be away for a moment.
const UNCOPIED: Duration = Duration::hours(1);
/// Before the deadline of the 24-hour rule: half of it, and two hours.
const WARNINGS: [Duration; 2] = [Duration::hours(2), Duration::hours(12)];
/// An account that ends within this time is told of.
const SOON: Duration = Duration::days(3);

/// One look at everything but the accounts' ends. `server` says what is wrong with Marzban, `store` where backups are
/// copied to. Returns how many things there were to tell.
///
/// # Errors
/// When the database fails.
pub async fn look(
    db: &PgPool,
    server: Option<String>,
    store: Option<&str>,
    now: Time,
) -> sqlx::Result<usize> {
    let mut found = usize::from(watch_server(db, server, now).await?);
    let mut tx = db.begin().await?;
    let mut notices = late_orders(&mut tx, now).await?;
    notices.extend(late_changes(&mut tx, now).await?);
    notices.extend(failed_tasks(&mut tx, now).await?);
    notices.extend(failed_copies(&mut tx, store, now).await?);
    notices.extend(below_zero(&mut tx, now).await?);
    notices.extend(errors::over(&mut tx, now).await?);
    found += notices.len();
    for notice in notices {
        raise(&mut tx, notice, now).await?;
    }
    tx.commit().await?;
    Ok(found)
}

async fn watch_server(db: &PgPool, problem: Option<String>, now: Time) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let before = sqlx::query!("SELECT server_failures, server_down_since FROM notice_settings FOR UPDATE")
        .fetch_one(&mut *tx)
        .await?;
    let failures = if problem.is_some() { before.server_failures.saturating_add(1) } else { 0 };
    let admins =
        |kind, data, key| Notice { to: Recipients::Admins, kind, subject: Subject::Nothing, data, key };
    // Each cause once in an outage.
    let down = |cause: String, since: Time| {
        let key = format!("server-down:{}:{cause}", since.unix_timestamp_nanos() / 1000);
        admins(Kind::ServerDown, json!({ "cause": cause }), Some(key))
    };
    let (notice, down_since) = match (problem, before.server_down_since) {
        (Some(cause), None) if failures >= MISSES => (Some(down(cause, now)), Some(now)),
        (Some(cause), Some(since)) if FOR_A_PERSON.contains(&cause.as_str()) => {
            (Some(down(cause, since)), Some(since))
        }
        (None, Some(since)) => {
            let minutes = (now - since).whole_minutes().max(1);
            (Some(admins(Kind::ServerBack, json!({ "minutes": minutes }), None)), None)
        }
        (_, since) => (None, since),
    };
    sqlx::query!(
        "UPDATE notice_settings SET server_failures = $1, server_down_since = $2",
        failures,
        down_since
    )
    .execute(&mut *tx)
    .await?;
    let is_news = notice.is_some();
    if let Some(notice) = notice {
        raise(&mut tx, notice, now).await?;
    }
    tx.commit().await?;
    Ok(is_news)
}

async fn late_orders(conn: &mut PgConnection, now: Time) -> sqlx::Result<Vec<Notice>> {
    let orders = sqlx::query!(
        r#"SELECT o.id AS "id!: OrderId", o.marzban_username AS "username!" FROM orders_in_provisioning o
           WHERE o.since <= $1
             AND NOT EXISTS (SELECT FROM notices n WHERE n.dedupe_key = 'order-late:' || o.id)
           ORDER BY o.id LIMIT 100"#,
        now - LATE
    )
    .fetch_all(conn)
    .await?;
    let notice = |id: OrderId, username: String| Notice {
        to: Recipients::Admins,
        kind: Kind::OrderLate,
        subject: Subject::Order(id),
        data: json!({ "username": username }),
        key: Some(format!("order-late:{id}")),
    };
    Ok(orders.into_iter().map(|order| notice(order.id, order.username)).collect())
}

/// Changes that the server has not carried out, together: where one is stuck, most are. Told again after a while, if
/// others are stuck by then.
async fn late_changes(conn: &mut PgConnection, now: Time) -> sqlx::Result<Option<Notice>> {
    let oldest = sqlx::query!(
        r#"SELECT c.id, c.order_id AS "order: OrderId", o.marzban_username AS username, count(*) OVER () AS "count!"
           FROM order_changes c JOIN orders o ON o.id = c.order_id
           WHERE c.status = 'WAITING' AND c.created_at <= $1
             AND NOT EXISTS (SELECT FROM notices n WHERE n.kind = 'CHANGES_LATE' AND n.created_at > $2)
           ORDER BY c.id LIMIT 1"#,
        now - LATE,
        now - AGAIN
    )
    .fetch_optional(conn)
    .await?;
    Ok(oldest.map(|oldest| Notice {
        to: Recipients::Admins,
        kind: Kind::ChangesLate,
        subject: Subject::Order(oldest.order),
        data: json!({ "count": oldest.count, "username": oldest.username }),
        key: Some(format!("changes-late:{}", oldest.id)),
    }))
}

/// The first of the failed runs in a row: three attempts each, and no more notices until one has gone well. A backup
/// that was not made is told of each time: every day without one is a day that can be lost.
async fn failed_tasks(conn: &mut PgConnection, now: Time) -> sqlx::Result<Vec<Notice>> {
    let runs = sqlx::query!(
        r#"SELECT r.id, r.task, coalesce(r.error, '') AS "error!" FROM scheduled_runs r
           WHERE r.outcome = 'FAILED' AND r.finished_at > $1
             AND NOT EXISTS (SELECT FROM notices n WHERE n.dedupe_key = 'task-failed:' || r.id)
             AND (r.task = 'BACKUP' OR coalesce((SELECT before.outcome FROM scheduled_runs before
                           WHERE before.task = r.task AND before.due_at < r.due_at
                           ORDER BY before.due_at DESC LIMIT 1), 'DONE') = 'DONE')
           ORDER BY r.id LIMIT 20"#,
        now - Duration::DAY
    )
    .fetch_all(conn)
    .await?;
    let notice = |id: i64, task: String, error: String| {
        let error: String = error.chars().take(200).collect();
        Notice {
            to: Recipients::Admins,
            kind: if task == Task::Backup.code() { Kind::BackupFailed } else { Kind::TaskFailed },
            subject: Subject::Nothing,
            data: json!({ "task": task, "error": error }),
            key: Some(format!("task-failed:{id}")),
        }
    };
    Ok(runs.into_iter().map(|run| notice(run.id, run.task, run.error)).collect())
}

/// A backup whose copy to this store fails for an hour, when none after it got there: told once for each, so once a day.
async fn failed_copies(conn: &mut PgConnection, store: Option<&str>, now: Time) -> sqlx::Result<Vec<Notice>> {
    let Some(store) = store else { return Ok(Vec::new()) };
    let copies = sqlx::query!(
        r#"SELECT b.id, coalesce(b.copy_error, '') AS "error!" FROM backups b
           WHERE b.copy_failing_since <= $1 AND b.copied_to IS DISTINCT FROM $2
             AND NOT EXISTS (SELECT FROM backups later WHERE later.copied_to = $2 AND later.id > b.id)
             AND NOT EXISTS (SELECT FROM notices n WHERE n.dedupe_key = 'backup-not-copied:' || b.id)
           ORDER BY b.id"#,
        now - UNCOPIED,
        store
    )
    .fetch_all(conn)
    .await?;
    let notice = |id: i64, error: String| Notice {
        to: Recipients::Admins,
        kind: Kind::BackupNotCopied,
        subject: Subject::Nothing,
        data: json!({ "error": error.chars().take(200).collect::<String>() }),
        key: Some(format!("backup-not-copied:{id}")),
    };
    Ok(copies.into_iter().map(|copy| notice(copy.id, copy.error)).collect())
}

/// Agents below zero: their admin once, they themselves at once and as the deadline comes near.
async fn below_zero(conn: &mut PgConnection, now: Time) -> sqlx::Result<Vec<Notice>> {
    let wallets = sqlx::query!(
        r#"SELECT w.user_id AS "user: UserId", u.username, w.confirmed AS "confirmed: Toman",
                  w.pending AS "pending: Toman", w.negative_since AS "since!", a.deadline_deferred_until
           FROM wallets w JOIN agents a ON a.user_id = w.user_id JOIN users u ON u.id = w.user_id
           WHERE w.negative_since IS NOT NULL AND u.status = 'ACTIVE'"#
    )
    .fetch_all(conn)
    .await?;
    let mut notices = Vec::new();
    for wallet in wallets {
        let balance = Balance {
            confirmed: wallet.confirmed,
            pending: wallet.pending,
            negative_since: Some(wallet.since),
        };
        let Some(deadline) = balance.deadline(wallet.deadline_deferred_until) else { continue };
        let owed = -balance.total();
        // The period that began then: the next one is told of anew.
        let period = format!("{}:{}", wallet.user, wallet.since.unix_timestamp_nanos() / 1000);
        notices.push(Notice {
            to: Recipients::Admins,
            kind: Kind::AgentBelowZero,
            subject: Subject::User(wallet.user),
            data: json!({ "agent": wallet.username, "owed": owed }),
            key: Some(format!("agent-below-zero:{period}")),
        });
        let left = deadline - now;
        // Only the latest warning: one that was missed is no news any more. A deadline that is put off is warned of
        // anew; that there is a debt is told once.
        let stage = WARNINGS.iter().find(|warning| left <= **warning).map_or_else(
            || "24".to_owned(),
            |warning| format!("{}:{}", warning.whole_hours(), deadline.unix_timestamp()),
        );
        notices.push(Notice {
            to: Recipients::User(wallet.user),
            kind: Kind::BelowZero,
            subject: Subject::Nothing,
            data: json!({ "owed": owed, "deadline": deadline.unix_timestamp() }),
            key: Some(format!("below-zero:{period}:{stage}")),
        });
    }
    Ok(notices)
}

/// Tells everyone, once a day, which of her accounts end soon. Returns how many people there were to tell.
///
/// # Errors
/// When the database fails; who was told is not told again that day.
pub async fn look_at_ends(db: &PgPool, now: Time) -> sqlx::Result<usize> {
    let owners = sqlx::query!(
        r#"SELECT o.user_id AS "user: UserId", count(*) AS "count!", min(o.id) AS "first!: OrderId",
                  (array_agg(o.marzban_username ORDER BY m.expire_at, o.id))[1:5] AS "usernames!: Vec<String>"
           FROM orders o JOIN marzban_users m ON m.order_id = o.id
           WHERE o.status = 'ACTIVE' AND m.expire_at > $1 AND m.expire_at <= $2
           GROUP BY o.user_id ORDER BY o.user_id"#,
        now,
        now + SOON
    )
    .fetch_all(db)
    .await?;
    let today = JalaliDate::from_time(now);
    let found = owners.len();
    for owner in owners {
        let subject = if owner.count == 1 { Subject::Order(owner.first) } else { Subject::Nothing };
        let notice = Notice {
            to: Recipients::User(owner.user),
            kind: Kind::AccountsEnding,
            subject,
            data: json!({ "count": owner.count, "usernames": owner.usernames }),
            key: Some(format!("accounts-ending:{today}")),
        };
        let mut tx = db.begin().await?;
        raise(&mut tx, notice, now).await?;
        tx.commit().await?;
    }
    Ok(found)
}
