//! Sessions: a cookie names a row in PostgreSQL, that row names a sign-in, and the sign-in names the person.
//!
//! Invariant: a session without a sign-in that is still open is worth nothing, whatever the store says of it. A
//! half-open one has no sign-in: it opens no page but the one that asks for the code.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower_sessions::{
    Expiry, Session, SessionManagerLayer,
    cookie::{SameSite, time::Duration},
};
use uuid::Uuid;

use crate::{calendar::Time, ids::UserId};

use super::{
    AppError, AppState, Page, PageResult,
    client::Preferences,
    doors::is_own_path,
    html,
    session_store::HashedStore,
    view_as,
    viewer::{self, Viewer},
};

const SIGN_IN: &str = "sign_in";
const SEEN: &str = "seen";
const HALF_OPEN: &str = "half_open";
/// So long the code may take after the password.
const HALF_OPEN_MINUTES: i64 = 10;
/// How long a session lives after its last day of use.
const DAYS: i64 = 7;

/// The session layer. `secure` is off only for plain HTTP on the loopback address.
pub fn layer(store: HashedStore, secure: bool) -> SessionManagerLayer<HashedStore> {
    SessionManagerLayer::new(store)
        .with_name(if secure { "__Host-session" } else { "session" })
        .with_http_only(true)
        .with_secure(secure)
        .with_same_site(SameSite::Strict)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(Duration::days(DAYS)))
}

/// Begins the session of a sign-in, under a new id, so that an id known from before is worth nothing.
///
/// # Errors
/// [`AppError::Unavailable`] when the session can't be stored.
pub async fn begin(session: &Session, sign_in: Uuid) -> Result<(), AppError> {
    session.cycle_id().await?;
    session.remove::<HalfOpen>(HALF_OPEN).await?;
    session.insert(SIGN_IN, sign_in).await?;
    session.set_expiry(Some(Expiry::OnInactivity(Duration::days(DAYS))));
    Ok(())
}

/// Whose password was right, while the code of her second factor is waited for.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct HalfOpen {
    pub user: UserId,
    /// What the password step found: worth nothing once the password has been changed.
    pub proof: String,
    /// Where she wanted to go.
    pub next: String,
    /// When the password was right, Unix seconds.
    since: i64,
}

/// Begins the second step of a sign-in, under a new id. Whoever was signed in here is no longer.
///
/// # Errors
/// [`AppError::Unavailable`] when the session can't be stored.
pub async fn begin_half(
    session: &Session,
    user: UserId,
    proof: String,
    next: String,
    now: Time,
) -> Result<(), AppError> {
    session.cycle_id().await?;
    session.remove::<Uuid>(SIGN_IN).await?;
    session.insert(HALF_OPEN, HalfOpen { user, proof, next, since: now.unix_timestamp() }).await?;
    session.set_expiry(Some(Expiry::OnInactivity(Duration::hours(1))));
    Ok(())
}

/// The second step that is under way, if there is one.
///
/// # Errors
/// [`AppError::Unavailable`] when the session can't be read.
pub async fn half_open(session: &Session, now: Time) -> Result<Option<HalfOpen>, AppError> {
    let half = session.get::<HalfOpen>(HALF_OPEN).await?;
    Ok(half.filter(|half| now.unix_timestamp() - half.since <= HALF_OPEN_MINUTES * 60))
}

/// Ends the session on this device.
///
/// # Errors
/// [`AppError::Unavailable`] when the session can't be removed.
pub async fn end(session: &Session) -> Result<(), AppError> {
    Ok(session.flush().await?)
}

/// The layer that finds out who asks, once per request.
pub async fn identify(
    State(app): State<AppState>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    if comes_from_elsewhere(&request) {
        return arrive(&app, &request).unwrap_or_else(IntoResponse::into_response);
    }
    let viewer = match find_viewer(&app, &session).await {
        Ok(viewer) => viewer,
        Err(error) => return error.into_response(),
    };
    let Some(viewer) = viewer else { return next.run(request).await };
    app.remember_shop_name(&viewer.shop_name);
    let preferences = Preferences::read(request.headers()).of(&viewer);
    let mut response = match view_as::current(&app, &session, &viewer).await {
        Ok(Some(_)) if !view_as::allows(&request) => AppError::OnlyLooking.into_response(),
        Ok(viewing) => {
            if let Some(viewing) = viewing {
                request.extensions_mut().insert(viewing);
            }
            request.extensions_mut().insert(viewer);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    };
    response.extensions_mut().insert(preferences);
    response
}

async fn find_viewer(app: &AppState, session: &Session) -> Result<Option<Viewer>, AppError> {
    let Some(sign_in) = session.get::<Uuid>(SIGN_IN).await? else { return Ok(None) };
    let Some(viewer) = viewer::find(&app.db, sign_in).await? else { return Ok(None) };
    // Writing renews the seven days; once a day is enough, and a page view stays a read.
    let today = app.clock.now().date().to_julian_day();
    if session.get::<i32>(SEEN).await? != Some(today) {
        session.insert(SEEN, today).await?;
    }
    Ok(Some(viewer))
}

/// A link in Telegram or on another site: the browser withholds the Strict cookie on such a first request.
fn comes_from_elsewhere(request: &Request) -> bool {
    let is = |name: &str, value: &str| {
        request.headers().get(name).is_some_and(|v| v.as_bytes() == value.as_bytes())
    };
    request.method() == Method::GET
        && is("sec-fetch-site", "cross-site")
        && is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document")
        && !has_session_cookie(request.headers())
}

fn has_session_cookie(headers: &HeaderMap) -> bool {
    let jar = axum_extra::extract::CookieJar::from_headers(headers);
    jar.get("session").is_some() || jar.get("__Host-session").is_some()
}

#[derive(askama::Template)]
#[template(path = "errors/arrival.html")]
struct ArrivalPage {
    page: Page,
    address: String,
}

/// A page of our own that leads to the same address: that second request is same-site and bears the cookie.
fn arrive(app: &AppState, request: &Request) -> PageResult {
    let preferences = Preferences::read(request.headers());
    let address = request.uri().path_and_query().map_or("/", |p| p.as_str());
    // `//elsewhere.example` would be an address of another site.
    let address = if is_own_path(address) { address } else { "/" }.to_owned();
    let t = preferences.tr();
    let page =
        Page::without_viewer(app, preferences, t.layout_arrival_title(), request.uri().path().to_owned());
    html(&ArrivalPage { page, address })
}
