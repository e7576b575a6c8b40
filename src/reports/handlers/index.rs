//! The report on a page.

use askama::Template;
use axum::{http::StatusCode, response::IntoResponse};
use axum_extra::extract::Query;
use futures_util::TryStreamExt as _;
use uuid::Uuid;

use super::{
    HOME,
    lines::{Line, Sums},
    query::{Asked, ROLES, ReportQuery, range_label, role_label},
};
use crate::{
    ledger::EntryType,
    payments::{Status, handlers::entry_label},
    reports::{
        Range, View,
        queries::{self, AgentName, MethodName},
        sheet::Labels,
    },
    role::Role,
    web::{Admin, Ask, Page, PageResult, html},
};

/// Rows on one page.
const ROWS: i64 = 40;
/// Agents that are offered as choices; of more, the others are found by their user names.
const AGENTS: i64 = 100;

struct Tab {
    href: String,
    label: String,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "reports/index.html")]
struct IndexPage {
    page: Page,
    asked: Asked,
    views: Vec<Tab>,
    ranges: Vec<Tab>,
    roles: Vec<(Role, String)>,
    agents: Vec<AgentName>,
    types: Vec<(&'static str, String)>,
    statuses: Vec<(&'static str, String)>,
    methods: Vec<MethodName>,
    sums: Sums,
    lines: Vec<Line>,
    next: String,
    first: String,
    /// The form of the Excel file carries the report along.
    query: String,
    request_id: Uuid,
    on_paper: bool,
}

pub async fn index(ask: Ask<Admin>, Query(query): Query<ReportQuery>) -> PageResult {
    let page = ask.page;
    let (t, now) = (page.t, page.now);
    let mut snapshot = queries::snapshot(&ask.app.db).await?;
    let asked = query.read(&mut snapshot, &t, now).await?;
    let view = asked.view();
    let (mut rows, mut sums) = (Vec::new(), Vec::new());
    if asked.form.is_ok() {
        rows = queries::rows(&mut snapshot, &asked.filter, asked.after, ROWS + 1).try_collect().await?;
        sums = queries::sums(&mut snapshot, &asked.filter).await?;
    }
    let more = rows.len() as i64 > ROWS;
    rows.truncate(ROWS as usize);
    let next = rows.last().filter(|_| more).map(|last| asked.behind(HOME, (last.at, last.id)));
    let (agents, methods) =
        (queries::agents(&mut snapshot, AGENTS).await?, queries::methods(&mut snapshot).await?);
    snapshot.commit().await?;
    let labels = Labels::new(&t);
    let status = if asked.form.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let shown = IndexPage {
        views: View::ALL
            .map(|other| Tab {
                href: asked.of_view(HOME, other),
                label: other.label(&t),
                is_current: other == view,
            })
            .into(),
        ranges: Range::EVERY
            .map(|range| Tab {
                href: asked.of_range(HOME, range),
                label: range_label(&t, range),
                is_current: asked.range(now) == Some(range),
            })
            .into(),
        roles: ROLES.map(|role| (role, role_label(&t, role))).into(),
        agents,
        types: EntryType::ALL.map(|kind| (kind.code(), entry_label(&t, kind))).into(),
        statuses: Status::ALL.map(|status| (status.code(), status.label(&t))).into(),
        methods,
        sums: Sums::new(&t, view, &labels, &sums),
        lines: rows.iter().map(|row| Line::new(&t, view, &labels, row)).collect(),
        next: next.unwrap_or_default(),
        first: asked.after.map(|_| asked.on(HOME)).unwrap_or_default(),
        query: asked.on(""),
        request_id: Uuid::new_v4(),
        on_paper: false,
        page: page.titled(t.reports_title()),
        asked,
    };
    Ok((status, html(&shown)?).into_response())
}
