//! The panel where accounts live, over HTTP. The words of this module are the shop's: what Marzban calls things
//! stays in `wire`, so that another panel could stand behind the same types.
//!
//! Invariant: an answer is `Done` or `Refused` only where the panel definitely said so; all else is `Unknown`, and
//! creating is never repeated blindly: the account is looked up first, and known as ours by its note.

mod client;
mod creation;
mod outcome;
mod renewal;
mod settings;
mod tokens;
mod transport;
mod wire;

use std::time::Duration;

pub use client::Marzban;
pub use outcome::{Cause, Field, Outcome, Refusal};
pub use settings::{Settings, SettingsError};

use crate::{calendar::Time, ids::OrderId};

/// An account to be made for an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// As [`is_valid_username`] wants it.
    pub username: String,
    pub validity: Validity,
    /// Bytes; `None` is unlimited. Zero is refused here, because the panel would take it for unlimited.
    pub data_limit_bytes: Option<u64>,
    /// The order that will own the account; its number is all that the panel gets to know.
    pub order: OrderId,
}

impl NewAccount {
    /// What the account's note holds, and how it is known as ours again: nothing personal.
    pub fn note(&self) -> String {
        note_of(self.order)
    }
}

/// The note of an order's account, exactly.
pub fn note_of(order: OrderId) -> String {
    format!("RAD order #{order}")
}

/// When an account ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// At this instant, to the second.
    Until(Time),
    /// So many seconds from the moment of the request.
    For { seconds: u32 },
    /// So many seconds from its first connection (on hold until then).
    FromFirstConnection { seconds: u32 },
}

/// What an account is renewed to. All of it is fixed by the caller, so that asking again asks for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    pub end: End,
    /// Bytes, counted anew from zero; `None` is unlimited.
    pub data_limit_bytes: Option<u64>,
    /// It is switched off, and stays so.
    pub keep_disabled: bool,
}

/// The end of a renewed account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    At(Time),
    /// So many seconds from its first connection, which it still waits for.
    AfterFirstConnection {
        seconds: i64,
    },
    /// It had none and gets none.
    Never,
}

/// Whether creating an account was asked for before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Nothing was sent for this order yet: create at once.
    First,
    /// An earlier attempt may have been carried out: look before creating.
    Again,
}

/// An account as the panel has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub username: String,
    pub status: AccountStatus,
    /// `None` while on hold, or for an account without an end.
    pub expire_at: Option<Time>,
    /// Seconds that begin at the first connection; may stay set on an account that was disabled on hold.
    pub on_hold_seconds: Option<i64>,
    /// Bytes; `None` is unlimited.
    pub data_limit_bytes: Option<i64>,
    /// Bytes since the last reset.
    pub data_used_bytes: i64,
    /// Bytes over the account's whole life, whatever was reset; refunds are reckoned from it.
    pub lifetime_used_bytes: i64,
    /// Absolute. Each answer may hold another link; older ones stay good, so one is stored and none compared.
    pub subscription_url: String,
    /// Last seen connected.
    pub online_at: Option<Time>,
    pub note: Option<String>,
    pub created_at: Time,
}

impl Account {
    /// Whether it waits for its first connection, also while it is switched off.
    pub fn waits_for_connection(&self) -> bool {
        self.expire_at.is_none()
            && self.on_hold_seconds.is_some()
            && matches!(self.status, AccountStatus::OnHold | AccountStatus::Disabled)
    }

    /// Whether this is the account of that order, by its note.
    pub fn belongs_to(&self, order: OrderId) -> bool {
        self.note.as_deref() == Some(note_of(order).as_str())
    }
}

/// What an account is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    Active,
    Disabled,
    /// Its data is used up.
    Limited,
    Expired,
    /// Waits for its first connection.
    OnHold,
}

/// How the panel does, for the admin's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// It answered, and took our credentials.
    pub reachable: bool,
    /// Why not, where it isn't.
    pub problem: Option<Cause>,
    pub version: Option<String>,
    /// Of the whole call, with signing in where that was due.
    pub latency: Duration,
    /// Accounts that our credentials own.
    pub users: Option<u64>,
}

/// `^[a-z][a-z0-9_]{2,31}$`: what every version of the panel takes, and the same name on those that ignore case.
pub fn is_valid_username(name: &str) -> bool {
    (3..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
