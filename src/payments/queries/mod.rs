//! Reads of payments, shaped for their pages. None asks once per row.

mod history;
mod order;
mod queue;
mod wallet;

pub use history::{HistoryFilter, HistoryRow, MethodName, history, method_names};
pub use order::{OrderDue, order_due};
pub use queue::{
    Card, Duplicate, DuplicateKind, Window, cards, decided_among, duplicates, next_waiting, waiting_count,
};
pub use wallet::{OwnPayment, earlier_of, latest_of, receipt_for, unused_receipt};
