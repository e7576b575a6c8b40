//! For everyone signed in: receipts, to those who may see them, and amounts in words.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use axum_extra::extract::Query;

use crate::{
    ids::ReceiptId,
    locale::{Language, Tr},
    money::Toman,
    payments::queries,
    receipts::Variant,
    web::{AppError, AppState, Member, Page, PageResult, Role, html},
};

/// Even if a browser took a receipt for a page, it could neither run nor load anything.
const RECEIPT_CSP: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'";

pub async fn show_receipt(State(app): State<AppState>, viewer: Member, Path(id): Path<i64>) -> PageResult {
    file(&app, &viewer, id, Variant::Full).await
}

pub async fn show_thumbnail(State(app): State<AppState>, viewer: Member, Path(id): Path<i64>) -> PageResult {
    file(&app, &viewer, id, Variant::Thumbnail).await
}

async fn file(app: &AppState, viewer: &Member, id: i64, variant: Variant) -> PageResult {
    let mut conn = app.db.acquire().await?;
    let receipt =
        queries::receipt_for(&mut conn, ReceiptId(id), viewer.id, viewer.role == Role::Admin).await?;
    drop(conn);
    let receipt = receipt.ok_or(AppError::NotFound)?;
    let bytes = app.receipts.open(receipt.storage_key, variant).await.map_err(AppError::internal)?;
    let bytes = bytes.ok_or(AppError::NotFound)?;
    let content_type = match variant {
        Variant::Full => receipt.content_type.mime(),
        Variant::Thumbnail => "image/jpeg",
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(RECEIPT_CSP));
    // Scrolling through the queue shall not load the same picture again; afterwards the right to see it is
    // asked for anew.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=600"));
    Ok(response)
}

/// An amount in words, and in Rial for bank apps.
#[derive(Template)]
#[template(path = "payments/_amount_words.html")]
pub struct AmountWords {
    pub page: Page,
    pub amount: Option<Toman>,
}

impl AmountWords {
    /// The words for what was typed; nothing while it is no amount.
    pub fn of(page: Page, typed: &str) -> Self {
        Self { page, amount: Toman::parse(typed).ok().filter(|amount| *amount > Toman::ZERO) }
    }

    /// The Rial amount as it is read while it is typed into another app: Latin digits, grouped.
    fn rial_shown(&self) -> String {
        Tr::new(Language::En).number(self.amount.unwrap_or_default().rial())
    }
}

#[derive(serde::Deserialize)]
pub struct Typed {
    #[serde(default)]
    amount: String,
}

pub async fn amount_in_words(
    _: Member,
    page: Page,
    Query(typed): Query<Typed>,
) -> Result<Response, AppError> {
    html(&AmountWords::of(page, &typed.amount))
}
