//! The page of the log.

use std::net::IpAddr;

use askama::Template;
use axum::{http::StatusCode, response::IntoResponse, routing::get};
use axum_extra::extract::Query;

use super::{
    Kind,
    queries::{self, Filter, Line},
};
use crate::{
    audit,
    calendar::JalaliDate,
    locale::Tr,
    persian::{is_invisible, latin_digits},
    role::Role,
    web::{
        Admin, Ask, Fields, Page, PageResult, address,
        doors::{AdminDoor, Routes},
        html,
    },
};

const LIST: &str = "/admin/log";
/// Deeds on one page.
const ROWS: i64 = 40;

/// What the admin may reach.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new().route(LIST, get(index))
}

/// What the address says, as typed.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
struct LogQuery {
    person: String,
    kind: String,
    from: String,
    to: String,
    address: String,
    before: String,
}

impl LogQuery {
    fn pairs(&self) -> [(&'static str, &str); 5] {
        [
            ("person", self.person.trim()),
            ("kind", self.kind.trim()),
            ("from", self.from.trim()),
            ("to", self.to.trim()),
            ("address", self.address.trim()),
        ]
    }

    /// The filter without its person, who has to be looked up, and the fields with the errors beside them.
    fn read(&self, t: &Tr) -> (Filter, Fields) {
        let mut form = Fields::default();
        for (name, value) in self.pairs() {
            form.set(name, value);
        }
        let filter = Filter {
            person: None,
            kind: Kind::ALL.into_iter().find(|kind| kind.code() == self.kind),
            since: form.date("from", t).map(JalaliDate::start),
            until: form.date("to", t).map(JalaliDate::end),
            address: read_address(&mut form, t),
            before: self.before.parse().ok(),
        };
        if filter.since.zip(filter.until).is_some_and(|(since, until)| since >= until) {
            form.fail("to", t.payments_dates_reversed());
        }
        (filter, form)
    }

    /// The address of this list, from the deed before this one on.
    fn address(&self, before: &str) -> String {
        let pairs: Vec<_> = self.pairs().into_iter().chain([("before", before)]).collect();
        address(LIST, &pairs)
    }
}

fn read_address(form: &mut Fields, t: &Tr) -> Option<IpAddr> {
    let typed: String = latin_digits(form.get("address")).chars().filter(|c| !is_invisible(*c)).collect();
    if typed.is_empty() {
        return None;
    }
    let address = typed.trim().parse().ok();
    if address.is_none() {
        form.fail("address", t.log_address_wrong());
    }
    address
}

/// A deed in words.
struct Deed {
    words: String,
    /// What it was done to; empty where the words say it all.
    subject: String,
    /// Where that has its page; empty without one.
    href: String,
    note: String,
    by: String,
    address: String,
    time: String,
    /// The kind of its badge: what was refused stands out.
    badge: &'static str,
    kind: String,
}

impl Deed {
    fn new(t: &Tr, line: &Line) -> Self {
        let is_refusal = line.action.contains(".refuse");
        Self {
            // An action that has no words yet is shown as it is.
            words: audit::words(t, &line.action, line.subject_id).unwrap_or_else(|| line.action.clone()),
            subject: line.subject.clone().filter(|name| line.by.as_ref() != Some(name)).unwrap_or_default(),
            href: page_of(line),
            note: audit::note(t, &line.action, &line.detail),
            by: match &line.by {
                Some(by) => by.clone(),
                None if is_refusal => String::new(),
                None => t.audit_by_panel(),
            },
            address: line.address.clone().unwrap_or_default(),
            time: t.datetime(line.created_at),
            badge: if is_refusal { "bad" } else { "mute" },
            kind: Kind::of(&line.action).map(|kind| label(t, kind)).unwrap_or_default(),
        }
    }
}

/// The page of what a deed was done to.
fn page_of(line: &Line) -> String {
    let number = line.subject_id.unwrap_or_default();
    match (line.subject_type.as_str(), line.subject_role) {
        ("user", Some(Role::Agent)) => format!("/admin/agents/{number}"),
        ("user", Some(Role::EndUser)) => format!("/admin/customers/{number}"),
        ("payment", _) => format!("/admin/payments/{number}"),
        ("order", _) => format!("/admin/orders/{number}"),
        ("import", _) => format!("/admin/orders/import/{number}"),
        ("plan", _) => format!("/admin/plans/{number}"),
        ("payment_method", _) => format!("/admin/payment-methods/{number}"),
        ("settings", _) => "/admin/settings".to_owned(),
        _ => String::new(),
    }
}

fn label(t: &Tr, kind: Kind) -> String {
    match kind {
        Kind::Money => t.log_kind_money(),
        Kind::SignIns => t.log_kind_sign_ins(),
        Kind::Orders => t.log_kind_orders(),
        Kind::Agents => t.log_kind_agents(),
        Kind::Plans => t.log_kind_plans(),
        Kind::Methods => t.log_kind_methods(),
        Kind::Settings => t.log_kind_settings(),
    }
}

#[derive(Template)]
#[template(path = "log/index.html")]
struct LogPage {
    page: Page,
    form: Fields,
    kinds: Vec<(&'static str, String)>,
    is_filtered: bool,
    deeds: Vec<Deed>,
    next: String,
    first: String,
}

async fn index(ask: Ask<Admin>, Query(query): Query<LogQuery>) -> PageResult {
    let page = ask.page;
    let t = page.t;
    let (mut filter, mut form) = query.read(&t);
    let person = query.person.trim().to_lowercase();
    if !person.is_empty() {
        filter.person = queries::person(&mut *ask.app.db.acquire().await?, &person).await?;
        if filter.person.is_none() {
            form.fail("person", t.orders_admin_nobody());
        }
    }
    let mut lines = Vec::new();
    if form.is_ok() {
        lines = queries::deeds(&ask.app.db, &filter, ROWS + 1).await?;
    }
    let more = lines.len() as i64 > ROWS;
    lines.truncate(ROWS as usize);
    let last = lines.last().filter(|_| more).map(|last| last.id.to_string());
    let status = if form.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let view = LogPage {
        kinds: Kind::ALL.map(|kind| (kind.code(), label(&t, kind))).to_vec(),
        is_filtered: query.pairs().iter().any(|(_, value)| !value.is_empty()),
        deeds: lines.iter().map(|line| Deed::new(&t, line)).collect(),
        next: last.map(|before| query.address(&before)).unwrap_or_default(),
        first: if filter.before.is_some() { query.address("") } else { String::new() },
        form,
        page: page.titled(t.log_title()),
    };
    Ok((status, html(&view)?).into_response())
}
