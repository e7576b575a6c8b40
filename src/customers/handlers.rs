//! The admin's pages about customers.

use askama::Template;
use axum::{
    extract::{Path, rejection::PathRejection},
    routing::get,
};
use axum_extra::extract::Query;

use super::queries::{self, Row, Show};
use crate::{
    ids::UserId,
    locale::Tr,
    people::{
        queries::Person,
        views::{Overview, PersonQuery},
    },
    role::Role,
    web::{
        Admin, AppError, Ask, Page, PageResult, address,
        doors::{AdminDoor, Routes},
        html,
    },
};

/// Customers on one page.
const ROWS: i64 = 30;

/// What the admin may reach.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new().route("/admin/customers", get(index)).route("/admin/customers/{id}", get(show))
}

/// What the address says, as typed.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
struct ListQuery {
    q: String,
    show: String,
    before: String,
}

impl ListQuery {
    fn show(&self) -> Show {
        Show::ALL.into_iter().find(|show| show.code() == self.show).unwrap_or_default()
    }

    fn address(&self, show: Show, before: &str) -> String {
        address("/admin/customers", &[("q", self.q.trim()), ("show", show.code()), ("before", before)])
    }
}

struct Tab {
    href: String,
    label: String,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "customers/index.html")]
struct IndexPage {
    page: Page,
    query: ListQuery,
    tabs: Vec<Tab>,
    customers: Vec<Row>,
    next: String,
    first: String,
    narrowed: bool,
}

#[derive(Template)]
#[template(path = "customers/_list.html")]
struct ListPart {
    page: Page,
    customers: Vec<Row>,
    next: String,
    first: String,
    narrowed: bool,
}

async fn index(ask: Ask<Admin>, Query(query): Query<ListQuery>) -> PageResult {
    let page = ask.page;
    let t = page.t;
    let (show, before) = (query.show(), query.before.parse().ok());
    let mut conn = ask.app.db.acquire().await?;
    let mut customers = queries::list(&mut conn, &query.q, show, before, ROWS + 1).await?;
    let more = customers.len() as i64 > ROWS;
    customers.truncate(ROWS as usize);
    let last = customers.last().filter(|_| more);
    let next = last.map(|last| query.address(show, &last.id.to_string())).unwrap_or_default();
    let first = before.map(|_: i64| query.address(show, "")).unwrap_or_default();
    let narrowed = !query.q.trim().is_empty() || show != Show::All;
    if ask.hx.0 {
        return html(&ListPart { page, customers, next, first, narrowed });
    }
    let tabs = Show::ALL.into_iter().map(|tab| Tab {
        href: query.address(tab, ""),
        label: show_label(&t, tab),
        is_current: tab == show,
    });
    let tabs = tabs.collect();
    html(&IndexPage { page: page.titled(t.customers_title()), query, tabs, customers, next, first, narrowed })
}

fn show_label(t: &Tr, show: Show) -> String {
    match show {
        Show::All => t.agents_show_all(),
        Show::Active => t.agents_show_active(),
        Show::Disabled => t.agents_show_disabled(),
    }
}

#[derive(Template)]
#[template(path = "customers/show.html")]
struct CustomerPage {
    page: Page,
    person: Person,
    overview: Overview,
}

async fn show(
    ask: Ask<Admin>,
    path: Result<Path<i64>, PathRejection>,
    Query(query): Query<PersonQuery>,
) -> PageResult {
    let Path(id) = path.map_err(|_| AppError::NotFound)?;
    let mut conn = ask.app.db.acquire().await?;
    let person = Person::find(&mut conn, UserId(id)).await?.filter(|person| person.role == Role::EndUser);
    let person = person.ok_or(AppError::NotFound)?;
    let overview = Overview::load(&mut conn, &ask.page.t, &person, &query).await?;
    html(&CustomerPage { page: ask.page.titled(person.username.clone()), person, overview })
}
