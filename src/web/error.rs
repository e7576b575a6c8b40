//! Errors that end a request. A handler returns them; one layer makes the page.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use axum_htmx::HxRequest;

use super::{AppState, Page, client::Preferences, forms};
use crate::locale::Tr;

/// What ends a request without its page. What a person reads is a message, so that a cause can't leak.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppError {
    #[error("not found")]
    NotFound,
    /// A part of a page for somebody who is not signed in, or no longer.
    #[error("signed out")]
    SignedOut,
    /// Signed in, but not for this.
    #[error("forbidden")]
    Forbidden,
    /// An admin looks at somebody's pages, and nothing can be changed meanwhile.
    #[error("only looking")]
    OnlyLooking,
    /// A form that another site sent.
    #[error("sent by another site")]
    CrossSite,
    /// The request is not one that our pages send.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// More was sent than any form of ours takes.
    #[error("too large")]
    TooLarge,
    /// The database can't be reached: it will pass.
    #[error("unavailable: {0}")]
    Unavailable(Arc<anyhow::Error>),
    /// No answer in time; what was begun has been given up.
    #[error("too slow")]
    Slow,
    #[error("internal: {0}")]
    Internal(Arc<anyhow::Error>),
}

impl AppError {
    /// A failure that no page can act on.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::Internal(Arc::new(cause.into()))
    }

    /// The error that an answer stands for: one of ours, or a refusal of a layer or an extractor, which speak
    /// no language and make no pages.
    fn of(response: &Response) -> Option<Self> {
        if let Some(error) = response.extensions().get::<Self>() {
            return Some(error.clone());
        }
        // It leads elsewhere, and needs no page.
        if response.headers().contains_key(axum_htmx::HX_REDIRECT) {
            return None;
        }
        let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        if !response.status().is_client_error() || kind.is_some_and(|kind| !kind.starts_with(b"text/plain")) {
            return None;
        }
        Some(match response.status() {
            StatusCode::FORBIDDEN => Self::CrossSite,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            // An address of ours with a strange id or query.
            _ => Self::BadRequest("refused by an extractor"),
        })
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::CrossSite | Self::OnlyLooking => StatusCode::FORBIDDEN,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable(_) | Self::Slow => StatusCode::SERVICE_UNAVAILABLE,
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
        // 22021: text that PostgreSQL can't hold, a NUL byte; no page of ours sends it.
        if matches!(&error, E::Database(e) if e.code().is_some_and(|code| code == "22021")) {
            return Self::BadRequest("text");
        }
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
    /// The way back is out of somebody's pages.
    only_looking: bool,
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
    let Some(error) = AppError::of(&response) else { return response };
    // A person who is known has chosen for herself, on whatever device.
    let preferences = response.extensions().get::<Preferences>().copied().unwrap_or(preferences);
    match &error {
        AppError::Internal(cause) => tracing::error!(%path, cause = format!("{cause:#}"), "request failed"),
        AppError::Unavailable(cause) => {
            tracing::warn!(%path, cause = format!("{cause:#}"), "database unavailable");
        }
        AppError::Slow => tracing::error!(%path, "no answer in time"),
        _ => tracing::debug!(%path, %error, "request refused"),
    }
    let status = error.status();
    let t = preferences.tr();
    let (heading, advice) = texts(&t, &error);
    let page = Page::without_viewer(&app, preferences, heading.clone(), path);
    let body = if hx.0 {
        ErrorFlash { text: format!("{heading} {advice}") }.render()
    } else {
        ErrorPage {
            page,
            code: t.digits(status.as_u16()),
            heading,
            advice,
            only_looking: matches!(error, AppError::OnlyLooking),
        }
        .render()
    };
    let body = body.unwrap_or_else(|error| {
        tracing::error!(%error, "the error page itself failed");
        String::new()
    });
    let mut answer = (status, Html(body)).into_response();
    let headers = answer.headers_mut();
    // The session may have been renewed by the very request that failed.
    for cookie in response.headers().get_all(header::SET_COOKIE) {
        headers.append(header::SET_COOKIE, cookie.clone());
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if hx.0 {
        headers.insert(HX_RETARGET, HeaderValue::from_static("#flash"));
        headers.insert(HX_RESWAP, HeaderValue::from_static("innerHTML"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    }
    answer
}

/// The layer that waits for an answer no longer than `timeout`, and ten times as long where a file comes with the
/// request, perhaps over a slow line. An answer that has begun may go on as long as it likes.
pub async fn after(timeout: Duration, request: Request, next: Next) -> Response {
    let timeout = if forms::is_multipart(request.headers()) { timeout * 10 } else { timeout };
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => AppError::Slow.into_response(),
    }
}

fn texts(t: &Tr, error: &AppError) -> (String, String) {
    match error {
        AppError::NotFound => (t.errors_not_found(), t.errors_not_found_advice()),
        AppError::SignedOut => (t.errors_signed_out(), t.errors_signed_out_advice()),
        AppError::Forbidden => (t.errors_forbidden(), t.errors_forbidden_advice()),
        AppError::OnlyLooking => (t.errors_only_looking(), t.errors_only_looking_advice()),
        AppError::CrossSite => (t.errors_cross_site(), t.errors_cross_site_advice()),
        AppError::BadRequest(_) => (t.errors_bad_request(), t.errors_bad_request_advice()),
        AppError::TooLarge => (t.errors_too_large(), t.errors_too_large_advice()),
        AppError::Unavailable(_) => (t.errors_unavailable(), t.errors_unavailable_advice()),
        AppError::Slow => (t.errors_slow(), t.errors_slow_advice()),
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
