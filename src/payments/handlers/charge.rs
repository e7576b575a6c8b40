//! The form of a payment. What was typed and uploaded survives every error and a session that ran out.

use askama::Template;
use axum::{
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::{Ask, member::AmountWords};
use crate::{
    ids::{PaymentMethodId, ReceiptId},
    locale::Tr,
    money::{AmountError, Toman},
    payment_methods::{self, PaymentMethod, Refusal},
    payments::{self, MAX_HASH, MAX_NOTE, MAX_TRACKING_NUMBER, NewPayment, SubmitError, queries},
    persian::{clean_number, is_invisible, latin_digits, normalize},
    receipts::{MAX_BYTES, Receipt, ReceiptError},
    settings::{self, Settings},
    web::{
        Agent, AppError, AppState, Fields, Page, PageResult, Viewer, drafts,
        forms::{self, Upload, UploadedFile},
        html,
        page::flash,
        see_other,
    },
};

/// Where the form stands.
pub const FORM: &str = "/agent/wallet/charge";
/// Where it is sent to; without JavaScript a form with errors stands there.
const TARGET: &str = "/agent/payments";

#[derive(Template)]
#[template(path = "payments/charge.html")]
struct ChargePage {
    page: Page,
    form: Fields,
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

pub async fn new(ask: Ask<Agent>) -> PageResult {
    let mut form = drafts::take(&ask.session, FORM).await?;
    if form.value("amount").is_empty() {
        let elsewhere = drafts::take(&ask.session, TARGET).await?;
        if !elsewhere.value("amount").is_empty() {
            form = elsewhere;
        }
    }
    let now = ask.app.clock.now();
    let method = if ask.who.is_viewed {
        // Drawing would hold a place that is the payer's.
        payment_methods::drawn(&mut *ask.app.db.acquire().await?, ask.who.id, now).await?
    } else {
        payment_methods::draw(&ask.app.db, ask.who.id, None, now).await?
    };
    show(&ask.app, &ask.who, ask.page, form, method).await
}

async fn show(
    app: &AppState,
    viewer: &Viewer,
    page: Page,
    mut form: Fields,
    method: Option<PaymentMethod>,
) -> PageResult {
    let t = page.t;
    form.set_default("request_id", Uuid::new_v4().to_string());
    let mut conn = app.db.acquire().await?;
    let Settings { payment_min, payment_max, .. } = settings::get(&mut conn).await?;
    let note = settings::texts(&mut conn).await?.charge_note;
    let kept = match form.get("receipt_id").parse() {
        Ok(id) => queries::unused_receipt(&mut conn, ReceiptId(id), viewer.id).await?,
        Err(_) => None,
    };
    let room = method.as_ref().and_then(|method| method.room).unwrap_or(payment_max);
    html(&ChargePage {
        words: AmountWords::of(page.clone(), form.value("amount")),
        min: t.amount(payment_min),
        max: t.amount(payment_max.min(room)),
        sent: !form.is_ok(),
        page: page.titled(t.payments_charge()),
        form,
        method,
        note,
        kept,
    })
}

pub async fn create(ask: Ask<Agent>, request: Request) -> PageResult {
    let Upload { fields: mut form, file } = forms::read(request, &ask.app, MAX_BYTES).await?;
    let (t, now, payer) = (ask.page.t, ask.app.clock.now(), ask.who.id);
    let request_id = form.request_id()?;
    let before = payments::find_submitted(&mut *ask.app.db.acquire().await?, payer, request_id).await?;
    if let Some(before) = before {
        if is_that_claim(&form, &before) {
            return accepted(&ask, before.amount).await;
        }
        // She went back and typed another payment into a form that was taken: nothing of it may be dropped unsaid.
        form.set("request_id", Uuid::new_v4().to_string());
        form.fail("amount", t.payments_form_used(t.amount(before.amount)));
    }
    let receipt = read_receipt(&ask, &mut form, file).await?;
    let new = read_claim(&mut form, &t, request_id, receipt);
    let mut wanted = None;
    if let Some(new) = new {
        match payments::submit(&ask.app.db, ask.actor(payer), &new, now).await {
            Ok(_) => return accepted(&ask, new.amount).await,
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
    let page = show(&ask.app, &ask.who, ask.page, form, method).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Whether the form still claims what it claimed when it was taken.
fn is_that_claim(form: &Fields, before: &payments::Claimed) -> bool {
    Toman::parse(form.get("amount")) == Ok(before.amount)
        && clean_number(form.get("tracking_number")) == before.tracking_number.as_deref().unwrap_or_default()
        && clean_hash(form.get("transaction_hash")) == before.transaction_hash.as_deref().unwrap_or_default()
}

/// Leads back to the wallet, where the amount is said in words once more: a nought too many shows.
async fn accepted(ask: &Ask<Agent>, amount: Toman) -> Result<Response, AppError> {
    let t = ask.page.t;
    flash(&ask.session, "ok", t.payments_submitted(amount.in_words(t.language))).await?;
    Ok(see_other(ask.hx, "/agent/wallet"))
}

/// The receipt of the form: the new file, or the one that was kept from an attempt before.
async fn read_receipt(
    ask: &Ask<Agent>,
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

/// Reads the claim; what is wrong is said beside its field.
fn read_claim(form: &mut Fields, t: &Tr, request_id: Uuid, receipt: Option<ReceiptId>) -> Option<NewPayment> {
    let amount = match Toman::parse(form.get("amount")) {
        Ok(amount) => amount,
        Err(error) => {
            form.fail("amount", amount_error(t, error));
            Toman::ZERO
        }
    };
    let tracking_number = clean_number(form.get("tracking_number"));
    if tracking_number.chars().count() > MAX_TRACKING_NUMBER {
        form.fail("tracking_number", t.payments_tracking_too_long(t.digits(MAX_TRACKING_NUMBER)));
    }
    let transaction_hash = clean_hash(form.get("transaction_hash"));
    let is_hash =
        transaction_hash.len() <= MAX_HASH && transaction_hash.chars().all(|c| c.is_ascii_graphic());
    if !is_hash {
        form.fail("transaction_hash", t.payments_hash_wrong());
    }
    let note = normalize(form.get("note"));
    if note.chars().count() > MAX_NOTE {
        form.fail("note", t.payments_note_too_long(t.digits(MAX_NOTE)));
    }
    let method = form.get("payment_method_id").parse().map(PaymentMethodId).unwrap_or(PaymentMethodId(0));
    let receipt = receipt.filter(|_| form.is_ok())?;
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let (tracking_number, transaction_hash) = (some(tracking_number), some(transaction_hash));
    Some(NewPayment { request_id, method, amount, tracking_number, transaction_hash, note, receipt })
}

/// A hash as it is stored and compared: without blanks; hexadecimal ones in small letters and without `0x`.
fn clean_hash(typed: &str) -> String {
    let hash: String =
        latin_digits(typed).chars().filter(|c| !c.is_whitespace() && !is_invisible(*c)).collect();
    let bare = hash.strip_prefix("0x").or_else(|| hash.strip_prefix("0X")).unwrap_or(&hash);
    if !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_hexdigit()) { bare.to_lowercase() } else { hash }
}

/// Why what was typed is no amount.
pub fn amount_error(t: &Tr, error: AmountError) -> String {
    match error {
        AmountError::Empty => t.payments_amount_missing(),
        AmountError::NotANumber => t.payments_amount_not_a_number(),
        AmountError::Negative => t.payments_amount_negative(),
        AmountError::TooLarge => t.payments_amount_too_large(),
    }
}

/// Says beside the field why nothing was submitted. Returns the amount that another method is looked for.
fn explain(form: &mut Fields, t: &Tr, error: SubmitError, amount: Toman) -> Result<Option<Toman>, AppError> {
    match error {
        SubmitError::AmountOutOfRange { min, max } => {
            form.fail("amount", t.payments_amount_out_of_range(t.amount(max), t.amount(min)));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hash_has_one_spelling() {
        for typed in ["0xABCDEF01", "abcdef01", " ABCD EF۰۱\u{200f}", "0XabcdEF01"] {
            assert_eq!(clean_hash(typed), "abcdef01", "{typed}");
        }
        assert_eq!(
            clean_hash("5Kd3NBUAdUnhyzenEwVLy9pBKxSwXvE9FMPyR4UKZvpe"),
            "5Kd3NBUAdUnhyzenEwVLy9pBKxSwXvE9FMPyR4UKZvpe"
        );
        assert_eq!(clean_hash("0x"), "0x");
    }
}
