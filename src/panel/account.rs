//! The account as a panel tells of it.

use super::note_of;
use crate::{calendar::Time, ids::OrderId};

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
    /// Which of the panel's own administrators it belongs to.
    pub keeper: Option<String>,
    pub created_at: Time,
    /// Changes when the account gets other keys, and with them another link: the digest of what it connects with.
    pub keys: String,
}

impl Account {
    /// Bytes that were used and are no longer counted. Use leaves it as it is; each new beginning of the volume, whoever
    /// brings it about, makes it another number if anything was used.
    pub fn counted_off_bytes(&self) -> i64 {
        self.lifetime_used_bytes - self.data_used_bytes
    }

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
