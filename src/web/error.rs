//! Errors that end a request. A handler returns them; one layer makes the page.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Request, State},
    http::{HeaderName, StatusCode},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use axum_htmx::HxRequest;

use super::{AppState, Page, client::Preferences};
use crate::locale::Tr;

/// What ends a request without its page. What a person reads is a message, so that a cause can't leak.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppError {
    #[error("not found")]
    NotFound,
    /// Signed in, but not for this.
    #[error("forbidden")]
    Forbidden,
    /// The request is not one that our pages send.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// More was sent than any form of ours takes.
    #[error("too large")]
    TooLarge,
    /// The database can't be reached: it will pass.
    #[error("unavailable: {0}")]
    Unavailable(Arc<anyhow::Error>),
    #[error("internal: {0}")]
    Internal(Arc<anyhow::Error>),
}

impl AppError {
    /// A failure that no page can act on.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::Internal(Arc::new(cause.into()))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<sqlx::Error> for AppError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        let passing = match &error {
            E::Io(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::Tls(_) | E::Protocol(_) => {
                true
            }
            // 57P..: the server is shutting down or starting; 08...: connection; 53...: resources, a full disk.
            E::Database(e) => {
                e.code().is_some_and(|code| ["57P", "08", "53"].iter().any(|class| code.starts_with(class)))
            }
            _ => false,
        };
        let cause = Arc::new(anyhow::Error::from(error));
        if passing { Self::Unavailable(cause) } else { Self::Internal(cause) }
    }
}

impl From<tower_sessions::session::Error> for AppError {
    fn from(error: tower_sessions::session::Error) -> Self {
        // The store hides its cause; a session that can't be read is a database that can't be reached.
        Self::Unavailable(Arc::new(error.into()))
    }
}

impl IntoResponse for AppError {
    /// Status alone: [`render`] makes the page, because only it knows the person's language.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "errors/page.html")]
struct ErrorPage {
    page: Page,
    code: String,
    heading: String,
    advice: String,
}

#[derive(Template)]
#[template(path = "errors/_flash.html")]
struct ErrorFlash {
    text: String,
}

const HX_RETARGET: HeaderName = HeaderName::from_static("hx-retarget");
const HX_RESWAP: HeaderName = HeaderName::from_static("hx-reswap");

/// The layer that turns an [`AppError`] into what the asker can show: a page for a browser, for htmx a message
/// in `#flash` with the rest of the page left as it is.
pub async fn render(State(app): State<AppState>, hx: HxRequest, request: Request, next: Next) -> Response {
    let preferences = Preferences::read(request.headers());
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let Some(error) = response.extensions().get::<AppError>().cloned() else { return response };
    match &error {
        AppError::Internal(cause) => tracing::error!(%path, ?cause, "request failed"),
        AppError::Unavailable(cause) => tracing::warn!(%path, ?cause, "database unavailable"),
        _ => tracing::debug!(%path, %error, "request refused"),
    }
    let status = error.status();
    let t = Tr::new(preferences.language);
    let (heading, advice) = texts(&t, &error);
    let page = Page::without_viewer(&app, preferences, heading.clone(), path);
    let body = if hx.0 {
        ErrorFlash { text: format!("{heading} {advice}") }.render()
    } else {
        ErrorPage { page, code: t.digits(status.as_u16()), heading, advice }.render()
    };
    let body = body.unwrap_or_else(|error| {
        tracing::error!(%error, "the error page itself failed");
        String::new()
    });
    let mut answer = (status, Html(body)).into_response();
    if hx.0 {
        answer.headers_mut().insert(HX_RETARGET, axum::http::HeaderValue::from_static("#flash"));
        answer.headers_mut().insert(HX_RESWAP, axum::http::HeaderValue::from_static("innerHTML"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer
            .headers_mut()
            .insert(axum::http::header::RETRY_AFTER, axum::http::HeaderValue::from_static("10"));
    }
    answer
}

fn texts(t: &Tr, error: &AppError) -> (String, String) {
    match error {
        AppError::NotFound => (t.errors_not_found(), t.errors_not_found_advice()),
        AppError::Forbidden => (t.errors_forbidden(), t.errors_forbidden_advice()),
        AppError::BadRequest(_) => (t.errors_bad_request(), t.errors_bad_request_advice()),
        AppError::TooLarge => (t.errors_too_large(), t.errors_too_large_advice()),
        AppError::Unavailable(_) => (t.errors_unavailable(), t.errors_unavailable_advice()),
        AppError::Internal(_) => (t.errors_internal(), t.errors_internal_advice()),
    }
}

/// What a panic in a handler becomes.
pub fn from_panic(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default();
    AppError::internal(anyhow::anyhow!("a handler panicked: {text}")).into_response()
}
