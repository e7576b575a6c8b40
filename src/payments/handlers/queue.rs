//! The queue: what waits for the admin, oldest first, and how it keeps itself up to date.

use std::sync::Arc;

use askama::Template;
use axum_extra::extract::Query;
use sqlx::PgConnection;

use super::{Ask, address};
use crate::{
    calendar::Time,
    ids::PaymentId,
    locale::Tr,
    money::Toman,
    orders,
    payment_methods::MethodType,
    payments::{
        MAX_NOTE, Status,
        queries::{self, Card, Duplicate, DuplicateKind, Window},
    },
    settings,
    web::{Admin, AppError, Fields, Page, PageResult, html},
};

/// Payments shown at a time.
const ROWS: usize = 25;

/// One payment with what the admin needs to decide about it.
pub struct Row {
    pub card: Card,
    pub warnings: Vec<Warning>,
    /// The shop's ready-made reasons of a rejection.
    pub reasons: Arc<[String]>,
    /// What the admin typed and what is wrong with it.
    pub form: Fields,
    /// What happened instead of what was asked for.
    pub notice: String,
    /// Replaces the same payment wherever it stands on the page.
    pub out_of_band: bool,
}

/// A reason to look twice, with the earlier payment that it is about.
pub struct Warning {
    pub kind: &'static str,
    pub text: String,
    pub href: String,
}

impl Row {
    fn new(t: &Tr, card: Card, duplicates: &[Duplicate], reasons: Arc<[String]>) -> Self {
        let mut warnings: Vec<Warning> = duplicates
            .iter()
            .filter(|duplicate| duplicate.payment_id == card.id)
            .map(|duplicate| Warning::about(t, duplicate))
            .collect();
        let mut plain = |text: String| warnings.push(Warning { kind: "warn", text, href: String::new() });
        if card.over_limit {
            plain(t.payments_warn_over_limit());
        }
        if card.first {
            plain(t.payments_warn_first());
        }
        let (form, notice) = (Fields::default(), String::new());
        Self { card, warnings, reasons, form, notice, out_of_band: false }
    }

    pub fn waits(&self) -> bool {
        self.card.status == Status::Pending
    }

    pub fn status_label(&self, t: &Tr) -> String {
        self.card.status.label(t)
    }

    pub fn status_kind(&self) -> &'static str {
        self.card.status.kind()
    }

    pub fn method_type(&self, t: &Tr) -> String {
        match self.card.method_type {
            MethodType::Card => t.payment_methods_card(),
            MethodType::Sheba => t.payment_methods_sheba(),
            MethodType::Crypto => t.payment_methods_crypto(),
        }
    }

    /// The form for another amount or a note is open, because something in it is wrong.
    pub fn correcting(&self) -> bool {
        ["actual", "note"].iter().any(|name| !self.form.error(name).is_empty())
    }

    /// The same for the form of the rejection.
    pub fn rejecting(&self) -> bool {
        !self.form.error("reason").is_empty()
    }

    /// The order that it is for; empty when it charges the wallet.
    pub fn order(&self, t: &Tr) -> String {
        match (self.card.order_id, &self.card.order_plan, &self.card.order_account) {
            (Some(id), Some(plan), Some(account)) => t.payments_for_order(account, t.digits(id), plan),
            _ => String::new(),
        }
    }

    /// What has become of that order.
    pub fn order_outcome(&self, t: &Tr) -> String {
        let missing = self.card.order_missing.unwrap_or_default();
        match self.card.order_status {
            None => String::new(),
            Some(orders::Status::AwaitingPayment) if missing > Toman::ZERO => {
                t.payments_order_short(t.amount(missing))
            }
            Some(orders::Status::AwaitingPayment) => t.payments_order_waits(),
            Some(orders::Status::Cancelled) => t.payments_order_cancelled(),
            Some(orders::Status::Failed) => t.payments_order_failed(),
            Some(orders::Status::Provisioning) => t.payments_order_provisioning(),
            Some(orders::Status::Active | orders::Status::Disabled | orders::Status::Deleted) => {
                t.payments_order_made()
            }
        }
    }

    pub fn max_note(&self) -> usize {
        MAX_NOTE
    }

    /// When it was decided; before that, when it came.
    pub fn decided_at(&self) -> Time {
        self.card.processed_at.unwrap_or(self.card.created_at)
    }
}

impl Warning {
    fn about(t: &Tr, duplicate: &Duplicate) -> Self {
        let number = t.digits(duplicate.earlier);
        let status = duplicate.earlier_status.label(t);
        let payer = duplicate.earlier_payer.as_str();
        let (kind, text) = match duplicate.kind {
            DuplicateKind::SameReceipt => ("bad", t.payments_warn_same_receipt(number, payer, status)),
            DuplicateKind::LooksAlike => ("warn", t.payments_warn_looks_alike(number, payer, status)),
            DuplicateKind::SameTrackingNumber => {
                ("bad", t.payments_warn_same_tracking(number, payer, status))
            }
        };
        Self { kind, text, href: format!("/admin/payments/{}", duplicate.earlier) }
    }
}

