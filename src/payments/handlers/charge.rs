//! The form of a payment. What was typed and uploaded survives every error and a session that ran out.

use askama::Template;
use axum::{
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use axum_extra::extract::Query;
use uuid::Uuid;

use super::{
    Ask,
    claim::{is_that_claim, read_claim},
    member::AmountWords,
    payer::{Area, Payer},
    purpose::{self, Purpose},
};
use crate::{
    ids::ReceiptId,
    locale::Tr,
    money::Toman,
    payment_methods::{self, PaymentMethod, Refusal},
    payments::{self, SubmitError, queries},
    receipts::{MAX_BYTES, Receipt, ReceiptError},
    settings::{self, Settings},
    web::{
        AppError, Fields, Page, PageResult, drafts,
        forms::{self, Upload, UploadedFile},
        html,
        page::flash,
        see_other,
    },
};

#[derive(Template)]
#[template(path = "payments/charge.html")]
struct ChargePage {
    page: Page,
    area: Area,
    form: Fields,
    purpose: Purpose,
    method: Option<PaymentMethod>,
    /// What the shop says to its payers; may be empty.
    note: String,
    /// Uploaded with this form before.
    kept: Option<Receipt>,
    words: AmountWords,
    /// A form that was sent stays, even when there is no card for it right now.
    sent: bool,
    min: String,
    max: String,
}

impl ChargePage {
    fn needs_hash(&self) -> bool {
        self.method.as_ref().is_some_and(PaymentMethod::needs_hash)
    }
}

/// What the address of the form says.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct ChargeQuery {
    /// The order that is to be paid for.
    order: Option<i64>,
    /// What is to be paid, Toman, as in a payment that was rejected.
    amount: Option<i64>,
}

pub async fn new<P: Payer>(ask: Ask<P>, Query(query): Query<ChargeQuery>) -> PageResult {
    let mut form = drafts::take(&ask.session, P::AREA.charge).await?;
    if form.value("amount").is_empty() {
        let elsewhere = drafts::take(&ask.session, P::AREA.payments).await?;
        if !elsewhere.value("amount").is_empty() {
            form = elsewhere;
        }
    }
    if let Some(order) = query.order {
        form.set(purpose::ORDER, order.to_string());
    }
    let mut conn = ask.app.db.acquire().await?;
    let purpose = Purpose::read(&mut conn, ask.who.id, &form).await?;
    let (due, min) = (purpose.due(), settings::get(&mut conn).await?.payment_min);
    drop(conn);
    // Nothing to be paid for it: its own page says why.
    if let (Some(page), None) = (purpose.order_page(), due.filter(|_| purpose.waits())) {
        return Ok(see_other(ask.hx, &page));
    }
    if let Some(amount) = due.map(|due| due.max(min)).or(query.amount.map(Toman)) {
        form.set_default("amount", ask.page.t.number(amount.0));
    }
    let method = if purpose.is_closed { None } else { first_draw(&ask, due).await? };
    show(&ask, form, method, purpose).await
}

/// A method that takes all of it; where none does today, one that takes a part.
async fn first_draw<P: Payer>(ask: &Ask<P>, due: Option<Toman>) -> Result<Option<PaymentMethod>, AppError> {
    let (db, now) = (&ask.app.db, ask.app.clock.now());
    if ask.who.is_viewed {
        // Drawing would hold a place that is the payer's.
        return Ok(payment_methods::drawn(&mut *db.acquire().await?, ask.who.id, now).await?);
    }
    let method = payment_methods::draw(db, ask.who.id, due, now).await?;
    if method.is_some() || due.is_none() {
        return Ok(method);
    }
    Ok(payment_methods::draw(db, ask.who.id, None, now).await?)
}

async fn show<P: Payer>(
    ask: &Ask<P>,
    mut form: Fields,
    method: Option<PaymentMethod>,
    purpose: Purpose,
) -> PageResult {
    let page = ask.page.clone();
    let t = page.t;
    form.set_default("request_id", Uuid::new_v4().to_string());
    let mut conn = ask.app.db.acquire().await?;
    let Settings { payment_min, payment_max, .. } = settings::get(&mut conn).await?;
    let note = settings::texts(&mut conn).await?.charge_note;
    let kept = match form.get("receipt_id").parse() {
        Ok(id) => queries::unused_receipt(&mut conn, ReceiptId(id), ask.who.id).await?,
        Err(_) => None,
    };
    let room = method.as_ref().and_then(|method| method.room).unwrap_or(payment_max);
    let title = if purpose.order.is_some() { t.payments_pay_order() } else { t.payments_charge() };
    html(&ChargePage {
        words: AmountWords::of(page.clone(), form.value("amount")),
        min: t.amount(payment_min),
        max: t.amount(payment_max.min(room)),
        sent: !form.is_ok(),
        page: page.titled(title),
        area: P::AREA,
        form,
        purpose,
        method,
        note,
        kept,
    })
}

