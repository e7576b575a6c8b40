//! Integration tests: one binary, one file per room.
#![allow(clippy::unwrap_used)]

mod accounts;
mod doors;
mod marzban;
mod orders;
mod payments;
mod private_postgres;
mod receipts;
mod shell;
mod simulator;
mod support;
