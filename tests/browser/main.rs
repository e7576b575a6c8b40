//! Tests in a real browser, for what HTTP can't see: htmx swaps, live changes, no scripts, phone width, dark,
//! bytes on the wire.
#![allow(clippy::unwrap_used)]

mod browser;
mod chrome;
mod end_user;
mod looks;
mod main_job;
#[path = "../it/receipts/pictures.rs"]
#[allow(dead_code, reason = "shared with the tests of receipts, which use all of it")]
mod pictures;
mod queue;
mod reports;
mod setup;
mod shop;
mod sign_in;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests over HTTP, which use all of it")]
mod support;
mod transfer;
mod wire;
