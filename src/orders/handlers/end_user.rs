//! An end user's own accounts.

use askama::Template;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    routing::{get, post},
};
use axum_extra::extract::Query;
use axum_htmx::HxRequest;

use super::{END_USER, List, ListQuery, buy, changes, create, unpaid};
use crate::{
    money::Toman,
    orders::{
        purchase::{self, queries::Waiting},
        queries::{self, Listing, State as AccountState},
        views::Row,
    },
    web::{
        AppState, EndUser, Page, PageResult,
        doors::{EndUserDoor, Routes},
        html,
    },
};

/// What end users may reach.
pub fn routes() -> Routes<EndUserDoor> {
    Routes::new()
        .route("/user", get(overview))
        .route("/user/buy", get(buy::new).post(buy::create))
        .route("/user/buy/username", get(create::username::<EndUser>))
        .route("/user/accounts", get(index))
        .route("/user/accounts/{id}", get(show))
        .route("/user/accounts/{id}/usage", get(usage))
        .route(
            "/user/accounts/{id}/renewal",
            get(changes::new_renewal::<EndUser>).post(changes::create_renewal::<EndUser>),
        )
        .route(
            "/user/accounts/{id}/deletion",
            get(changes::new_deletion::<EndUser>).post(changes::create_deletion::<EndUser>),
        )
        .route("/user/accounts/{id}/purchase", post(unpaid::create_purchase))
        .route("/user/accounts/{id}/cancellation", post(unpaid::create_cancellation))
}

#[derive(Template)]
#[template(path = "orders/mine.html")]
struct MinePage {
    page: Page,
    is_open: bool,
    list: List,
    empty_title: String,
    empty_text: String,
}

/// How many accounts the overview shows.
const FEW: usize = 5;

#[derive(Template)]
#[template(path = "orders/home.html")]
struct HomePage {
    page: Page,
    name: String,
    credit: String,
    /// What waits for the shop's approval; empty without any.
    pending: String,
    is_open: bool,
    may_charge: bool,
    waiting: Vec<Waiting>,
    accounts: Vec<Row>,
}

async fn overview(State(app): State<AppState>, viewer: EndUser, page: Page) -> PageResult {
    let t = page.t;
    let mut accounts =
        queries::accounts(&app.db, viewer.id, &Listing::default(), queries::PAGE, page.now).await?;
    // What waits stands above, and what came to nothing only in the list.
    accounts
        .retain(|account| !matches!(account.state, AccountState::AwaitingPayment | AccountState::Cancelled));
    accounts.truncate(FEW);
    let waiting = purchase::queries::waiting_of(&mut *app.db.acquire().await?, viewer.id).await?;
    let pending = viewer.balance.pending;
    html(&HomePage {
        name: viewer.display_name.clone(),
        credit: t.amount(viewer.balance.confirmed),
        pending: if pending > Toman::ZERO {
            t.orders_credit_pending(t.amount(pending))
        } else {
            String::new()
        },
        is_open: viewer.purchase_open,
        may_charge: viewer.charging_open,
        waiting,
        accounts: accounts.iter().map(|account| Row::new(&t, account, END_USER.orders, page.now)).collect(),
        page: page.titled(t.orders_overview_title()),
    })
}

async fn index(
    State(app): State<AppState>,
    viewer: EndUser,
    page: Page,
    Query(query): Query<ListQuery>,
) -> PageResult {
    let t = page.t;
    // She has a few accounts, so there is nothing to search.
    let query = ListQuery { before: query.before, ..ListQuery::default() };
    let list = List::load(&app, &t, END_USER, viewer.id, &query).await?;
    html(&MinePage {
        is_open: viewer.purchase_open,
        list,
        empty_title: t.orders_none_end_user(),
        empty_text: t.orders_none_end_user_text(),
        page: page.titled(t.orders_my_accounts()),
    })
}

async fn show(
    State(app): State<AppState>,
    viewer: EndUser,
    page: Page,
    hx: HxRequest,
    id: Result<Path<i64>, PathRejection>,
) -> PageResult {
    super::show(&app, END_USER, viewer.id, super::order_id(id)?, page, hx).await
}

async fn usage(
    State(app): State<AppState>,
    viewer: EndUser,
    page: Page,
    id: Result<Path<i64>, PathRejection>,
) -> PageResult {
    super::usage(&app, END_USER, viewer.id, super::order_id(id)?, page).await
}
