//! An agent's accounts, and one of them.

use askama::Template;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    routing::{get, post},
};
use axum_extra::extract::Query;
use axum_htmx::HxRequest;

use super::{AGENT, List, ListQuery, address, bulk, changes, create, overview};
use crate::{
    locale::Tr,
    orders::queries::{Sort, StateFilter},
    web::{
        Agent, AppState, Page, PageResult,
        doors::{AgentDoor, Routes},
        html,
    },
};

/// What agents may reach.
pub fn routes() -> Routes<AgentDoor> {
    Routes::new()
        .route("/agent", get(overview::show))
        .route("/agent/users", get(index))
        .route("/agent/users/selection", get(bulk::selection::new).post(bulk::selection::create))
        .route("/agent/users/selections/{id}", get(bulk::selection::show))
        .route("/agent/users/selections/{id}/rest", post(bulk::selection::create_rest))
        .route("/agent/users/{id}", get(show))
        .route("/agent/users/{id}/usage", get(usage))
        .route(
            "/agent/users/{id}/renewal",
            get(changes::new_renewal::<Agent>).post(changes::create_renewal::<Agent>),
        )
        .route("/agent/users/{id}/disabling", post(changes::create_disabling::<Agent>))
        .route("/agent/users/{id}/enabling", post(changes::create_enabling::<Agent>))
        .route(
            "/agent/users/{id}/deletion",
            get(changes::new_deletion::<Agent>).post(changes::create_deletion::<Agent>),
        )
        .route(
            "/agent/users/{id}/revocation",
            get(changes::new_revocation::<Agent>).post(changes::create_revocation::<Agent>),
        )
        .route("/agent/users/{id}/edit", get(changes::edit::<Agent>).post(changes::update::<Agent>))
        .route("/agent/create-user", get(create::new::<Agent>).post(create::create::<Agent>))
        .route("/agent/create-user/username", get(create::username::<Agent>))
        .route("/agent/create-user/several", get(bulk::several::new).post(bulk::several::create))
        .route("/agent/batches/{id}", get(bulk::batch::show))
        .route("/agent/batches/{id}/rest", post(bulk::batch::create_rest))
        .route("/agent/batches/{id}/excel", get(bulk::batch::excel))
}

#[derive(Template)]
#[template(path = "orders/index.html")]
struct IndexPage {
    page: Page,
    query: ListQuery,
    tabs: Vec<Tab>,
    sorts: Vec<Tab>,
    list: List,
    empty_title: String,
    empty_text: String,
}

#[derive(Template)]
#[template(path = "orders/_accounts.html")]
struct AccountsPart {
    page: Page,
    list: List,
    empty_title: String,
    empty_text: String,
}

struct Tab {
    href: String,
    label: String,
    is_current: bool,
}

async fn index(
    State(app): State<AppState>,
    viewer: Agent,
    page: Page,
    hx: HxRequest,
    Query(query): Query<ListQuery>,
) -> PageResult {
    let t = page.t;
    let list = List::load(&app, &t, AGENT, viewer.id, &query).await?;
    let (empty_title, empty_text) = if list.is_narrowed {
        (t.orders_none_found(), t.orders_none_found_text())
    } else {
        (t.orders_none(), t.orders_none_text())
    };
    if hx.0 {
        return html(&AccountsPart { page, list, empty_title, empty_text });
    }
    let tabs = StateFilter::ALL.into_iter().map(|filter| Tab {
        href: address(AGENT, &query.q, filter, query.sort, &[]),
        label: label(&t, filter),
        is_current: filter == query.status,
    });
    let tabs = tabs.collect();
    let sorts = Sort::ALL.into_iter().map(|sort| Tab {
        href: address(AGENT, &query.q, query.status, sort, &[]),
        label: match sort {
            Sort::Newest => t.orders_sort_newest(),
            Sort::Expiry => t.orders_sort_expiry(),
            Sort::Volume => t.orders_sort_volume(),
        },
        is_current: sort == query.sort,
    });
    let sorts = sorts.collect();
    html(&IndexPage {
        page: page.titled(t.orders_title()),
        query,
        tabs,
        sorts,
        list,
        empty_title,
        empty_text,
    })
}

fn label(t: &Tr, filter: StateFilter) -> String {
    match filter {
        StateFilter::All => t.orders_filter_all(),
        StateFilter::Active => t.orders_filter_active(),
        StateFilter::Ending => t.orders_filter_ending(),
        StateFilter::Ended => t.orders_filter_ended(),
        StateFilter::Expired => t.orders_filter_expired(),
        StateFilter::UsedUp => t.orders_filter_used_up(),
        StateFilter::Disabled => t.orders_filter_disabled(),
        StateFilter::Provisioning => t.orders_filter_provisioning(),
        StateFilter::Failed => t.orders_filter_failed(),
    }
}

async fn show(
    State(app): State<AppState>,
    viewer: Agent,
    page: Page,
    hx: HxRequest,
    id: Result<Path<i64>, PathRejection>,
) -> PageResult {
    super::show(&app, AGENT, viewer.id, super::order_id(id)?, page, hx).await
}

async fn usage(
    State(app): State<AppState>,
    viewer: Agent,
    page: Page,
    id: Result<Path<i64>, PathRejection>,
) -> PageResult {
    super::usage(&app, AGENT, viewer.id, super::order_id(id)?, page).await
}
