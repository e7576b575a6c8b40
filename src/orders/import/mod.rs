//! Accounts that the shop's server had before the panel, brought in as orders: read, chosen, shown as a dry run,
//! confirmed, and taken one by one.
//!
//! Invariant: nothing is charged and nothing on the server changes but the note that says whose an account is. An order
//! exists only once the server has that note; its number is set aside before, so that whatever ends in the middle goes
//! on with the same one. What becomes of an account is decided in one place, the view `order_import_verdicts`.

pub mod choice;
mod places;
pub mod queries;
pub mod reading;
mod settle;
pub mod taking;

/// The kind of job that reads all accounts of the server.
pub const READ: &str = "orders.import_read";
/// The kind of job that brings the chosen ones in.
pub const TAKE: &str = "orders.import";

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    /// The server's accounts are being read.
    Reading,
    /// To be chosen from.
    Read,
    /// Confirmed: the accounts are being brought in.
    Running,
    Done,
    /// Somebody ended it before its end.
    Stopped,
}

/// What becomes of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// It would be brought in.
    Take,
    /// Confirmed, and not reached yet.
    Waiting,
    /// It was brought in.
    Taken,
    /// An order of ours has it, or has its name.
    Owned,
    /// Its note says that it is the order of another panel, or of one of ours that has ended.
    Foreign,
    /// The panel can't hold its name.
    Name,
    /// Its name differs from another's by capitals only.
    Twice,
    /// It is not what the admin chose.
    NotChosen,
    /// The server can't show it.
    Unreadable,
    /// It was deleted there since it was read.
    Gone,
    /// The server does not let us change it.
    Refused,
    /// No plan is on offer that it could be renewed by.
    NoPlan,
    /// The import was stopped before it.
    Stopped,
}

impl Verdict {
    /// The word in the database and in addresses.
    pub fn code(self) -> &'static str {
        match self {
            Self::Take => "TAKE",
            Self::Waiting => "WAITING",
            Self::Taken => "TAKEN",
            Self::Owned => "OWNED",
            Self::Foreign => "FOREIGN",
            Self::Name => "NAME",
            Self::Twice => "TWICE",
            Self::NotChosen => "NOT_CHOSEN",
            Self::Unreadable => "UNREADABLE",
            Self::Gone => "GONE",
            Self::Refused => "REFUSED",
            Self::NoPlan => "NO_PLAN",
            Self::Stopped => "STOPPED",
        }
    }
}

/// Whether a note is one that a panel like this has given.
fn is_of_a_panel(note: &str) -> bool {
    let number = note.strip_prefix("RAD order #").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}
