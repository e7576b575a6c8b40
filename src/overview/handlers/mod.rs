//! The owner's first page and the parts of it that come later.

mod needs;
mod sales;

use std::time::Duration;

use askama::Template;
use axum::{
    response::{IntoResponse, Redirect},
    routing::get,
};
use axum_extra::extract::Query;

use self::{
    needs::Need,
    sales::{Sales, TopRow},
};
use super::Span;
use crate::web::{
    Admin, Ask, Page, PageResult,
    chart::Columns,
    doors::{AdminDoor, Routes},
    html,
};

/// News of the server older than this is asked for anew.
const FRESH: time::Duration = time::Duration::seconds(30);
/// So long the part about the server waits; the page itself doesn't.
const PATIENCE: Duration = Duration::from_millis(900);

/// What the admin may reach.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new()
        .route("/admin", get(show))
        .route("/admin/needs", get(show_needs))
        .route("/admin/server", get(show_server))
}

/// What the address says.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct OverviewQuery {
    period: Span,
}

#[derive(Template)]
#[template(path = "overview/show.html")]
struct OverviewPage {
    page: Page,
    needs: Vec<Need>,
    sales: Sales,
    chart: Columns,
    agents: Vec<TopRow>,
    plans: Vec<TopRow>,
}

async fn show(ask: Ask<Admin>, Query(query): Query<OverviewQuery>) -> PageResult {
    let t = ask.page.t;
    let now = ask.page.now;
    let mut conn = ask.app.db.acquire().await?;
    let (agents, plans) = sales::tops(&mut conn, &t, query.period, now).await?;
    html(&OverviewPage {
        needs: needs::load(&mut conn, &t, now).await?,
        sales: Sales::load(&mut conn, &t, query.period, now).await?,
        chart: sales::chart(&mut conn, &t, now).await?,
        agents,
        plans,
        page: ask.page.titled(t.nav_overview()),
    })
}

#[derive(Template)]
#[template(path = "overview/_needs.html")]
struct NeedsPart {
    needs: Vec<Need>,
}

async fn show_needs(ask: Ask<Admin>) -> PageResult {
    if !ask.hx.0 {
        return Ok(Redirect::to("/admin").into_response());
    }
    let mut conn = ask.app.db.acquire().await?;
    html(&NeedsPart { needs: needs::load(&mut conn, &ask.page.t, ask.page.now).await? })
}

#[derive(Template)]
#[template(path = "overview/server.html")]
struct ServerPage {
    page: Page,
    need: Need,
}

#[derive(Template)]
#[template(path = "overview/_server.html")]
struct ServerPart {
    need: Need,
}

/// How the server does: a part of the overview, and a page where there is no script to fetch it.
async fn show_server(ask: Ask<Admin>) -> PageResult {
    let t = ask.page.t;
    let checkup = ask.app.marzban.recent_health(FRESH, PATIENCE).await;
    let need = needs::server(&t, checkup.as_ref(), ask.app.clock.now());
    if ask.hx.0 {
        html(&ServerPart { need })
    } else {
        html(&ServerPage { need, page: ask.page.titled(t.overview_server()) })
    }
}
