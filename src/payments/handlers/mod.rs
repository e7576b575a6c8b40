//! Payments over HTTP, by audience.

mod admin;
mod charge;
mod claim;
mod history;
mod member;
mod payer;
mod purpose;
mod queue;
mod statement;
mod wallet;

use axum::{
    extract::DefaultBodyLimit,
    response::Redirect,
    routing::{get, post},
};

pub use self::payer::Payer;
pub use self::statement::{StatementRow, type_label as entry_label};
use super::{Status, queries::OwnPayment};
use crate::{
    locale::Tr,
    orders::purchase,
    web::{
        Admin, Agent, Ask, EndUser, address,
        doors::{AdminDoor, AgentDoor, EndUserDoor, MemberDoor, Routes},
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
    let create = post(charge::create::<Agent>).layer(DefaultBodyLimit::max(MAX_UPLOAD_FORM));
    Routes::new()
        .route("/agent/wallet", get(wallet::show::<Agent>))
        .route("/agent/wallet/payments", get(wallet::own_payments::<Agent>))
        .route("/agent/wallet/history", get(wallet::history::<Agent>))
        .route("/agent/wallet/charge", get(charge::new::<Agent>))
        .route("/agent/payments", create.get(async || Redirect::to(Agent::AREA.charge)))
        .route("/agent/payments/{id}/withdrawal", post(wallet::create_withdrawal::<Agent>))
}

/// The end user's wallet.
pub fn end_user_routes() -> Routes<EndUserDoor> {
    let create = post(charge::create::<EndUser>).layer(DefaultBodyLimit::max(MAX_UPLOAD_FORM));
    Routes::new()
        .route("/user/payments", create.get(wallet::show::<EndUser>))
        .route("/user/payments/latest", get(wallet::own_payments::<EndUser>))
        .route("/user/payments/history", get(wallet::history::<EndUser>))
        .route("/user/payments/new", get(charge::new::<EndUser>))
        .route("/user/payments/{id}/withdrawal", post(wallet::create_withdrawal::<EndUser>))
}

/// The admin's queue and history, and her own wallet.
pub fn admin_routes() -> Routes<AdminDoor> {
    let create = post(charge::create::<Admin>).layer(DefaultBodyLimit::max(MAX_UPLOAD_FORM));
    Routes::new()
        .route("/admin/wallet", get(wallet::show::<Admin>))
        .route("/admin/wallet/latest", get(wallet::own_payments::<Admin>))
        .route("/admin/wallet/history", get(wallet::history::<Admin>))
        .route("/admin/wallet/charge", get(charge::new::<Admin>))
        .route("/admin/wallet/payments", create.get(async || Redirect::to(Admin::AREA.charge)))
        .route("/admin/wallet/payments/{id}/withdrawal", post(wallet::create_withdrawal::<Admin>))
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

    /// The cancelled order that this payment was for, as the form for buying it again at today's price.
    fn again(&self) -> Option<Again<'_>> {
        let (order, plan, price) = (self.order_id?, self.plan_id?, self.price_now?);
        let account = self.account.as_deref().filter(|_| self.is_rejected())?;
        Some(Again { plan: format!("{plan}:{}", price.0), account, request_id: purchase::again_id(order) })
    }
}

/// An order to be placed once more.
struct Again<'a> {
    /// Plan and price, as the form for buying sends them.
    plan: String,
    account: &'a str,
    request_id: uuid::Uuid,
}
