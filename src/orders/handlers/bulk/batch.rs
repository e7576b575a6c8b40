//! The accounts that one form made: their state, their links, the same as Excel.

use askama::Template;
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::{super::AGENT, words};
use crate::{
    ids::BatchId,
    locale::{Language, Tr},
    orders::{
        FailureReason, Status,
        bulk::{
            batches,
            queries::{self, BatchItem},
            sheet,
        },
        queries::State,
        views::{Badge, poll_seconds},
    },
    web::{Agent, AppError, Ask, Id, Page, PageResult, html, see_other},
};

/// What Excel calls its files.
const EXCEL: HeaderValue =
    HeaderValue::from_static("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");

#[derive(Template)]
#[template(path = "orders/batch.html")]
struct BatchPage {
    page: Page,
    view: BatchView,
}

#[derive(Template)]
#[template(path = "orders/_batch.html")]
struct BatchPart {
    page: Page,
    view: BatchView,
}

struct BatchView {
    href: String,
    about: String,
    made: String,
    all: String,
    is_waiting: bool,
    poll_seconds: i64,
    /// Why it ended before its last name; empty where it did not.
    stopped: String,
    /// How many names were not ordered yet; empty where all were.
    rest: String,
    lines: Vec<Line>,
    /// All names with their links, a line each; empty while there is none.
    links: String,
}

struct Line {
    /// Of its page; empty where it was not ordered.
    href: String,
    username: String,
    alias: String,
    badge: Badge,
    text: String,
    link: String,
}

impl BatchView {
    fn new(
        t: &Tr,
        id: BatchId,
        batch: &queries::Batch,
        items: &[BatchItem],
        now: crate::calendar::Time,
    ) -> Self {
        let count = |test: fn(&BatchItem) -> bool| items.iter().filter(|item| test(item)).count() as i64;
        let rest = count(|item| item.order.is_none() && item.trouble.is_none());
        let links: Vec<String> = items
            .iter()
            .filter_map(|item| Some(format!("{} {}", item.username, item.link.as_deref()?)))
            .collect();
        Self {
            href: format!("/agent/batches/{id}"),
            about: t.bulk_batch_about(&batch.plan_name, t.amount(batch.price), t.datetime(batch.created_at)),
            made: t.number(count(|item| item.link.is_some())),
            all: t.number(items.len() as i64),
            is_waiting: count(|item| item.status == Some(Status::Provisioning)) > 0,
            poll_seconds: poll_seconds(batch.created_at, now).max(2),
            stopped: batch.stopped.map(|why| words(t, why, batch.stopped_amount)).unwrap_or_default(),
            rest: if rest > 0 { t.number(rest) } else { String::new() },
            lines: items.iter().map(|item| Line::new(t, item)).collect(),
            links: links.join("\n"),
        }
    }
}

impl Line {
    fn new(t: &Tr, item: &BatchItem) -> Self {
        Self {
            href: item.order.map(|order| format!("{}/{order}", AGENT.orders)).unwrap_or_default(),
            username: item.username.clone(),
            alias: item.alias.clone(),
            badge: badge(t, item),
            text: match (item.trouble, item.failure) {
                (Some(why), _) => words(t, why, None),
                (None, Some(FailureReason::UsernameTaken)) => t.orders_failed_taken(&item.username),
                (None, Some(FailureReason::Refused)) => t.orders_failed_refused(),
                (None, None) => String::new(),
            },
            link: item.link.clone().unwrap_or_default(),
        }
    }
}

fn badge(t: &Tr, item: &BatchItem) -> Badge {
    let state = match item.status {
        None if item.trouble.is_some() => return Badge { kind: "bad", text: t.bulk_not_ordered() },
        None => return Badge { kind: "warn", text: t.bulk_not_reached() },
        Some(Status::AwaitingPayment) => State::AwaitingPayment,
        Some(Status::Provisioning) => State::Provisioning,
        Some(Status::Active) => State::Active,
        Some(Status::Disabled) => State::Disabled,
        Some(Status::Deleted) => State::Deleted,
        Some(Status::Failed) => State::Failed,
        Some(Status::Cancelled) => State::Cancelled,
    };
    Badge::new(t, state)
}

pub async fn show(ask: Ask<Agent>, id: Id) -> PageResult {
    let id = BatchId(id.0);
    let t = ask.page.t;
    let (batch, items) = queries::batch(&ask.app.db, ask.who.id, id).await?.ok_or(AppError::NotFound)?;
    let view = BatchView::new(&t, id, &batch, &items, ask.page.now);
    let hx = ask.hx;
    let page = ask.page.titled(t.bulk_batch_title());
    if hx.0 { html(&BatchPart { page, view }) } else { html(&BatchPage { page, view }) }
}

pub async fn create_rest(ask: Ask<Agent>, id: Id) -> PageResult {
    let id = BatchId(id.0);
    if !batches::carry_out(&ask.app.db, ask.who.id, id, &ask.app.clock).await? {
        return Err(AppError::NotFound);
    }
    Ok(see_other(ask.hx, &format!("/agent/batches/{id}")))
}

pub async fn excel(ask: Ask<Agent>, id: Id) -> Result<Response, AppError> {
    let id = BatchId(id.0);
    let t = ask.page.t;
    let (batch, items) = queries::batch(&ask.app.db, ask.who.id, id).await?.ok_or(AppError::NotFound)?;
    let head = [
        t.orders_username(),
        t.orders_alias(),
        t.orders_plan(),
        t.orders_filter(),
        t.orders_ends(),
        t.orders_link(),
    ];
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            vec![
                item.username.clone(),
                item.alias.clone(),
                batch.plan_name.clone(),
                badge(&t, item).text,
                item.expire_at.map(|end| t.date(end)).unwrap_or_default(),
                item.link.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let right_to_left = t.language == Language::Fa;
    let file = sheet::workbook(&t.orders_title(), right_to_left, &head, &rows).map_err(AppError::internal)?;
    let name = HeaderValue::from_str(&format!("attachment; filename=\"accounts_{id}.xlsx\""));
    let headers =
        [(header::CONTENT_TYPE, EXCEL), (header::CONTENT_DISPOSITION, name.map_err(AppError::internal)?)];
    Ok((headers, file).into_response())
}
