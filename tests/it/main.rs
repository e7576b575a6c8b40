//! Integration tests: one binary, one file per room.
#![allow(clippy::unwrap_used)]
mod marzban;
mod simulator;
