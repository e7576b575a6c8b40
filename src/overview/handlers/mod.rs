//! The owner's first page and the parts of it that come later.

mod checklist;
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
    checklist::{Checklist, Server},
    needs::Need,
    sales::{Sales, TopRow},
};
use super::{Span, checklist::first_steps};
use crate::{
    locale::Tr,
    panel::Checkup,
    web::{
        Admin, Ask, Page, PageResult,
        chart::Columns,
        doors::{AdminDoor, Routes},
        html,
    },
};

/// News of the server older than this is asked for anew.
const FRESH: time::Duration = time::Duration::seconds(30);
/// So long the part about the server waits; the page itself doesn't.
const PATIENCE: Duration = Duration::from_millis(900);

/// What the admin may reach.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new()
        .route("/admin", get(show))
        .route("/admin/checklist", get(show_checklist))
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
    t: Tr,
    /// What a new shop still lacks.
    checklist: Option<Checklist>,
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
    let steps = first_steps(&mut conn).await?;
    let (agents, plans) = sales::tops(&mut conn, &t, query.period, now).await?;
    let server = server_as(ask.app.server.last_checkup().as_ref());
    html(&OverviewPage {
        checklist: Checklist::new(&t, steps, server, &ask.app.configured),
        t,
        needs: needs::load(&mut conn, &t, ask.app.backups.place().as_deref(), now).await?,
        sales: Sales::load(&mut conn, &t, query.period, now).await?,
        chart: sales::chart(&mut conn, &t, now).await?,
        agents,
        plans,
        page: ask.page.titled(t.nav_overview()),
    })
}

/// What the last look at the server said.
fn server_as(checkup: Option<&Checkup>) -> Server {
    match checkup {
        Some(checkup) if checkup.health.reachable => Server::Answers,
        Some(_) => Server::Silent,
        None => Server::Unasked,
    }
}

#[derive(Template)]
#[template(path = "overview/_checklist.html")]
struct ChecklistPart {
    t: Tr,
    checklist: Option<Checklist>,
}

/// The list again, when the server has had its time to answer.
async fn show_checklist(ask: Ask<Admin>) -> PageResult {
    if !ask.hx.0 {
        return Ok(Redirect::to("/admin").into_response());
    }
    let t = ask.page.t;
    let checkup = ask.app.server.recent_health(FRESH, PATIENCE).await;
    let server = if checkup.is_some() { server_as(checkup.as_ref()) } else { Server::Silent };
    let steps = first_steps(&mut *ask.app.db.acquire().await?).await?;
    html(&ChecklistPart { checklist: Checklist::new(&t, steps, server, &ask.app.configured), t })
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
    let store = ask.app.backups.place();
    html(&NeedsPart { needs: needs::load(&mut conn, &ask.page.t, store.as_deref(), ask.page.now).await? })
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
    let checkup = ask.app.server.recent_health(FRESH, PATIENCE).await;
    let need = needs::server(&t, checkup.as_ref(), ask.app.clock.now());
    if ask.hx.0 {
        html(&ServerPart { need })
    } else {
        html(&ServerPage { need, page: ask.page.titled(t.overview_server()) })
    }
}
