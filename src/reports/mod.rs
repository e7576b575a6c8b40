//! Reports: the ledger and the payments of a period, on a page, on paper and as an Excel file.
//!
//! Invariant: rows and sums of one answer are of one instant: both are read in one snapshot, and an export reads all
//! its rows in one. A file belongs to who asked for it and lives for [`KEPT`].

pub mod files;
pub mod handlers;
pub mod jobs;
pub mod queries;
mod range;
mod service;
mod sheet;
mod workbook;

use time::{Duration, macros::datetime};

use crate::{calendar::Time, ids::UserId, money::Toman, payments, role::Role};

pub use range::Range;
pub use service::{ExportError, NewExport, Requested, cancel, clean, request};

/// How long the file of an export is kept.
pub const KEPT: Duration = Duration::DAY;
/// Rows that are written while the browser waits; more are a job.
pub const AT_ONCE: i64 = 5_000;
/// Rows that go on paper.
pub const ON_PAPER: i64 = 5_000;
/// Before everything, for a report without a first day.
const BEGINNING: Time = datetime!(1900-01-01 0:00 UTC);
/// After everything, for a report without a last day.
const END: Time = datetime!(2200-01-01 0:00 UTC);

/// What a report is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// The rows of the ledger.
    #[default]
    Transactions,
    /// What payers claim to have paid.
    Payments,
}

impl View {
    pub const ALL: [Self; 2] = [Self::Transactions, Self::Payments];

    /// The word in addresses and file names.
    pub fn code(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::Payments => "payments",
        }
    }
}

/// Which rows a report holds. An empty list lets all pass.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Filter {
    pub view: View,
    /// The first instant, UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub since: Time,
    /// The first instant after it, UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub until: Time,
    pub people: Vec<UserId>,
    pub role: Option<Role>,
    /// Codes of ledger types; payments have none.
    pub types: Vec<String>,
    /// Codes of payment statuses; a ledger row has that of its payment.
    pub statuses: Vec<String>,
    /// Numbers of payment methods; a ledger row has that of its payment.
    pub methods: Vec<i64>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            view: View::default(),
            since: BEGINNING,
            until: END,
            people: Vec::new(),
            role: None,
            types: Vec::new(),
            statuses: Vec::new(),
            methods: Vec::new(),
        }
    }
}

/// One row of a report. Amounts are Toman.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: i64,
    pub at: Time,
    pub username: String,
    /// The agent's name, or the user name.
    pub name: String,
    /// The code of the ledger type, or of the kind of payment method.
    pub kind: String,
    /// The change of the total; of a payment, what was claimed.
    pub amount: Toman,
    /// The change of the confirmed credit; of a payment, what it was credited with.
    pub confirmed: Toman,
    /// The change of the pending credit; of a payment, what still waits.
    pub pending: Toman,
    pub status: Option<payments::Status>,
    pub method: Option<String>,
    /// The account of an order, or the tracking number or hash of a payment.
    pub reference: Option<String>,
    pub notes: String,
}

/// Many rows as one. Amounts are Toman.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// The code of the ledger type, or of the payment status; empty for all together.
    pub kind: String,
    pub rows: i64,
    pub amount: Toman,
    pub confirmed: Toman,
    pub pending: Toman,
}

impl Sum {
    /// All sums together.
    pub fn total(sums: &[Self]) -> Self {
        sums.iter().fold(Self::default(), |total, sum| Self {
            kind: String::new(),
            rows: total.rows + sum.rows,
            amount: total.amount + sum.amount,
            confirmed: total.confirmed + sum.confirmed,
            pending: total.pending + sum.pending,
        })
    }
}

/// Where an export stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExportStatus {
    Waiting,
    Running,
    Done,
    Failed,
    Cancelled,
}
