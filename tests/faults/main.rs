//! The real binary, killed and cut off at every step of what moves money and accounts.
//!
//! `rad-panel serve` runs unchanged between two proxies of the test, one before PostgreSQL and one before the
//! simulated Marzban. They know the steps (each call, each commit) and can hold one up before or after it was done;
//! there the process gets SIGKILL, or the connection breaks. Then it is started again and has a minute to make good:
//! the books are right, no account is free, none is paid twice, none is paid and missing.
#![allow(clippy::unwrap_used)]

mod gate;
mod marzban_proxy;
mod operations;
mod outage;
mod panel;
#[path = "../it/receipts/pictures.rs"]
#[allow(dead_code, reason = "shared with the tests of receipts, which use all of it")]
mod pictures;
mod postgres_proxy;
mod restart;
mod shop;
mod steps;
mod strike;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests over HTTP, which use all of it")]
mod support;
mod table;
