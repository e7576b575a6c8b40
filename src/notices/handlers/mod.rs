//! The pages of notices: everyone's list and choices, the owner's bot and mail server.

mod admin;
mod index;
mod own;

use axum::routing::{get, post};

use super::couriers::{Failure, Problem};
use crate::{
    locale::Tr,
    web::doors::{AdminDoor, MemberDoor, Routes},
};

/// Where a person chooses what she is sent.
const OWN: &str = "/account/notices";
/// Where the owner sets the bot and the mail server.
const ADMIN: &str = "/admin/settings/notices";

/// What everyone who is signed in may reach.
pub fn member_routes() -> Routes<MemberDoor> {
    Routes::new()
        .route("/notices", get(index::index))
        .route("/notices/bell", get(index::bell))
        .route("/notices/reading", post(index::create_reading))
        .route("/notices/{id}/opening", post(index::create_opening))
        .route(OWN, get(own::show).post(own::update))
        .route("/account/notices/telegram", get(own::show_telegram).post(own::create_telegram))
        .route("/account/notices/telegram/removal", post(own::remove_telegram))
        .route("/account/notices/email", post(own::create_email))
        .route("/account/notices/email/code", post(own::create_code))
        .route("/account/notices/email/removal", post(own::remove_email))
}

/// What admins may reach.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new()
        .route(ADMIN, get(admin::show))
        .route("/admin/settings/notices/telegram", post(admin::update_telegram))
        .route("/admin/settings/notices/telegram/test", post(admin::test_telegram))
        .route("/admin/settings/notices/mail", post(admin::update_mail))
        .route("/admin/settings/notices/mail/test", post(admin::test_mail))
}

/// What is wrong, in words for the owner.
fn trouble(t: &Tr, problem: Problem) -> String {
    match problem {
        Problem::Recipient => t.notices_trouble_recipient(),
        Problem::Token => t.notices_trouble_token(),
        Problem::SignIn => t.notices_trouble_sign_in(),
        Problem::Tls => t.notices_trouble_tls(),
        Problem::Busy => t.notices_trouble_busy(),
        Problem::Server => t.notices_trouble_server(),
        Problem::Network => t.notices_trouble_network(),
        Problem::Proxy => t.notices_trouble_proxy(),
        Problem::Refused => t.notices_trouble_refused(),
    }
}

/// The same with the other side's own words.
fn trouble_of(t: &Tr, failure: &Failure) -> String {
    format!("{} ({})", trouble(t, failure.problem), failure.detail)
}
