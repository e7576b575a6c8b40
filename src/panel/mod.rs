//! The panel where the accounts live, in the shop's words: what the rest of the code knows of it. [`Panel`] is what
//! a kind of panel has to be able to do; [`Server`] is the one that this shop has, behind its circuit.
//!
//! Invariant: an answer is `Done` or `Refused` only where the panel definitely said so; all else is `Unknown`. An
//! account is absent only where its own call said so: what a list leaves out is not known.

mod account;
mod checkup;
mod circuit;
mod outcome;
mod server;
mod words;

use std::{fmt, time::Duration};

pub use account::{Account, AccountStatus};
use async_trait::async_trait;
pub use checkup::Checkup;
pub use circuit::{Probing, Reach};
pub use outcome::{Cause, Field, Outcome, Refusal, Stop};
pub use server::Server;

use crate::{calendar::Time, ids::OrderId};

/// What came of one call to the panel; [`Server`] makes an [`Outcome`] of it.
pub type Answer<T> = Result<T, Stop>;

/// The most accounts of one [`Panel::list`]: a panel answers nobody else while it makes a list, half a second for so
/// many.
pub const LONGEST_LIST: usize = 100;

/// What is asked of a panel. Each call has one deadline for all that it does; each but `revoke` asks for a state, so
/// that asking again does the same.
#[async_trait]
pub trait Panel: fmt::Debug + Send + Sync {
    /// Makes the account, or adopts it where it is there already with this order's note. After an unknown outcome the
    /// caller comes back with [`Attempt::Again`].
    async fn create(&self, new: &NewAccount, attempt: Attempt) -> Answer<Account>;

    /// The account as it is now; `None` only where the panel says that there is none.
    async fn get(&self, username: &str) -> Answer<Option<Account>>;

    /// These accounts, at most [`LONGEST_LIST`] of them. One row that the panel can't show may make the whole list
    /// unknown; ask for each account then.
    async fn list(&self, usernames: &[&str]) -> Answer<Listed>;

    /// Some of all accounts that there are, in an order that stays: at most `limit` of them and at most
    /// [`LONGEST_LIST`], from this place on, counted from zero. Accounts that are made or deleted meanwhile move the
    /// places behind them. One row that the panel can't show may make the whole stretch unknown.
    async fn stretch(&self, start: u64, limit: usize) -> Answer<Stretch>;

    /// Changes the account's note, where it is `before`; empty is none. One that is `after` already is left alone.
    async fn set_note(&self, username: &str, before: &str, after: &str) -> Answer<Noted>;

    /// Gives the account these terms and leaves what was used as it is.
    async fn update(&self, username: &str, terms: &Terms) -> Answer<Account>;

    /// Gives the account a new end and its volume anew.
    async fn renew(&self, username: &str, renewal: &Renewal) -> Answer<Account>;

    /// Lets the account's volume begin anew, unless it has since [`Reset::counted_off_bytes`]; it stays switched off
    /// where it is to. One that waits for its first connection is refused if anything was used.
    async fn reset(&self, username: &str, reset: &Reset) -> Answer<Account>;

    /// Switches the account off, or on again to what it was; one that is so already is left alone.
    async fn set_enabled(&self, username: &str, enabled: bool) -> Answer<Account>;

    /// Gives the account new keys and a new subscription link; the links before it are dead. Asked again, it makes
    /// another one.
    async fn revoke(&self, username: &str) -> Answer<Account>;

    /// Deletes the account for good; one that is gone already counts as done.
    async fn delete(&self, username: &str) -> Answer<()>;

    /// What the panel says of itself; the cheapest question there is.
    async fn state(&self) -> Answer<State>;

    /// What carries the traffic, where the panel tells of it: a panel takes and changes accounts while it stands
    /// still, so no other answer says anything of it.
    async fn core(&self) -> Answer<Option<Core>> {
        Ok(None)
    }
}

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

/// From where an account's volume is to begin anew. All of it is fixed by the caller before the first request, so that
/// asking again gives away nothing of what was used since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// What [`Account::counted_off_bytes`] was before.
    pub counted_off_bytes: i64,
    /// It is switched off, and stays so.
    pub keep_disabled: bool,
}

/// What an account is set back to, without touching what was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub end: Time,
    /// Bytes against what is used already; `None` is unlimited.
    pub data_limit_bytes: Option<u64>,
    pub enabled: bool,
}

/// Whether creating an account was asked for before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Nothing was sent for this order yet: create at once.
    First,
    /// An earlier attempt may have been carried out: look before creating.
    Again,
}

/// The accounts that were asked for together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    pub accounts: Vec<Account>,
    /// Asked for and not among them, or not readable. That says nothing about whether they exist.
    pub left_out: Vec<String>,
}

/// Some of all accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    pub accounts: Vec<Account>,
    /// In their places stood accounts of these names that are not readable.
    pub unreadable: Vec<String>,
    /// How many accounts there are at this moment.
    pub total: u64,
}

impl Stretch {
    /// How many places it covers.
    pub fn len(&self) -> usize {
        self.accounts.len() + self.unreadable.len()
    }

    /// Whether it begins behind the last account.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What came of changing a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It is as it was asked for.
    Set(Box<Account>),
    /// It was another one than the caller knew; nothing was changed.
    Other { note: String },
}

/// What the panel says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub version: String,
    /// Accounts that our credentials own.
    pub users: u64,
}

/// What carries the accounts' traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Core {
    pub version: String,
    /// As the panel believes; it looks every few seconds.
    pub running: bool,
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
    /// `None` where the panel did not say.
    pub core: Option<Core>,
}

impl Health {
    /// It takes accounts, and none of them works.
    pub fn stands_still(&self) -> bool {
        self.core.as_ref().is_some_and(|core| !core.running)
    }
}

/// `^[A-Za-z0-9_]{3,32}([@.-][A-Za-z0-9_@.-]*)?$` and at most 64: the names of accounts that were made elsewhere, as far
/// as they can be asked about. A subset of what the panel itself takes, and nothing that an address would read otherwise.
pub fn is_known_username(name: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let head = name.bytes().take_while(|&b| word(b)).count();
    (3..=32).contains(&head)
        && name.len() <= 64
        && name.bytes().all(|b| word(b) || matches!(b, b'@' | b'.' | b'-'))
}

/// `^[a-z][a-z0-9_]{2,31}$`: what every version of the panel takes, and the same name on those that ignore case.
pub fn is_valid_username(name: &str) -> bool {
    (3..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
