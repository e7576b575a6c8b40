//! The owner's first page: what needs her now, and how the shop does against the period before.
//!
//! Invariant: it only reads, and it waits for no other machine: what the server says comes after the page.

mod checklist;
mod figures;
pub mod handlers;
mod needs;
mod periods;

pub use periods::{Period, Span};
