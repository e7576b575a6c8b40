//! Payments: from the form to the ledger, and everything that must not happen on the way.

mod concurrency;
mod decisions;
mod files;
mod form;
mod history;
mod limits;
mod own_wallet;
mod queue;
mod queue_live;
mod sequences;
mod submission;
mod wallet_page;

use rad_panel::{
    ids::{PaymentId, PaymentMethodId, ReceiptId, UserId},
    ledger::{self, EntryType},
    money::Toman,
    payment_methods,
    payments::{self, NewPayment, SubmitError, Submitted},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::receipts::pictures;
use crate::support::{Answer, Client, Part, TestApp};

/// A card without limits.
pub async fn card(db: &PgPool, alias: &str) -> PaymentMethodId {
    limited_card(db, alias, None, None).await
}

/// A card with a daily count and a daily amount (Toman).
pub async fn limited_card(
    db: &PgPool,
    alias: &str,
    count: Option<i32>,
    amount: Option<i64>,
) -> PaymentMethodId {
    sqlx::query_scalar!(
        r#"INSERT INTO payment_methods (type, alias, holder, bank, card_number, daily_limit_count, daily_limit_amount)
           VALUES ('CARD', $1, 'سارا احمدی', 'بانک ملی', '6037991234567893', $2, $3)
           RETURNING id AS "id: PaymentMethodId""#,
        alias,
        count,
        amount
    )
    .fetch_one(db)
    .await
    .unwrap()
}

/// A crypto address with a bonus of 10 %.
pub async fn crypto(db: &PgPool) -> PaymentMethodId {
    sqlx::query_scalar!(
        r#"INSERT INTO payment_methods (type, alias, coin, network, wallet_address, bonus_percent)
           VALUES ('CRYPTO', 'تتر', 'USDT', 'TRC20', 'TXYZabcdefghijkmnopqrstuvwxyz12345', 10)
           RETURNING id AS "id: PaymentMethodId""#
    )
    .fetch_one(db)
    .await
    .unwrap()
}

/// The row of a receipt that nobody looks at.
pub async fn receipt(db: &PgPool, user: UserId) -> ReceiptId {
    let key = Uuid::new_v4();
    let sha256: Vec<u8> = [key.as_bytes().as_slice(), key.as_bytes().as_slice()].concat();
    sqlx::query_scalar!(
        r#"INSERT INTO receipts (storage_key, uploaded_by, content_type, size_bytes, sha256, created_at)
           VALUES ($1, $2, 'application/pdf', 100, $3, now()) RETURNING id AS "id: ReceiptId""#,
        key,
        user.0,
        sha256
    )
    .fetch_one(db)
    .await
    .unwrap()
}

/// A claim to have paid `toman` to `method`, with a fresh receipt.
pub async fn claim(db: &PgPool, user: UserId, method: PaymentMethodId, toman: i64) -> NewPayment {
    NewPayment {
        request_id: Uuid::new_v4(),
        method,
        amount: Toman(toman),
        tracking_number: None,
        transaction_hash: None,
        note: String::new(),
        receipt: receipt(db, user).await,
    }
}

/// Draws a method and submits a claim of `toman`, as the pages do.
pub async fn try_pay(app: &TestApp, user: UserId, toman: i64) -> Result<Submitted, SubmitError> {
    let now = app.clock.now();
    let method = payment_methods::draw(&app.db, user, None, now).await.unwrap().expect("a method with room");
    let mut new = claim(&app.db, user, method.id, toman).await;
    if method.needs_hash() {
        new.transaction_hash = Some(new.request_id.simple().to_string());
    }
    payments::submit(&app.db, user, &new, now).await
}

/// The same, when nothing stands in its way.
pub async fn pay(app: &TestApp, user: UserId, toman: i64) -> PaymentId {
    try_pay(app, user, toman).await.unwrap().id
}

/// The wallet as (confirmed, pending), Toman.
pub async fn wallet(app: &TestApp, user: UserId) -> (i64, i64) {
    let balance = app.balance(user).await;
    (balance.confirmed.0, balance.pending.0)
}

/// The rows that a payment made: type, change of confirmed and of pending credit.
pub async fn rows(app: &TestApp, payment: PaymentId) -> Vec<(EntryType, i64, i64)> {
    let mut conn = app.db.acquire().await.unwrap();
    let entries = ledger::entries_of_payment(&mut conn, payment).await.unwrap();
    entries.iter().map(|row| (row.entry_type, row.confirmed_delta.0, row.pending_delta.0)).collect()
}

/// The form of a payment as a browser holds it: what is hidden in it, and what is typed.
#[derive(Clone)]
pub struct Form {
    /// Where it is sent.
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    /// Opens the form.
    pub async fn open(client: &Client) -> Self {
        Self::of(&client.get("/agent/wallet/charge").await.expect(200))
    }

    /// The form of this page, with all that stands in it.
    pub fn of(page: &Answer) -> Self {
        let form = "form[data-upload]";
        let inputs = format!("{form} input[name]:not([type=file])");
        let names = page.attributes(&inputs, "name");
        let values = page.attributes(&inputs, "value");
        assert!(names.len() == values.len() && names.len() >= 4, "no form in {}", page.body);
        let mut fields: Vec<_> = names.into_iter().zip(values).collect();
        fields.push(("note".to_owned(), page.text(&format!("{form} textarea"))));
        Self { action: page.attribute(form, "action"), fields }
    }

    pub fn value(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Types into a field.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends the form without a file, as a browser does when none was chosen.
    pub async fn send(&self, client: &Client) -> Answer {
        self.send_file(client, "", b"").await
    }

    /// Sends the form with a file.
    pub async fn send_file(&self, client: &Client, name: &str, content: &[u8]) -> Answer {
        let mut parts: Vec<Part> = self.fields.iter().map(|(name, value)| Part::Field(name, value)).collect();
        parts.push(Part::File("receipt", name, "application/octet-stream", content));
        client.post_multipart(&self.action, &parts).await
    }
}

/// A screenshot of a receipt, as PNG.
pub fn screenshot(number: u64) -> Vec<u8> {
    pictures::encode(&pictures::receipt(number), image::ImageFormat::Png)
}

/// The payments of this payer, oldest first.
pub async fn payments_of(app: &TestApp, user: UserId) -> Vec<PaymentId> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id: PaymentId" FROM payments WHERE user_id = $1 ORDER BY id"#,
        user.0
    )
    .fetch_all(&app.db)
    .await
    .unwrap()
}
