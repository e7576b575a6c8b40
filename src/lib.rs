//! RAD Panel: the web panel of a shop that sells accounts living in Marzban.
//!
//! The rooms, from the ground up; `ARCHITECTURE.md` has the map and says who may import whom.

// Foundation: knows neither HTTP nor the database's tables.
pub mod calendar;
pub mod config;
pub mod ids;
pub mod locale;
pub mod metrics;
pub mod money;
pub mod persian;
pub mod qr;
pub mod request_id;
pub mod role;

// Base of all handlers.
pub mod web;

// Core: joins the caller's transaction.
pub mod audit;
pub mod jobs;
pub mod ledger;
pub mod marzban;
pub mod notices;
pub mod panel;
pub mod receipts;

// Features: own the transactions and the pages.
pub mod accounts;
pub mod agents;
pub mod backups;
pub mod customers;
pub mod help;
pub mod log;
pub mod orders;
pub mod overview;
pub mod payment_methods;
pub mod payments;
pub mod people;
pub mod plans;
pub mod profile;
pub mod reports;
pub mod settings;
pub mod setup;
pub mod upkeep;
pub mod verification;

pub mod demo;

// Top.
pub mod app;
pub mod scrape;
pub mod worker;

/// All migrations, forward only, embedded in the binary.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