/// The rows of these payments, in four queries however many they are.
pub async fn rows(conn: &mut PgConnection, t: &Tr, ids: &[i64]) -> sqlx::Result<Vec<Row>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let duplicates = queries::duplicates(conn, ids).await?;
    let cards = queries::cards(conn, ids).await?;
    let reasons: Arc<[String]> = settings::texts(conn).await?.rejection_reasons.into();
    Ok(cards.into_iter().map(|card| Row::new(t, card, &duplicates, Arc::clone(&reasons))).collect())
}

/// The row of one payment.
///
/// # Errors
/// [`AppError::NotFound`] when there is none.
pub async fn row(conn: &mut PgConnection, t: &Tr, id: PaymentId) -> Result<Row, AppError> {
    rows(conn, t, &[id.0]).await?.pop().ok_or(AppError::NotFound)
}

/// What stands below the rows: it asks for new ones, and offers more when there are more.
pub struct Rest {
    /// All that wait, also those not shown.
    pub waiting: i64,
    /// Younger ones than those shown wait: they come when asked for.
    pub more: bool,
    /// Where new and late ones up to the last shown come from.
    pub arrivals: String,
    /// Where more come from, for htmx and for a browser without it.
    pub more_part: String,
    pub more_page: String,
    /// Nothing is waiting, and nothing is shown that was.
    pub empty: bool,
}

#[derive(Template)]
#[template(path = "payments/queue.html")]
struct QueuePage {
    page: Page,
    rows: Vec<Row>,
    rest: Rest,
}

#[derive(Template)]
#[template(path = "payments/_arrivals.html")]
struct Arrivals {
    page: Page,
    rows: Vec<Row>,
    rest: Rest,
    decided: Vec<Row>,
    waiting: i64,
}

/// Which payments the page shows and asks for.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct QueueQuery {
    /// The page begins behind this one.
    after: Option<i64>,
    /// New ones only up to this one: younger ones wait until they are asked for.
    until: Option<i64>,
    seen: Vec<i64>,
}

struct Batch {
    rows: Vec<Row>,
    rest: Rest,
}

/// The next rows that the page doesn't have, and what stands below them.
async fn next_batch(conn: &mut PgConnection, t: &Tr, query: &QueueQuery) -> sqlx::Result<Batch> {
    let window = Window { after: query.after, until: query.until, seen: query.seen.clone() };
    let mut ids = queries::next_waiting(conn, &window, ROWS as i64 + 1).await?;
    ids.truncate(ROWS);
    let shown: Vec<i64> = query.seen.iter().chain(&ids).copied().collect();
    let beyond =
        Window { after: shown.iter().max().copied().max(query.after), until: None, seen: shown.clone() };
    let more = !queries::next_waiting(conn, &beyond, 1).await?.is_empty();
    let waiting = queries::waiting_count(conn).await?;
    let text = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    let (after, last) = (text(query.after), text(beyond.after));
    let arrivals = address(
        "/admin/payments/arrivals",
        &[("after", after.as_str()), ("until", if more { &last } else { "" })],
    );
    let rest = Rest {
        waiting,
        more,
        arrivals,
        more_part: address("/admin/payments/arrivals", &[("after", &after)]),
        more_page: address("/admin/payments", &[("after", &last)]),
        empty: waiting == 0,
    };
    Ok(Batch { rows: rows(conn, t, &ids).await?, rest })
}

pub async fn index(ask: Ask<Admin>, Query(query): Query<QueueQuery>) -> PageResult {
    let page = ask.page;
    let mut conn = ask.app.db.acquire().await?;
    let query = QueueQuery { after: query.after, ..QueueQuery::default() };
    let Batch { rows, rest } = next_batch(&mut conn, &page.t, &query).await?;
    let title = page.t.payments_queue();
    html(&QueuePage { page: page.titled(title), rows, rest })
}

/// What the open page lacks: rows that came since, late ones among them, and what others decided meanwhile.
pub async fn arrivals(ask: Ask<Admin>, Query(query): Query<QueueQuery>) -> PageResult {
    let page = ask.page;
    let mut conn = ask.app.db.acquire().await?;
    let batch = next_batch(&mut conn, &page.t, &query).await?;
    let decided = queries::decided_among(&mut conn, &query.seen).await?;
    let mut decided = rows(&mut conn, &page.t, &decided).await?;
    decided.iter_mut().for_each(|row| row.out_of_band = true);
    let waiting = batch.rest.waiting;
    html(&Arrivals { page, rows: batch.rows, rest: batch.rest, decided, waiting })
}
