//! Deciding a payment, and the page of one payment.

use askama::Template;
use axum::{
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{
    Ask,
    claim::amount_error,
    queue::{Row, row},
};
use crate::{
    ids::PaymentId,
    ledger::{self, Entry},
    locale::Tr,
    money::Toman,
    payments::{self, ApprovalInput, DecideError, Decision, MAX_NOTE, queries},
    persian::normalize,
    web::{Admin, AppError, Fields, Page, PageResult, html, page::flash, see_other},
};

const QUEUE: &str = "/admin/payments";

#[derive(Template)]
#[template(path = "payments/show.html")]
struct PaymentPage {
    page: Page,
    row: Row,
    entries: Vec<Entry>,
}

/// The answer to a decision by htmx: the same row as its result, and the counters.
#[derive(Template)]
#[template(path = "payments/_decision.html")]
struct DecisionPart {
    page: Page,
    row: Row,
    waiting: i64,
}

pub async fn show(ask: Ask<Admin>, Path(id): Path<i64>) -> PageResult {
    let row = row(&mut *ask.app.db.acquire().await?, &ask.page.t, PaymentId(id)).await?;
    show_row(ask, row).await
}

async fn show_row(ask: Ask<Admin>, row: Row) -> PageResult {
    let entries = ledger::entries_of_payment(&mut *ask.app.db.acquire().await?, row.card.id).await?;
    let title = ask.page.t.payments_payment(ask.page.t.digits(row.card.id));
    html(&PaymentPage { page: ask.page.titled(title), row, entries })
}

pub async fn create_approval(ask: Ask<Admin>, Path(id): Path<i64>, mut form: Fields) -> PageResult {
    let t = ask.page.t;
    let actual = match form.get("actual") {
        "" => None,
        typed => match Toman::parse(typed) {
            Ok(amount) => Some(amount),
            Err(error) => {
                form.fail("actual", amount_error(&t, error));
                None
            }
        },
    };
    let note = read_note(&mut form, "note", &t);
    if !form.is_ok() {
        return refuse(ask, PaymentId(id), form).await;
    }
    let input = ApprovalInput { actual, note: Some(note).filter(|note| !note.is_empty()) };
    let actor = ask.actor(ask.who.id);
    let outcome = payments::approve(&ask.app.db, PaymentId(id), actor, input, ask.app.clock.now()).await;
    answer(ask, PaymentId(id), form, outcome).await
}

pub async fn create_rejection(ask: Ask<Admin>, Path(id): Path<i64>, mut form: Fields) -> PageResult {
    let t = ask.page.t;
    let mut reason = read_note(&mut form, "reason", &t);
    if reason.is_empty() {
        reason = read_note(&mut form, "ready", &t);
    }
    if !form.is_ok() {
        return refuse(ask, PaymentId(id), form).await;
    }
    let actor = ask.actor(ask.who.id);
    let outcome = payments::reject(&ask.app.db, PaymentId(id), actor, &reason, ask.app.clock.now()).await;
    answer(ask, PaymentId(id), form, outcome).await
}

fn read_note(form: &mut Fields, name: &'static str, t: &Tr) -> String {
    let note = normalize(form.get(name));
    if note.chars().count() > MAX_NOTE {
        form.fail(name, t.payments_note_too_long(t.digits(MAX_NOTE)));
    }
    note
}

async fn answer(
    ask: Ask<Admin>,
    id: PaymentId,
    mut form: Fields,
    outcome: Result<(), DecideError>,
) -> PageResult {
    let t = ask.page.t;
    match outcome {
        Ok(()) => done(ask, id).await,
        Err(DecideError::AlreadyDecided(decision)) => lost(ask, id, &decision).await,
        Err(DecideError::NotFound) => Err(AppError::NotFound),
        Err(DecideError::AmountOutOfRange { max }) => {
            form.fail("actual", t.payments_actual_out_of_range(t.amount(max)));
            refuse(ask, id, form).await
        }
        Err(DecideError::ReasonMissing) => {
            form.fail("reason", t.payments_reason_missing());
            refuse(ask, id, form).await
        }
        Err(DecideError::Database(error)) => Err(error.into()),
    }
}

async fn done(ask: Ask<Admin>, id: PaymentId) -> PageResult {
    let t = ask.page.t;
    let row = row(&mut *ask.app.db.acquire().await?, &t, id).await?;
    if ask.hx.0 {
        return part(ask, row).await;
    }
    let payer = &row.card.payer_name;
    let text = match row.card.credited_amount {
        Some(credited) => t.payments_approved_flash(t.amount(credited), payer),
        None => t.payments_rejected_flash(t.amount(row.card.amount), payer),
    };
    // What became of its order belongs to the same breath.
    let text = format!("{text} {}", row.order_outcome(&t));
    flash(&ask.session, "ok", text.trim_end().to_owned()).await?;
    Ok(see_other(ask.hx, QUEUE))
}

/// Somebody was first: says who decided what and when.
async fn lost(ask: Ask<Admin>, id: PaymentId, decision: &Decision) -> PageResult {
    let t = ask.page.t;
    let text = t.payments_already(&decision.by, decision.status.label(&t), t.datetime(decision.at));
    if !ask.hx.0 {
        flash(&ask.session, "warn", text).await?;
        return Ok(see_other(ask.hx, QUEUE));
    }
    let row = row(&mut *ask.app.db.acquire().await?, &t, id).await?;
    Ok((StatusCode::CONFLICT, part(ask, Row { notice: text, ..row }).await?).into_response())
}

/// The form again, with what was typed and what is wrong with it.
async fn refuse(ask: Ask<Admin>, id: PaymentId, form: Fields) -> PageResult {
    let row = row(&mut *ask.app.db.acquire().await?, &ask.page.t, id).await?;
    let row = Row { form, ..row };
    let body = if ask.hx.0 { part(ask, row).await? } else { show_row(ask, row).await? };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, body).into_response())
}

async fn part(ask: Ask<Admin>, row: Row) -> Result<Response, AppError> {
    let waiting = queries::waiting_count(&mut *ask.app.db.acquire().await?).await?;
    html(&DecisionPart { page: ask.page, row, waiting })
}
