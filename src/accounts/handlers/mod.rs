//! Signing in and out, preferences, one's own account.

mod password;
mod preferences;
mod sign_in;

use axum::routing::{get, post};

use crate::web::doors::{MemberDoor, PublicDoor, Routes, is_own_path};

/// What everyone may reach.
pub fn public_routes() -> Routes<PublicDoor> {
    Routes::new()
        .route("/", get(sign_in::root))
        .route("/login", get(sign_in::new).post(sign_in::create))
        .route("/sign-out", post(sign_in::destroy))
        .route("/preferences", post(preferences::update))
}

/// What every person who is signed in may reach.
pub fn member_routes() -> Routes<MemberDoor> {
    Routes::new().route("/account", get(password::show)).route("/account/password", post(password::update))
}

/// A waiting time is told in whole minutes, rounded up, so that who waits as told is let in.
pub(super) fn round_up(wait: std::time::Duration) -> time::Duration {
    time::Duration::minutes(i64::try_from(wait.as_secs().div_ceil(60)).unwrap_or(1).max(1))
}

pub(super) fn destination<'a>(next: &'a str, home: &'a str) -> &'a str {
    if is_own_path(next) && next != "/" { next } else { home }
}
