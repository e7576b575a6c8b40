//! A person's wallet, orders, payments and log, in the words of her page.

use sqlx::PgConnection;
use uuid::Uuid;

use super::queries::{self, LogLine, OrderLine, PaymentLine, Person};
use crate::{
    audit,
    ledger::{self, Entry, StatementFilter},
    locale::Tr,
    orders,
};

/// Rows of the statement on one page.
const STATEMENT: i64 = 15;
/// Orders, payments and deeds that are shown.
const LATEST: i64 = 10;

/// What the address of a person's page says.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct PersonQuery {
    /// Ledger rows before this number.
    before: String,
}

/// What happened to a person.
pub struct Overview {
    pub entries: Vec<Entry>,
    /// The address of the older rows; empty without any.
    pub next: String,
    /// The address of the newest rows; empty on them.
    pub first: String,
    pub orders: Vec<OrderLine>,
    pub payments: Vec<PaymentLine>,
    /// Where all her payments stand.
    pub payments_href: String,
    pub log: Vec<Deed>,
    /// For the form that resets the password.
    pub request_id: Uuid,
}

impl Overview {
    /// Reads it for this person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load(
        conn: &mut PgConnection,
        t: &Tr,
        person: &Person,
        query: &PersonQuery,
    ) -> sqlx::Result<Self> {
        let filter = StatementFilter { before_seq: query.before.parse().ok(), ..StatementFilter::default() };
        let mut entries = ledger::statement(conn, person.id, &filter, STATEMENT + 1).await?;
        let more = entries.len() as i64 > STATEMENT;
        entries.truncate(STATEMENT as usize);
        let home = person.home();
        let next =
            entries.last().filter(|_| more).map(|last| format!("{home}?before={}#statement", last.seq));
        let log = queries::log(conn, person.id, LATEST).await?;
        Ok(Self {
            next: next.unwrap_or_default(),
            first: filter.before_seq.map(|_| format!("{home}#statement")).unwrap_or_default(),
            entries,
            orders: queries::orders(conn, person.id, LATEST).await?,
            payments: queries::payments(conn, person.id, LATEST).await?,
            payments_href: format!("/admin/payments/history?username={}", person.username),
            log: log.iter().map(|line| Deed::new(t, line)).collect(),
            request_id: Uuid::new_v4(),
        })
    }
}

impl Person {
    /// What an agent below zero has to expect, in words, and its deadline in Unix seconds.
    pub fn owing(&self, t: &Tr) -> Option<(String, i64)> {
        let (since, deadline) = (self.negative_since?, self.deadline()?);
        Some((t.people_owing(t.datetime(deadline), t.datetime(since)), deadline.unix_timestamp()))
    }
}

impl OrderLine {
    pub fn label(&self, t: &Tr) -> String {
        match self.status {
            orders::Status::AwaitingPayment => t.orders_state_awaiting_payment(),
            orders::Status::Provisioning => t.orders_state_provisioning(),
            orders::Status::Active => t.orders_state_active(),
            orders::Status::Disabled => t.orders_state_disabled(),
            orders::Status::Deleted => t.orders_state_deleted(),
            orders::Status::Failed => t.orders_state_failed(),
            orders::Status::Cancelled => t.orders_state_cancelled(),
        }
    }

    /// The kind of its badge.
    pub fn kind(&self) -> &'static str {
        match self.status {
            orders::Status::AwaitingPayment => "warn",
            orders::Status::Provisioning => "info",
            orders::Status::Active => "ok",
            orders::Status::Failed => "bad",
            orders::Status::Disabled | orders::Status::Deleted | orders::Status::Cancelled => "mute",
        }
    }
}

/// A deed in words.
pub struct Deed {
    pub words: String,
    /// Why, or what exactly.
    pub note: String,
    pub by: String,
    pub address: String,
    pub time: String,
}

impl Deed {
    fn new(t: &Tr, line: &LogLine) -> Self {
        Self {
            // An action that has no words yet is shown as it is.
            words: audit::words(t, &line.action, line.subject_id).unwrap_or_else(|| line.action.clone()),
            note: audit::note(t, &line.action, &line.detail),
            by: line.by.clone().unwrap_or_else(|| t.audit_by_panel()),
            address: line.address.clone().unwrap_or_default(),
            time: t.datetime(line.created_at),
        }
    }
}
