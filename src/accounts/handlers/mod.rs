//! Signing in and out, preferences, and what everybody does about her own account.

mod devices;
mod password;
mod preferences;
mod second_step;
mod sessions;
mod sign_in;
mod two_factor;

pub use self::password::StrengthPart;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{get, post},
};

use crate::{
    accounts,
    web::{
        AppError, AppState, Viewer,
        doors::{MemberDoor, PublicDoor, Routes, is_own_path},
    },
};

/// What everyone may reach.
pub fn public_routes() -> Routes<PublicDoor> {
    Routes::new()
        .route("/", get(sign_in::root))
        .route("/login", get(sign_in::new).post(sign_in::create))
        .route(second_step::PATH, get(second_step::new).post(second_step::create))
        .route("/sign-out", post(sign_in::destroy))
        .route("/preferences", post(preferences::update))
}

/// What every person who is signed in may reach.
pub fn member_routes() -> Routes<MemberDoor> {
    Routes::new()
        .route(password::PATH, get(password::show).post(password::update))
        .route("/account/password/strength", post(password::show_strength))
        .route(sessions::PATH, get(sessions::index))
        .route("/account/sessions/end", post(sessions::destroy_others))
        .route("/account/sessions/{id}/end", post(sessions::destroy))
        .route(two_factor::PATH, get(two_factor::show))
        .route(two_factor::ENROLMENT, get(two_factor::enrolment).post(two_factor::create_enrolment))
        .route("/account/two-factor/confirmation", post(two_factor::create))
        .route("/account/two-factor/codes", post(two_factor::update_codes))
        .route("/account/two-factor/end", post(two_factor::destroy))
}

/// The layer that notes, every few minutes, that a sign-in is being used.
pub async fn note_use(State(app): State<AppState>, request: Request, next: Next) -> Response {
    if let Some(viewer) = request.extensions().get::<Viewer>() {
        let (sign_in, last) = (viewer.sign_in, viewer.last_seen_at);
        if let Err(error) = accounts::note_use(&app.db, sign_in, last, app.clock.now()).await {
            return AppError::from(error).into_response();
        }
    }
    next.run(request).await
}

fn user_agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A waiting time is told in whole minutes, rounded up, so that who waits as told is let in.
fn round_up(wait: std::time::Duration) -> time::Duration {
    time::Duration::minutes(i64::try_from(wait.as_secs().div_ceil(60)).unwrap_or(1).max(1))
}

fn destination<'a>(next: &'a str, home: &'a str) -> &'a str {
    if is_own_path(next) && next != "/" { next } else { home }
}
