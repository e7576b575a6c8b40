//! The life line of an order: everything that happened to it, from the log, the ledger, its payments and its jobs,
//! newest first.

use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    audit,
    calendar::Time,
    ids::{OrderId, PaymentId},
    ledger::{self, Entry, EntryType},
    locale::Tr,
    money::Toman,
    panel::Cause,
};

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    at: Time,
    pub words: String,
    /// Why, or what exactly.
    pub note: String,
    /// What it moved, with its sign; empty when nothing.
    pub money: String,
    /// `plus`, `minus` or nothing.
    pub sign: &'static str,
    pub by: String,
    pub address: String,
    pub time: String,
    /// The page that has more of it; empty without one.
    pub href: String,
}

impl Event {
    fn new(t: &Tr, at: Time, words: String, by: Option<String>) -> Self {
        Self {
            at,
            words,
            note: String::new(),
            money: String::new(),
            sign: "",
            by: by.unwrap_or_else(|| t.audit_by_panel()),
            address: String::new(),
            time: t.datetime(at),
            href: String::new(),
        }
    }

    fn moves(mut self, t: &Tr, amount: Toman) -> Self {
        if amount != Toman::ZERO {
            self.money = t.signed(amount);
            self.sign = if amount.is_negative() { "minus" } else { "plus" };
        }
        self
    }
}

/// The newest so many things of each kind are told: an order that is tried for weeks must not fill its page.
const MOST: i64 = 100;

/// Everything that happened to an order, newest first.
///
/// # Errors
/// When the database fails.
pub async fn line(conn: &mut PgConnection, t: &Tr, order: OrderId, now: Time) -> sqlx::Result<Vec<Event>> {
    let mut entries = ledger::entries_of_order(conn, order).await?;
    // Of what happened at one moment, the queue's news stands first.
    let mut events = jobs(conn, t, order, now).await?;
    events.extend(deeds(conn, t, order, &mut entries).await?);
    // Money that no deed of that moment accounts for.
    events.extend(entries.iter().map(|entry| {
        let event = Event::new(t, entry.created_at, moved(t, entry.entry_type), entry.by_username.clone());
        Event { note: entry.notes.clone(), ..event }.moves(t, entry.amount())
    }));
    events.extend(payments(conn, t, order).await?);
    // What happened at one moment keeps its order.
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    Ok(events)
}

/// What the log says, each deed with the money of its own transaction, which is taken out of `entries`.
async fn deeds(
    conn: &mut PgConnection,
    t: &Tr,
    order: OrderId,
    entries: &mut Vec<Entry>,
) -> sqlx::Result<Vec<Event>> {
    let rows = sqlx::query!(
        r#"SELECT l.action, l.detail, l.created_at, u.username AS "by?", host(l.address) AS address,
                  (SELECT username FROM users
                   WHERE l.action = 'order.move' AND id::text = l.detail ->> 'from') AS "from?",
                  (SELECT username FROM users WHERE l.action = 'order.move' AND id::text = l.detail ->> 'to') AS "to?"
           FROM audit_log l LEFT JOIN users u ON u.id = l.actor_id
           WHERE l.subject_type = 'order' AND l.subject_id = $1
           ORDER BY l.id DESC LIMIT $2"#,
        order.0,
        MOST
    )
    .fetch_all(conn)
    .await?;
    let mut events = Vec::new();
    for row in rows {
        let words = audit::words(t, &row.action, Some(order.0)).unwrap_or_else(|| row.action.clone());
        let mut detail = row.detail;
        // People are known by their names.
        for (field, name) in [("from", row.from), ("to", row.to)] {
            if let Some(name) = name {
                detail[field] = Value::String(name);
            }
        }
        let mut event = Event::new(t, row.created_at, words, row.by);
        // A deed and its posting bear the same time, being of one transaction.
        let is_its = |entry: &Entry| {
            entry.created_at == row.created_at && deeds_of(entry.entry_type).contains(&row.action.as_str())
        };
        if let Some(at) = entries.iter().position(is_its) {
            event = event.moves(t, entries.remove(at).amount());
            if let Value::Object(fields) = &mut detail {
                fields.remove("amount");
            }
        }
        events.push(Event {
            note: audit::note(t, &row.action, &detail),
            address: row.address.unwrap_or_default(),
            ..event
        });
    }
    Ok(events)
}

