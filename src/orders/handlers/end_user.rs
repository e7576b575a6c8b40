//! An end user's own accounts.

use askama::Template;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    routing::get,
};
use axum_extra::extract::Query;
use axum_htmx::HxRequest;

use super::{END_USER, List, ListQuery};
use crate::web::{
    AppState, EndUser, Page, PageResult,
    doors::{EndUserDoor, Routes},
    html,
};

/// What end users may reach.
pub fn routes() -> Routes<EndUserDoor> {
    Routes::new()
        .route("/user", get(index))
        .route("/user/accounts/{id}", get(show))
        .route("/user/accounts/{id}/usage", get(usage))
}

#[derive(Template)]
#[template(path = "orders/mine.html")]
struct MinePage {
    page: Page,
    name: String,
    credit: String,
    list: List,
    empty_title: String,
    empty_text: String,
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
        name: viewer.display_name.clone(),
        credit: t.amount(viewer.balance.total()),
        list,
        empty_title: t.orders_none_end_user(),
        empty_text: t.orders_none_end_user_text(),
        page: page.titled(t.orders_overview_title()),
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
    super::usage(&app, END_USER, &viewer, super::order_id(id)?, page.t).await
}
