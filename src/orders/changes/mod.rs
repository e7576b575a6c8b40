//! What is done with an account after it was made: renewing, switching off and on, deleting, a new link, its volume
//! anew.
//!
//! Invariant: a change is stored, and a renewal charged, in one transaction before the server hears of it. At most
//! one waits per order, so they reach the server in the order in which they were asked for. It ends once, as done or
//! as refused, with its money in the same transaction; while nobody knows, it waits.

mod cut_off;
mod held;
pub mod queries;
mod refund;
mod request;
mod run;
mod settle;
mod target;
mod upkeep;
pub mod views;

use crate::{
    audit::Actor,
    ids::{ChangeId, UserId},
    money::Toman,
    panel::Cause,
};

use super::{DisabledReason, Status, buyer::Unaffordable};

pub use cut_off::{CUT_OFF, carry_out, cut_off};
pub use refund::{Estimate, Purchase, estimate, is_in_time, reckon};
pub use request::{Deletion, Renewal, delete, disable, enable, renew, reset, revoke};
pub use run::run;
pub(super) use settle::call_off_suspensions;
pub use target::{Target, target};
pub use upkeep::{MoveError, edit, move_to, retry_now};

/// The kind of job that carries a change to the server.
pub const JOB: &str = "orders.change";

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    Renew,
    Disable,
    Enable,
    Delete,
    /// A new link; the one before it is dead.
    Revoke,
    /// The volume anew, free of charge: the admin's alone, for an agent would give volume away that nobody paid for.
    Reset,
}

impl Kind {
    /// The word in the log.
    fn code(self) -> &'static str {
        match self {
            Self::Renew => "renew",
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::Delete => "delete",
            Self::Revoke => "revoke",
            Self::Reset => "reset",
        }
    }
}

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChangeStatus {
    /// The server may or may not have done it.
    Waiting,
    Done,
    /// The server said no; a renewal was paid back.
    Refused,
    /// The order came to its end before it; a renewal was paid back.
    Cancelled,
}

/// Why the server said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChangeRefusal {
    /// It has no such account.
    NotFound,
    /// The account of this name is not this order's, by its note.
    NotOurs,
    Refused,
}

/// Who asks for a change, and by what right.
#[derive(Clone, Copy, Debug)]
pub enum By {
    /// The owner of the order; anybody else's is not found.
    Owner(Actor),
    /// The admin, for any order.
    Admin(Actor),
    /// The 24-hour rule.
    Panel,
}

impl By {
    fn actor(self) -> Option<Actor> {
        match self {
            Self::Owner(actor) | Self::Admin(actor) => Some(actor),
            Self::Panel => None,
        }
    }

    fn user(self) -> Option<UserId> {
        self.actor().map(|actor| actor.user)
    }

    /// Why something is switched off by these.
    fn reason(self) -> DisabledReason {
        match self {
            Self::Owner(_) => DisabledReason::ByOwner,
            Self::Admin(_) => DisabledReason::ByAdmin,
            Self::Panel => DisabledReason::NegativeCredit,
        }
    }

    /// Whether these may switch on what was switched off for that reason.
    pub fn may_enable(self, reason: DisabledReason) -> bool {
        match self {
            Self::Owner(_) => reason == DisabledReason::ByOwner,
            Self::Admin(_) => reason != DisabledReason::NegativeCredit,
            Self::Panel => reason == DisabledReason::NegativeCredit,
        }
    }
}

/// Why nothing was changed; nothing was charged either.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such order, or it is another's.
    #[error("no such order")]
    NotFound,
    /// One at a time.
    #[error("another change is under way")]
    Busy,
    /// Switched off: to be switched on first.
    #[error("the account is switched off")]
    SwitchedOff,
    /// What is asked for doesn't fit an order in this state.
    #[error("not for an order that is {status:?}")]
    WrongStatus { status: Status },
    /// Not by these people.
    #[error("not allowed")]
    NotAllowed,
    /// This very form asked for something else before.
    #[error("the form was sent before, for another change")]
    FormUsed { change: ChangeId },
    /// What was used can't be read, so nothing can be reckoned.
    #[error("the server did not say what was used: {0:?}")]
    Unreadable(Cause),
    /// The account of this name on the server is not this order's.
    #[error("the account on the server is not this order's")]
    NotOurs,
    /// Less would be paid back than the form said, Toman.
    #[error("the refund is less than was shown")]
    RefundChanged { now: Toman },
    #[error(transparent)]
    Unaffordable(#[from] Unaffordable),
    #[error(transparent)]
    Database(sqlx::Error),
}

impl From<sqlx::Error> for ChangeError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|e| e.constraint()) {
            Some("order_changes_one_waiting") => Self::Busy,
            _ => Self::Database(error),
        }
    }
}

/// The key of a change's job.
fn job_key(change: ChangeId) -> String {
    format!("change:{change}")
}