pub async fn create<P: Payer>(ask: Ask<P>, request: Request) -> PageResult {
    let Upload { fields: mut form, file } = forms::read(request, &ask.app, MAX_BYTES).await?;
    let (t, now, payer) = (ask.page.t, ask.app.clock.now(), ask.who.id);
    let request_id = form.request_id()?;
    let mut conn = ask.app.db.acquire().await?;
    let mut purpose = Purpose::read(&mut conn, payer, &form).await?;
    let before = payments::find_submitted(&mut conn, payer, request_id).await?;
    drop(conn);
    if let Some(before) = before {
        if is_that_claim(&form, &before) {
            return accepted(&ask, before.amount, &purpose).await;
        }
        // She went back and typed another payment into a form that was taken: nothing of it may be dropped unsaid.
        form.set("request_id", Uuid::new_v4().to_string());
        form.fail("amount", t.payments_form_used(t.amount(before.amount)));
    }
    let receipt = read_receipt(&ask, &mut form, file).await?;
    let new = read_claim(&mut form, &t, request_id, receipt);
    let mut wanted = None;
    if let Some(new) = new {
        let by = ask.actor(payer);
        let outcome = match purpose.order_id() {
            Some(order) => payments::submit_for_order(&ask.app.db, by, &new, order, now).await,
            None => payments::submit(&ask.app.db, by, &new, now).await,
        };
        match outcome {
            Ok(_) => return accepted(&ask, new.amount, &purpose).await,
            Err(SubmitError::OrderNotWaiting) => purpose.lose_order(&mut form, &t),
            Err(error) => wanted = explain(&mut form, &t, error, new.amount)?,
        }
    }
    // She may have paid to the card that she saw: it stays while it has room, however long the form took.
    payment_methods::stay(&mut *ask.app.db.acquire().await?, payer, now).await?;
    let mut method = payment_methods::draw(&ask.app.db, payer, wanted, now).await?;
    if let (None, Some(amount)) = (&method, wanted) {
        // No method takes this amount today, but one may take a part of it.
        method = payment_methods::draw(&ask.app.db, payer, None, now).await?;
        form.fail("amount", t.payments_too_much_today(t.amount(amount)));
    }
    let shown = form.get("payment_method_id").to_owned();
    if method.as_ref().is_some_and(|method| method.id.to_string() != shown) {
        form.fail("method", t.payments_method_changed());
    }
    let page = show(&ask, form, method, purpose).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Leads back to the wallet or to the order, where the amount is said in words once more: a nought too many shows.
async fn accepted<P: Payer>(ask: &Ask<P>, amount: Toman, purpose: &Purpose) -> Result<Response, AppError> {
    let t = ask.page.t;
    let words = amount.in_words(t.language);
    let (text, page) = match purpose.order_page() {
        Some(page) => (t.payments_submitted_for_order(words), page),
        None => (t.payments_submitted(words), P::AREA.wallet.to_owned()),
    };
    flash(&ask.session, "ok", text).await?;
    Ok(see_other(ask.hx, &page))
}

/// The receipt of the form: the new file, or the one that was kept from an attempt before.
async fn read_receipt<P: Payer>(
    ask: &Ask<P>,
    form: &mut Fields,
    file: UploadedFile,
) -> Result<Option<ReceiptId>, AppError> {
    let (app, t) = (&ask.app, ask.page.t);
    let stored = match file {
        UploadedFile::Bytes(bytes) => {
            payments::keep_receipt(&app.db, &app.receipts, ask.who.id, bytes, app.clock.now()).await
        }
        UploadedFile::TooLarge => Err(ReceiptError::TooLarge),
        UploadedFile::Missing => {
            let kept = form.get("receipt_id").parse().map(ReceiptId).ok();
            let mut conn = app.db.acquire().await?;
            let kept = match kept {
                Some(id) => queries::unused_receipt(&mut conn, id, ask.who.id).await?,
                None => None,
            };
            if kept.is_none() {
                form.fail("receipt", t.payments_receipt_missing());
            }
            return Ok(kept.map(|receipt| receipt.id));
        }
    };
    match stored {
        Ok(id) => {
            form.set("receipt_id", id.to_string());
            return Ok(Some(id));
        }
        Err(ReceiptError::Empty) => form.fail("receipt", t.payments_receipt_empty()),
        Err(ReceiptError::TooLarge) => form.fail("receipt", t.payments_receipt_too_large()),
        Err(ReceiptError::WrongType) => form.fail("receipt", t.payments_receipt_wrong_type()),
        Err(ReceiptError::TooManyPixels) => form.fail("receipt", t.payments_receipt_too_many_pixels()),
        Err(ReceiptError::Broken) => form.fail("receipt", t.payments_receipt_broken()),
        Err(ReceiptError::Database(error)) => return Err(error.into()),
        Err(error @ ReceiptError::Storage(_)) if error.is_storage_full() => {
            tracing::error!(%error, "the storage of receipts is full");
            form.fail("receipt", t.payments_receipt_no_room());
        }
        Err(error @ ReceiptError::Storage(_)) => return Err(AppError::internal(error)),
    }
    Ok(None)
}

/// Says beside the field why nothing was submitted. Returns the amount that another method is looked for.
fn explain(form: &mut Fields, t: &Tr, error: SubmitError, amount: Toman) -> Result<Option<Toman>, AppError> {
    match error {
        SubmitError::AmountOutOfRange { min, max } => {
            form.fail("amount", t.payments_amount_out_of_range(t.amount(max), t.amount(min)));
        }
        SubmitError::ChargingClosed => form.fail("method", t.payments_charging_closed()),
        SubmitError::OrderNotWaiting => form.fail("method", t.payments_order_gone()),
        SubmitError::Method(Refusal::Inactive) => form.fail("method", t.payments_method_inactive()),
        SubmitError::Method(Refusal::NotDrawn) => form.fail("method", t.payments_method_changed()),
        SubmitError::Method(Refusal::Full) => {
            form.fail("method", t.payments_method_full());
            return Ok(Some(amount));
        }
        SubmitError::MethodRoom { room } => {
            form.fail("method", t.payments_method_room(t.amount(room)));
            return Ok(Some(amount));
        }
        SubmitError::HashMissing => form.fail("transaction_hash", t.payments_hash_missing()),
        SubmitError::HashTaken => form.fail("transaction_hash", t.payments_hash_taken()),
        SubmitError::ReceiptUnusable => form.fail("receipt", t.payments_receipt_missing()),
        SubmitError::Database(error) => return Err(error.into()),
    }
    Ok(None)
}