/// The deeds that move money in this way.
fn deeds_of(entry: EntryType) -> &'static [&'static str] {
    match entry {
        EntryType::OrderCreated => &["order.place"],
        EntryType::OrderRenewed => &["order.renew"],
        EntryType::OrderRefund => {
            &["order.fail", "order.deleted", "order.change_refused", "order.change_cancelled"]
        }
        EntryType::OrderDisabled => &["order.disabled"],
        EntryType::OrderEnabled => &["order.enabled"],
        _ => &[],
    }
}

fn moved(t: &Tr, entry: EntryType) -> String {
    match entry {
        EntryType::OrderCreated => t.payments_type_ordered(),
        EntryType::OrderRenewed => t.payments_type_renewed(),
        EntryType::OrderRefund => t.payments_type_refunded(),
        EntryType::OrderDisabled => t.payments_type_disabled(),
        EntryType::OrderEnabled => t.payments_type_enabled(),
        EntryType::ChargePending => t.payments_type_submitted(),
        EntryType::ChargeApproved => t.payments_type_approved(),
        EntryType::ChargeRejected => t.payments_type_rejected(),
        EntryType::ChargeManual => t.payments_type_manual(),
    }
}

async fn payments(conn: &mut PgConnection, t: &Tr, order: OrderId) -> sqlx::Result<Vec<Event>> {
    let rows = sqlx::query!(
        r#"SELECT p.id AS "id: PaymentId", p.status, p.amount AS "amount: Toman", p.admin_notes, p.created_at,
                  p.processed_at, u.username AS payer, d.username AS "decider?"
           FROM payments p JOIN users u ON u.id = p.user_id LEFT JOIN users d ON d.id = p.processed_by
           WHERE p.order_id = $1 ORDER BY p.id DESC LIMIT $2"#,
        order.0,
        MOST
    )
    .fetch_all(conn)
    .await?;
    let mut events = Vec::new();
    for row in rows {
        let href = format!("/admin/payments/{}", row.id);
        let number = t.digits(row.id);
        if let Some(at) = row.processed_at {
            let words = match row.status.as_str() {
                "APPROVED" => t.audit_approve_payment(number.clone()),
                "REJECTED" => t.audit_reject_payment(number.clone()),
                _ => t.audit_withdraw_payment(number.clone()),
            };
            let event = Event::new(t, at, words, row.decider);
            events.push(Event { href: href.clone(), note: row.admin_notes.unwrap_or_default(), ..event });
        }
        let event = Event::new(t, row.created_at, t.audit_submit_payment(number), Some(row.payer));
        events.push(Event { href, note: t.amount(row.amount), ..event });
    }
    Ok(events)
}

/// What the queue did for the order; a job that ended at its first attempt is told by its deed.
async fn jobs(conn: &mut PgConnection, t: &Tr, order: OrderId, now: Time) -> sqlx::Result<Vec<Event>> {
    let rows = sqlx::query!(
        "SELECT attempts, last_error, run_at, finished_at, outcome FROM jobs
         WHERE unique_key IN (
             SELECT 'provision:' || $1::bigint UNION ALL SELECT 'change:' || id FROM order_changes WHERE order_id = $1
         )
         ORDER BY id DESC LIMIT $2",
        order.0,
        MOST
    )
    .fetch_all(conn)
    .await?;
    let mut events = Vec::new();
    for row in rows {
        let failed = row.outcome.as_deref() == Some("FAILED");
        if row.attempts == 0 || (row.attempts == 1 && row.last_error.is_none()) {
            continue;
        }
        let tries = t.number(row.attempts);
        let words = match row.finished_at {
            Some(_) if failed => t.orders_admin_tried_in_vain(tries),
            Some(_) => t.orders_admin_tried_until_done(tries),
            None => t.orders_admin_tried(tries),
        };
        let mut notes: Vec<String> = row.last_error.iter().map(|error| why(t, error)).collect();
        if row.finished_at.is_none() && row.run_at > now {
            notes.push(t.orders_admin_next_try(t.datetime(row.run_at)));
        }
        // One that goes on stands first, and has no time of its own yet.
        let event = Event::new(t, row.finished_at.unwrap_or(now), words, None);
        let time = row.finished_at.map(|at| t.datetime(at)).unwrap_or_default();
        events.push(Event { note: notes.join(" · "), time, ..event });
    }
    Ok(events)
}

/// A job's error in words, where it is one of the usual ones.
fn why(t: &Tr, error: &str) -> String {
    let cause = error.rsplit(' ').next().and_then(Cause::named);
    cause.map_or_else(|| t.orders_admin_error(error), |cause| cause.words(t))
}
