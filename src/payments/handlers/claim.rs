//! What a payer claims in the form of a payment: read, cleaned, and what is wrong said beside its field.

use uuid::Uuid;

use crate::{
    ids::{PaymentMethodId, ReceiptId},
    locale::Tr,
    money::{AmountError, Toman},
    payments::{self, MAX_HASH, MAX_NOTE, MAX_TRACKING_NUMBER, NewPayment},
    persian::{clean_number, is_invisible, latin_digits, normalize},
    web::Fields,
};

/// Whether the form still claims what it claimed when it was taken.
pub fn is_that_claim(form: &Fields, before: &payments::Claimed) -> bool {
    Toman::parse(form.get("amount")) == Ok(before.amount)
        && clean_number(form.get("tracking_number")) == before.tracking_number.as_deref().unwrap_or_default()
        && clean_hash(form.get("transaction_hash")) == before.transaction_hash.as_deref().unwrap_or_default()
}

/// Reads the claim; what is wrong is said beside its field.
pub fn read_claim(
    form: &mut Fields,
    t: &Tr,
    request_id: Uuid,
    receipt: Option<ReceiptId>,
) -> Option<NewPayment> {
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
