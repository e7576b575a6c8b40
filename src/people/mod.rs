//! People as the admin looks after them: what agents and customers have in common.
//!
//! Invariant: credit by hand moves once per form, with a reason, and only from the balance that the admin was shown.

mod credit;
pub mod handlers;
pub mod queries;
mod viewing;
pub mod views;

pub use credit::{AdjustError, Adjusted, Adjustment, MAX_ADJUSTMENT, adjust};
pub use viewing::view;
