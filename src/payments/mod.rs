//! Payments: what a payer claims to have paid, and what the admin decided about it.
//!
//! Invariant: a payment is decided once and for ever. Its row and its ledger row change in one transaction, and
//! the wallet is locked before the payment, so that nothing about it can be decided twice or halfway.

pub mod handlers;
pub mod queries;
mod service;

use crate::calendar::Time;

pub use crate::audit::Actor;
pub use service::{
    ApprovalInput, Claimed, DecideError, NewPayment, SubmitError, Submitted, approve, find_submitted,
    keep_receipt, may_charge, reject, submit, submit_for_order, withdraw,
};

/// The longest tracking number, characters.
pub const MAX_TRACKING_NUMBER: usize = 40;
/// The longest transaction hash, characters.
pub const MAX_HASH: usize = 128;
/// The longest note or reason, characters.
pub const MAX_NOTE: usize = 500;

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type, serde::Deserialize)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Pending,
    Approved,
    Rejected,
    Withdrawn,
}

impl Status {
    /// All of them, in the order in which filters list them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Approved, Self::Rejected, Self::Withdrawn];

    /// The word that stands in the database and in filter addresses.
    pub fn code(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
            Self::Withdrawn => "WITHDRAWN",
        }
    }
}

/// What was decided about a payment, by whom and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub status: Status,
    /// The decider's user name.
    pub by: String,
    pub at: Time,
}
