//! Orders: one purchase of one account, from the wallet to the server.
//!
//! Invariant: an order is charged in the transaction that stores it, and from then on it ends as an account or as
//! a refund of the whole price, once; while nobody knows whether the account was made, it stays PROVISIONING.

mod all;
pub mod bulk;
mod buyer;
pub mod changes;
pub mod drift;
pub mod handlers;
pub mod history;
mod how_to;
pub mod import;
pub mod jobs;
mod links;
pub mod purchase;
mod queries;
mod service;
pub mod settlement;
pub mod suspension;
pub mod sync;
mod usernames;
mod views;

pub use buyer::Unaffordable;
pub use drift::Drift;
pub use service::{NewOrder, PlaceError, leave_out_numbers, place};
pub use usernames::{Availability, Username, UsernameError};

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    AwaitingPayment,
    /// Paid; the server may or may not have made the account.
    Provisioning,
    Active,
    Disabled,
    Deleted,
    /// The server said no, and the price was given back.
    Failed,
    Cancelled,
}

/// Why the server said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailureReason {
    /// Somebody else's account has the name.
    UsernameTaken,
    Refused,
}

/// Why an account is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DisabledReason {
    ByOwner,
    ByAdmin,
    /// The 24-hour rule.
    NegativeCredit,
}

impl DisabledReason {
    /// The word in the database and in the log.
    fn code(self) -> &'static str {
        match self {
            Self::ByOwner => "BY_OWNER",
            Self::ByAdmin => "BY_ADMIN",
            Self::NegativeCredit => "NEGATIVE_CREDIT",
        }
    }
}

/// Bytes in the GB of a plan, as the server counts them.
const GB: i64 = 1 << 30;
/// Seconds in the day of a plan.
const DAY: i64 = 24 * 3600;
