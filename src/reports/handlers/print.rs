//! The report on paper.

use askama::Template;
use axum::response::{IntoResponse, Redirect};
use axum_extra::extract::Query;
use futures_util::TryStreamExt as _;

use super::{
    HOME,
    lines::{Line, Sums},
    query::ReportQuery,
};
use crate::{
    reports::{ON_PAPER, queries, sheet::Labels},
    web::{Admin, Ask, Page, PageResult, html},
};

#[derive(Template)]
#[template(path = "reports/print.html")]
struct PrintPage {
    page: Page,
    words: Vec<String>,
    sums: Sums,
    lines: Vec<Line>,
    back: String,
    /// How many rows there are, when not all of them are here.
    cut_from: Option<i64>,
    on_paper: bool,
}

pub async fn show(ask: Ask<Admin>, Query(query): Query<ReportQuery>) -> PageResult {
    let page = ask.page;
    let t = page.t;
    let mut snapshot = queries::snapshot(&ask.app.db).await?;
    let asked = query.read(&mut snapshot, &t, page.now).await?;
    let back = asked.on(HOME);
    if !asked.form.is_ok() {
        // There the fields say what is wrong.
        return Ok(Redirect::to(&back).into_response());
    }
    let labels = Labels::new(&t);
    let rows = queries::rows(&mut snapshot, &asked.filter, None, ON_PAPER);
    let lines: Vec<Line> =
        rows.map_ok(|row| Line::new(&t, asked.view(), &labels, &row)).try_collect().await?;
    let sums = queries::sums(&mut snapshot, &asked.filter).await?;
    let sums = Sums::new(&t, asked.view(), &labels, &sums);
    let words = asked.in_words(&t, &queries::methods(&mut snapshot).await?);
    snapshot.commit().await?;
    html(&PrintPage {
        cut_from: (sums.rows > ON_PAPER).then_some(sums.rows),
        page: page.titled(t.reports_of(asked.view().label(&t))),
        words,
        sums,
        lines,
        back,
        on_paper: true,
    })
}
