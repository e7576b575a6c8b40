//! The list of all orders, by what the admin looks for.

use askama::Template;
use axum::{http::StatusCode, response::IntoResponse};
use axum_extra::extract::Query;

use super::{server_label, status_label};
use crate::{
    calendar::JalaliDate,
    ids::{OrderId, PlanId},
    locale::Tr,
    orders::{
        Status,
        all::{
            ServerStatus,
            queries::{self, Filter, Listed, PlanName},
        },
        handlers::ADMIN,
        views::Row,
    },
    web::{Admin, Ask, Fields, Page, PageResult, address, html},
};

/// Orders on one page.
const ROWS: i64 = 30;

/// What the address says, as typed.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct ListQuery {
    q: String,
    owner: String,
    plan: String,
    status: String,
    server: String,
    from: String,
    to: String,
    before: String,
}

impl ListQuery {
    fn pairs(&self) -> [(&'static str, &str); 7] {
        [
            ("q", self.q.trim()),
            ("owner", self.owner.trim()),
            ("plan", self.plan.trim()),
            ("status", self.status.trim()),
            ("server", self.server.trim()),
            ("from", self.from.trim()),
            ("to", self.to.trim()),
        ]
    }

    /// The filter without its owner, who has to be looked up, and the fields with the errors beside them.
    fn read(&self, t: &Tr) -> (Filter<'_>, Fields) {
        let mut form = Fields::default();
        for (name, value) in self.pairs() {
            form.set(name, value);
        }
        let filter = Filter {
            owner: None,
            plan: self.plan.parse().ok().map(PlanId),
            status: Status::ALL.into_iter().find(|status| status.code() == self.status),
            server: ServerStatus::ALL.into_iter().find(|status| status.code() == self.server),
            since: form.date("from", t).map(JalaliDate::start),
            until: form.date("to", t).map(JalaliDate::end),
            search: &self.q,
            before: self.before.parse().ok().map(OrderId),
        };
        if filter.since.zip(filter.until).is_some_and(|(since, until)| since >= until) {
            form.fail("to", t.payments_dates_reversed());
        }
        (filter, form)
    }

    /// The address of this list, from the order before this one on.
    fn address(&self, before: &str) -> String {
        let pairs: Vec<_> = self.pairs().into_iter().chain([("before", before)]).collect();
        address(ADMIN.list, &pairs)
    }
}

/// One order of the list.
struct Line {
    row: Row,
    owner: String,
    /// The owner's page; empty for an admin.
    owner_href: String,
    amount: String,
    time: String,
    /// What the server says, where that is news beside the badge.
    server: String,
}

impl Line {
    fn new(t: &Tr, listed: &Listed, page: &Page) -> Self {
        let row = Row::new(t, &listed.account, ADMIN.orders, page.now);
        let server = listed.server.map(|status| server_label(t, status)).unwrap_or_default();
        Self {
            server: if server == row.badge.text || row.gauges.is_empty() { String::new() } else { server },
            row,
            owner: listed.owner.name.clone(),
            owner_href: listed.owner.home(),
            amount: t.amount(listed.amount),
            time: t.datetime(listed.created_at),
        }
    }
}

/// The part that follows what changes.
struct List {
    lines: Vec<Line>,
    next: String,
    first: String,
    /// Its own address, to look anew; empty on later pages, which stand still.
    again: String,
    is_narrowed: bool,
    is_ok: bool,
}

#[derive(Template)]
#[template(path = "orders/admin/index.html")]
struct IndexPage {
    page: Page,
    form: Fields,
    statuses: Vec<(&'static str, String)>,
    servers: Vec<(&'static str, String)>,
    plans: Vec<PlanName>,
    /// Whether anything but the search is set.
    is_filtered: bool,
    list: List,
}

#[derive(Template)]
#[template(path = "orders/admin/_list.html")]
struct ListPart {
    page: Page,
    list: List,
}

pub async fn index(ask: Ask<Admin>, Query(query): Query<ListQuery>) -> PageResult {
    let page = ask.page;
    let t = page.t;
    let (mut filter, mut form) = query.read(&t);
    let mut conn = ask.app.db.acquire().await?;
    let owner = query.owner.trim().to_lowercase();
    if !owner.is_empty() {
        filter.owner = queries::person(&mut conn, &owner).await?;
        if filter.owner.is_none() {
            form.fail("owner", t.orders_admin_nobody());
        }
    }
    let mut listed = Vec::new();
    if form.is_ok() {
        listed = queries::orders(&ask.app.db, &filter, ROWS + 1, page.now).await?;
    }
    let more = listed.len() as i64 > ROWS;
    listed.truncate(ROWS as usize);
    let last = listed.last().filter(|_| more).map(|last| last.account.id.to_string());
    let is_first = filter.before.is_none();
    let list = List {
        lines: listed.iter().map(|listed| Line::new(&t, listed, &page)).collect(),
        next: last.map(|before| query.address(&before)).unwrap_or_default(),
        first: if is_first { String::new() } else { query.address("") },
        again: if is_first && form.is_ok() { query.address("") } else { String::new() },
        is_narrowed: query.pairs().iter().any(|(_, value)| !value.is_empty()),
        is_ok: form.is_ok(),
    };
    let status = if form.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    if ask.hx.0 && form.is_ok() {
        return html(&ListPart { page, list });
    }
    let view = IndexPage {
        statuses: Status::ALL.map(|status| (status.code(), status_label(&t, status))).to_vec(),
        servers: ServerStatus::ALL.map(|status| (status.code(), server_label(&t, status))).to_vec(),
        plans: queries::plan_names(&mut conn).await?,
        is_filtered: query.pairs().iter().skip(1).any(|(_, value)| !value.is_empty()),
        list,
        form,
        page: page.titled(t.orders_admin_title()),
    };
    Ok((status, html(&view)?).into_response())
}
