//! The pages about orders: an agent's, an end user's, and the admin's over everybody's. What they share is drawn here.

mod admin;
mod agent;
mod bulk;
mod buy;
mod changes;
mod chart;
mod create;
mod drift;
mod end_user;
mod import;
mod overview;
mod unpaid;

use askama::Template;
use axum::extract::{Path, rejection::PathRejection};
use axum_htmx::HxRequest;

use super::{
    changes::{By, queries::recent, views::ChangesView},
    queries::{self, Listing, Sort, StateFilter},
    sync,
    views::{OrderView, Row},
};
use crate::{
    ids::{OrderId, UserId},
    locale::Tr,
    web::{AppError, AppState, Page, PageResult, chart::Columns, html},
};

use unpaid::Unpaid;

pub use admin::routes as admin_routes;
pub use agent::routes as agent_routes;
pub use drift::{DriftView, routes as drift_routes};
pub use end_user::routes as end_user_routes;
pub use import::routes as import_routes;

/// Whose pages these are, and where they stand.
#[derive(Clone, Copy, Debug)]
struct Area {
    /// The address of the list; an order's own stands under it.
    list: &'static str,
    orders: &'static str,
    /// The form that makes an account.
    form: &'static str,
    /// The form that charges her wallet.
    charge: &'static str,
    is_agent: bool,
    /// Who reads it uses the account herself.
    is_end_user: bool,
    /// Her own orders may take her wallet below zero.
    spends_below_zero: bool,
}

const AGENT: Area = Area {
    list: "/agent/users",
    orders: "/agent/users",
    form: "/agent/create-user",
    charge: "/agent/wallet/charge",
    is_agent: true,
    is_end_user: false,
    spends_below_zero: false,
};
const END_USER: Area = Area {
    list: "/user/accounts",
    orders: "/user/accounts",
    form: "/user/buy",
    charge: "/user/payments/new",
    is_agent: false,
    is_end_user: true,
    spends_below_zero: false,
};
/// Here the customer's message and what is the owner's own are left out: the page has its own head.
const ADMIN: Area = Area {
    list: "/admin/orders",
    orders: "/admin/orders",
    form: "/admin/create-user",
    charge: "/admin/wallet/charge",
    is_agent: false,
    is_end_user: false,
    spends_below_zero: true,
};

#[derive(Template)]
#[template(path = "orders/show.html")]
struct OrderPage {
    page: Page,
    order: OrderView,
    changes: ChangesView,
    area: Area,
    /// Where it waits for its payment, or was cancelled.
    unpaid: Option<Unpaid>,
    /// How it was used; `None` while nothing is known.
    chart: Option<Columns>,
}

#[derive(Template)]
#[template(path = "orders/_order.html")]
struct OrderPart {
    page: Page,
    order: OrderView,
    changes: ChangesView,
    area: Area,
    unpaid: Option<Unpaid>,
}

/// What stands in an address as an order's number may be anything.
fn order_id(path: Result<Path<i64>, PathRejection>) -> Result<OrderId, AppError> {
    path.map(|Path(id)| OrderId(id)).map_err(|_| AppError::NotFound)
}

/// An order of this owner, as a page or as the part that refreshes itself.
async fn show(
    app: &AppState,
    area: Area,
    owner: UserId,
    id: OrderId,
    page: Page,
    hx: HxRequest,
) -> PageResult {
    let order = queries::order(&app.db, owner, id).await?.ok_or(AppError::NotFound)?;
    let unpaid = Unpaid::load(app, &page.t, owner, &order).await?;
    let made = recent(&app.db, id).await?;
    let changes = ChangesView::new(&page.t, &order, &made, By::Owner(owner.into()), area.is_agent, page.now);
    let order = OrderView::new(&page.t, &order, area.orders, page.now);
    let page = page.titled(order.username.clone());
    if hx.0 {
        return html(&OrderPart { page, order, changes, area, unpaid });
    }
    let chart = chart::usage_chart(&app.db, &page.t, owner, id, page.now).await?;
    html(&OrderPage { page, order, changes, area, unpaid, chart })
}

#[derive(Template)]
#[template(path = "orders/_usage.html")]
struct UsagePart {
    order: OrderView,
}

/// What is left of an account, asked of the server now; whoever only looks on stores nothing.
async fn usage(app: &AppState, area: Area, owner: UserId, id: OrderId, page: Page) -> PageResult {
    let t = page.t;
    let order = queries::order(&app.db, owner, id).await?.ok_or(AppError::NotFound)?;
    let shown = OrderView::new(&t, &order, area.orders, app.clock.now());
    let order = if shown.is_stale && page.viewed.is_none() {
        sync::refresh(&app.db, &app.server, &app.clock, id).await?;
        queries::order(&app.db, owner, id).await?.ok_or(AppError::NotFound)?
    } else {
        order
    };
    // Whatever came of it, this part does not ask again by itself.
    let order = OrderView { is_stale: false, ..OrderView::new(&t, &order, area.orders, app.clock.now()) };
    html(&UsagePart { order })
}

/// What an address says about a list.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct ListQuery {
    q: String,
    status: StateFilter,
    sort: Sort,
    before: Option<i64>,
    /// What the list is sorted by, of the order that it goes on after.
    key: Option<i64>,
}

/// A page of a list.
struct List {
    rows: Vec<Row>,
    /// The address of the next page; empty on the last one.
    next: String,
    /// The address of the first page; empty on it.
    first: String,
    /// Its own address, to come back to.
    here: String,
    /// Whether something was looked for.
    is_narrowed: bool,
}

impl List {
    async fn load(
        app: &AppState,
        t: &Tr,
        area: Area,
        owner: UserId,
        query: &ListQuery,
    ) -> Result<Self, AppError> {
        let now = app.clock.now();
        let before = query.before.map(OrderId);
        let &ListQuery { q: ref search, status: filter, sort, key, .. } = query;
        let listing = Listing { search, filter, sort, before, key };
        let mut accounts = queries::accounts(&app.db, owner, &listing, queries::PAGE + 1, now).await?;
        let page_size = usize::try_from(queries::PAGE).unwrap_or(usize::MAX);
        let more = accounts.len() > page_size;
        accounts.truncate(page_size);
        let last = accounts.last().filter(|_| more).map(|last| (last.id.to_string(), last.key.to_string()));
        let page = |before: &str, key: &str| {
            let key = if sort == Sort::Newest { "" } else { key };
            address(area, search, filter, sort, &[("before", before), ("key", key)])
        };
        let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
        Ok(Self {
            rows: accounts.iter().map(|account| Row::new(t, account, area.orders, now)).collect(),
            next: last.map(|(id, key)| page(&id, &key)).unwrap_or_default(),
            first: if query.before.is_some() { page("", "") } else { String::new() },
            here: page(&number(query.before), &number(query.key)),
            is_narrowed: !query.q.trim().is_empty() || query.status != StateFilter::All,
        })
    }
}

/// The address of a list.
fn address(area: Area, search: &str, filter: StateFilter, sort: Sort, rest: &[(&str, &str)]) -> String {
    let filter = if filter == StateFilter::All { "" } else { filter.code() };
    let sort = if sort == Sort::Newest { "" } else { sort.code() };
    let pairs = [("q", search.trim()), ("status", filter), ("sort", sort)];
    crate::web::address(area.list, &[&pairs, rest].concat())
}
