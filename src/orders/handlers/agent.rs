//! An agent's overview, her accounts, and one of them.

use askama::Template;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    routing::{get, post},
};
use axum_extra::extract::Query;
use axum_htmx::HxRequest;

use super::{AGENT, List, ListQuery, address, changes, create};
use crate::{
    locale::Tr,
    money::Toman,
    orders::{
        queries::{self, Counts, Listing, StateFilter},
        views::Row,
    },
    web::{
        Agent, AppState, Page, PageResult,
        doors::{AgentDoor, Routes},
        html,
    },
};

/// How many accounts the overview shows of a kind.
const FEW: i64 = 5;

/// What agents may reach.
pub fn routes() -> Routes<AgentDoor> {
    Routes::new()
        .route("/agent", get(overview))
        .route("/agent/users", get(index))
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
}

#[derive(Template)]
#[template(path = "orders/overview.html")]
struct OverviewPage {
    page: Page,
    name: String,
    credit: String,
    credit_note: String,
    is_negative: bool,
    counts: Vec<Count>,
    ending: Vec<Row>,
    last: Vec<Row>,
}

/// A figure that leads to what it counts.
struct Count {
    href: String,
    label: String,
    value: String,
    kind: &'static str,
}

async fn overview(State(app): State<AppState>, viewer: Agent, page: Page) -> PageResult {
    let t = page.t;
    let now = page.now;
    let counts = queries::counts(&app.db, viewer.id, now).await?;
    let ending = Listing { filter: StateFilter::Ending, ..Listing::default() };
    let ending = queries::accounts(&app.db, viewer.id, &ending, FEW, now).await?;
    let last = queries::accounts(&app.db, viewer.id, &Listing::default(), FEW, now).await?;
    let rows = |accounts: Vec<queries::Account>| {
        accounts.iter().map(|account| Row::new(&t, account, AGENT.orders, now)).collect()
    };
    let balance = viewer.balance;
    let is_negative = balance.total().is_negative();
    html(&OverviewPage {
        name: viewer.display_name.clone(),
        credit: t.number(balance.total().0),
        credit_note: if is_negative {
            t.orders_credit_owed(t.amount(-balance.total()))
        } else if balance.pending > Toman::ZERO {
            t.orders_credit_parts(
                t.amount(balance.spendable_confirmed()),
                t.amount(balance.spendable_pending()),
            )
        } else {
            t.orders_in_toman()
        },
        is_negative,
        counts: figures(&t, counts),
        ending: rows(ending),
        last: rows(last),
        page: page.titled(t.orders_overview_title()),
    })
}

/// The figures of the overview. What waits, ends or has ended shows only where there is some.
fn figures(t: &Tr, counts: Counts) -> Vec<Count> {
    [
        (StateFilter::Active, t.orders_count_active(), counts.active, "ok", true),
        (StateFilter::Ending, t.orders_count_ending(), counts.ending, "warn", true),
        (StateFilter::Ended, t.orders_count_ended(), counts.ended, "", true),
        (StateFilter::Provisioning, t.orders_count_provisioning(), counts.provisioning, "", false),
    ]
    .into_iter()
    .filter(|(_, _, number, _, always)| *always || *number > 0)
    .map(|(filter, label, number, kind, _)| Count {
        href: address(AGENT, "", filter, ""),
        label,
        value: t.number(number),
        kind: if number > 0 { kind } else { "" },
    })
    .collect()
}

#[derive(Template)]
#[template(path = "orders/index.html")]
struct IndexPage {
    page: Page,
    query: ListQuery,
    tabs: Vec<Tab>,
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
        href: address(AGENT, &query.q, filter, ""),
        label: label(&t, filter),
        is_current: filter == query.status,
    });
    let tabs = tabs.collect();
    html(&IndexPage { page: page.titled(t.orders_title()), query, tabs, list, empty_title, empty_text })
}

fn label(t: &Tr, filter: StateFilter) -> String {
    match filter {
        StateFilter::All => t.orders_filter_all(),
        StateFilter::Active => t.orders_filter_active(),
        StateFilter::Ending => t.orders_filter_ending(),
        StateFilter::Ended => t.orders_filter_ended(),
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
