//! A person's wallet, orders, payments and log, in the words of her page.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::queries::{self, LogLine, OrderLine, PaymentLine, Person};
use crate::{
    ledger::{self, Entry, StatementFilter},
    locale::Tr,
    money::Toman,
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
            words: words(t, line),
            note: note(t, line),
            by: line.by.clone().unwrap_or_else(|| t.people_by_panel()),
            address: line.address.clone().unwrap_or_default(),
            time: t.datetime(line.created_at),
        }
    }
}

fn words(t: &Tr, line: &LogLine) -> String {
    let number = line.subject_id.map(|id| t.digits(id)).unwrap_or_default();
    match line.action.as_str() {
        "account.sign_in" => t.people_did_sign_in(),
        "account.change_password" => t.people_did_change_password(),
        "account.reset_password" => t.people_did_reset_password(),
        "account.update_profile" => t.people_did_update_profile(),
        "account.end_session" => t.people_did_end_session(),
        "account.turn_on_two_factor" => t.people_did_turn_on_two_factor(),
        "account.turn_off_two_factor" => t.people_did_turn_off_two_factor(),
        "account.renew_recovery_codes" => t.people_did_renew_recovery_codes(),
        "account.reset_two_factor" => t.people_did_reset_two_factor(),
        "view_as.begin" => t.people_did_begin_view(),
        "view_as.end" => t.people_did_end_view(),
        "account.disable" => t.people_did_disable(),
        "account.enable" => t.people_did_enable(),
        "agent.create" => t.people_did_create_agent(),
        "agent.update" => t.people_did_update_agent(),
        "agent.put_off" => t.people_did_put_off(),
        "agent.end_put_off" => t.people_did_end_put_off(),
        "wallet.adjust" => t.people_did_adjust(),
        "payment.submit" => t.people_did_submit_payment(number),
        "payment.withdraw" => t.people_did_withdraw_payment(number),
        "order.place" => t.people_did_place_order(number),
        "order.reserve" => t.people_did_reserve_order(number),
        "order.pay" => t.people_did_pay_order(number),
        "order.cancel" => t.people_did_cancel_order(number),
        "customer.register" => t.people_did_register(),
        // A deed of a room that this page has no words for yet.
        other => other.to_owned(),
    }
}

fn note(t: &Tr, line: &LogLine) -> String {
    let detail = &line.detail;
    let mut parts = Vec::new();
    if let Some(amount) = detail["amount"].as_i64() {
        let amount = Toman(amount);
        parts.push(if line.action == "wallet.adjust" { t.signed(amount) } else { t.amount(amount) });
    }
    if let Some(until) = detail["until"].as_i64()
        && let Ok(until) = crate::calendar::Time::from_unix_timestamp(until)
    {
        parts.push(t.people_until(t.datetime(until)));
    }
    if let Some(reason) = detail["reason"].as_str().filter(|reason| !reason.is_empty()) {
        parts.push(reason.to_owned());
    }
    if let Value::Object(changes) = &detail["changes"] {
        parts.extend(changes.iter().map(|(field, change)| changed(t, field, change)));
    }
    parts.join(" · ")
}

/// A field of a profile: what it was, and what it is.
fn changed(t: &Tr, field: &str, change: &Value) -> String {
    let label = match field {
        "first_name" => t.agents_first_name(),
        "last_name" => t.agents_last_name(),
        "name" => t.profile_name(),
        "email" => t.profile_email(),
        "phone" => t.agents_phone(),
        "shop_name" => t.agents_shop_name(),
        "province" => t.agents_province(),
        "city" => t.agents_city(),
        "address" => t.agents_address(),
        "notes" => t.agents_notes(),
        "username_prefix" => t.agents_prefix(),
        "pending_ceiling" => t.agents_ceiling(),
        other => other.to_owned(),
    };
    let value = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Number(number) => number.as_i64().map(|amount| t.amount(Toman(amount))).unwrap_or_default(),
        _ => t.people_nothing(),
    };
    t.people_changed(label, value(&change[1]), value(&change[0]))
}
