//! Integration tests: one binary, one file per room.
#![allow(clippy::unwrap_used)]

mod accounts;
mod agents;
mod backups;
mod customers;
mod doors;
mod help;
mod jobs;
mod ledger;
mod live;
mod log;
mod marzban;
mod metrics;
mod migrations;
mod notices;
mod orders;
mod overview;
mod payment_methods;
mod payments;
mod people;
mod plans;
mod private_postgres;
mod receipts;
mod reports;
mod settings;
mod setup;
mod shell;
mod simulator;
mod support;
mod tidy;
mod upkeep;
mod view_as;
mod web;
