//! Integration tests: one binary, one file per room.
#![allow(clippy::unwrap_used)]

mod accounts;
mod agents;
mod customers;
mod doors;
mod help;
mod jobs;
mod ledger;
mod live;
mod marzban;
mod migrations;
mod orders;
mod payment_methods;
mod payments;
mod people;
mod plans;
mod private_postgres;
mod receipts;
mod settings;
mod shell;
mod simulator;
mod support;
mod tidy;
mod upkeep;
mod web;
