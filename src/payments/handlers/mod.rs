//! Payments over HTTP, by audience.

mod admin;
mod agent;
mod charge;
mod history;
mod member;
mod queue;
mod statement;

use axum::{
    extract::DefaultBodyLimit,
    response::Redirect,
    routing::{get, post},
};

pub use self::statement::{StatementRow, type_label as entry_label};
use super::{Status, queries::OwnPayment};
use crate::{
    locale::Tr,
    web::{
        Ask, address,
        doors::{AdminDoor, AgentDoor, MemberDoor, Routes},
    },
};

/// A form with a receipt, bytes: what is too large for a receipt is still read to its end, so that the form
/// comes back with all that was typed.
const MAX_UPLOAD_FORM: usize = 64 * 1024 * 1024;

/// What every person who is signed in may reach.
pub fn member_routes() -> Routes<MemberDoor> {
    Routes::new()
        .route("/receipts/{id}", get(member::show_receipt))
        .route("/receipts/{id}/thumbnail", get(member::show_thumbnail))
        .route("/amount-in-words", get(member::amount_in_words))
}

/// The agent's wallet.
pub fn agent_routes() -> Routes<AgentDoor> {
    let create = post(charge::create).layer(DefaultBodyLimit::max(MAX_UPLOAD_FORM));
    Routes::new()
        .route("/agent/wallet", get(agent::wallet))
        .route("/agent/wallet/payments", get(agent::own_payments))
        .route("/agent/wallet/charge", get(charge::new))
        .route("/agent/payments", create.get(async || Redirect::to(charge::FORM)))
        .route("/agent/payments/{id}/withdrawal", post(agent::create_withdrawal))
}

/// The admin's queue and history.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new()
        .route("/admin/payments", get(queue::index))
        .route("/admin/payments/arrivals", get(queue::arrivals))
        .route("/admin/payments/history", get(history::index))
        .route("/admin/payments/{id}", get(admin::show))
        .route("/admin/payments/{id}/approval", post(admin::create_approval))
        .route("/admin/payments/{id}/rejection", post(admin::create_rejection))
}

impl Status {
    /// Its word on a page.
    pub fn label(self, t: &Tr) -> String {
        match self {
            Self::Pending => t.payments_status_pending(),
            Self::Approved => t.payments_status_approved(),
            Self::Rejected => t.payments_status_rejected(),
            Self::Withdrawn => t.payments_status_withdrawn(),
        }
    }

    /// The kind of its badge.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Pending => "warn",
            Self::Approved => "ok",
            Self::Rejected => "bad",
            Self::Withdrawn => "mute",
        }
    }
}

impl OwnPayment {
    fn waits(&self) -> bool {
        self.status == Status::Pending
    }

    fn is_rejected(&self) -> bool {
        self.status == Status::Rejected
    }
}
