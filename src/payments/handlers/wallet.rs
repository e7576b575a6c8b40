//! A payer's wallet: what there is, what is on its way, and how it came about.

use askama::Template;
use axum::{http::StatusCode, response::IntoResponse};
use axum_extra::extract::Query;

use super::{
    Ask,
    payer::{Area, Payer},
    statement::{ROWS, StatementQuery, StatementRow, type_label},
};
use crate::{
    ids::PaymentId,
    ledger::{self, Balance, EntryType},
    payments::{
        self, DecideError, Status,
        queries::{self, OwnPayment},
    },
    settings,
    web::{AppError, Fields, Id, Page, PageResult, address, html, page::flash, see_other},
};

#[derive(Template)]
#[template(path = "payments/wallet.html")]
struct WalletPage {
    page: Page,
    area: Area,
    /// It can be charged without an order.
    may_charge: bool,
    balance: Balance,
    payments: Vec<OwnPayment>,
    /// What the shop says to its payers; may be empty.
    note: String,
    form: Fields,
    filtered: bool,
    types: Vec<(&'static str, String)>,
    entries: Vec<StatementRow>,
    next: String,
}

pub async fn show<P: Payer>(ask: Ask<P>, Query(query): Query<StatementQuery>) -> PageResult {
    let Ask { app, who, page, .. } = ask;
    let t = page.t;
    let (filter, form) = query.read(&t);
    let mut conn = app.db.acquire().await?;
    let mut entries = Vec::new();
    if form.is_ok() {
        entries = ledger::statement(&mut conn, who.id, &filter, ROWS + 1).await?;
    }
    let more = entries.len() as i64 > ROWS;
    entries.truncate(ROWS as usize);
    let next =
        entries.last().filter(|_| more).map(|last| query.next(P::AREA.wallet, last.seq)).unwrap_or_default();
    let status = if form.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let view = WalletPage {
        area: P::AREA,
        may_charge: payments::may_charge(&mut conn, who.id).await?,
        balance: who.balance,
        payments: queries::latest_of(&mut conn, who.id).await?,
        note: settings::texts(&mut conn).await?.wallet_note,
        form,
        filtered: query.is_filtered(),
        types: EntryType::ALL.into_iter().map(|kind| (kind.code(), type_label(&t, kind))).collect(),
        entries: entries.iter().map(|entry| StatementRow::new(&t, entry, who.id)).collect(),
        next,
        page: page.titled(t.payments_wallet()),
    };
    Ok((status, html(&view)?).into_response())
}

#[derive(Template)]
#[template(path = "payments/_own_answer.html")]
struct OwnPayments {
    page: Page,
    area: Area,
    balance: Balance,
    payments: Vec<OwnPayment>,
}

/// The part of the wallet that follows by itself.
pub async fn own_payments<P: Payer>(ask: Ask<P>) -> PageResult {
    let payments = queries::latest_of(&mut *ask.app.db.acquire().await?, ask.who.id).await?;
    html(&OwnPayments { page: ask.page, area: P::AREA, balance: ask.who.balance, payments })
}

#[derive(Template)]
#[template(path = "payments/own_history.html")]
struct HistoryPage {
    page: Page,
    area: Area,
    payments: Vec<OwnPayment>,
    next: String,
    first: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct HistoryQuery {
    before: String,
}

/// All her payments, page by page.
pub async fn history<P: Payer>(ask: Ask<P>, Query(query): Query<HistoryQuery>) -> PageResult {
    let mut conn = ask.app.db.acquire().await?;
    let before = query.before.parse().ok();
    let mut payments = queries::earlier_of(&mut conn, ask.who.id, before, ROWS + 1).await?;
    let more = payments.len() as i64 > ROWS;
    payments.truncate(ROWS as usize);
    let next = payments.last().filter(|_| more).map(|last| last.id.to_string());
    let next = next.map(|last| address(P::AREA.history, &[("before", &last)])).unwrap_or_default();
    let first = before.map(|_: i64| P::AREA.history.to_owned()).unwrap_or_default();
    let title = ask.page.t.payments_own_history();
    html(&HistoryPage { page: ask.page.titled(title), area: P::AREA, payments, next, first })
}

pub async fn create_withdrawal<P: Payer>(ask: Ask<P>, Id(id): Id) -> PageResult {
    let actor = ask.actor(ask.who.id);
    let t = ask.page.t;
    let outcome = payments::withdraw(&ask.app.db, PaymentId(id), actor, ask.app.clock.now()).await;
    let (kind, text) = match outcome {
        Ok(()) => ("ok", t.payments_withdrawn(t.digits(id))),
        Err(DecideError::AlreadyDecided(decision)) if decision.status == Status::Withdrawn => {
            ("ok", t.payments_withdrawn(t.digits(id)))
        }
        Err(DecideError::AlreadyDecided(decision)) => {
            ("warn", t.payments_too_late(decision.status.label(&t), t.datetime(decision.at)))
        }
        Err(DecideError::Database(error)) => return Err(error.into()),
        Err(_) => return Err(AppError::NotFound),
    };
    flash(&ask.session, kind, text).await?;
    Ok(see_other(ask.hx, P::AREA.wallet))
}
