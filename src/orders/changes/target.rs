//! What a renewal asks the server for: fixed before it is asked, so that asking again asks for the same.

use time::Duration;

use super::super::DAY;
use crate::{
    calendar::Time,
    panel::{Account, AccountStatus, End},
};

/// So much earlier than we learned of it an account may have been connected for the first time.
const SLACK: Duration = Duration::hours(1);

/// The end that an account is renewed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// With `on_hold_seconds` `None` too: it has no end and keeps none.
    pub expire_at: Option<Time>,
    /// It still waits for its first connection, and has so many seconds from then.
    pub on_hold_seconds: Option<i64>,
    /// It is switched off on the server, and stays so.
    pub keep_disabled: bool,
}

impl Target {
    /// No end is asked for.
    pub(super) fn none(keep_disabled: bool) -> Self {
        Self { expire_at: None, on_hold_seconds: None, keep_disabled }
    }

    /// In the server's words.
    pub(super) fn end(self) -> End {
        match (self.expire_at, self.on_hold_seconds) {
            (Some(end), _) => End::At(end),
            (None, Some(seconds)) => End::AfterFirstConnection { seconds },
            (None, None) => End::Never,
        }
    }
}

/// The account as it is, and `days` more: from its end, or from now where that is past.
pub fn target(account: &Account, days: i32, now: Time) -> Target {
    let added = i64::from(days) * DAY;
    let keep_disabled = account.status == AccountStatus::Disabled;
    match account.on_hold_seconds.filter(|_| account.waits_for_connection()) {
        Some(seconds) => Target {
            expire_at: None,
            on_hold_seconds: Some(seconds.max(0).saturating_add(added)),
            keep_disabled,
        },
        None => Target {
            expire_at: account.expire_at.map(|end| later(end.max(now), added)),
            on_hold_seconds: None,
            keep_disabled,
        },
    }
}

/// The end of an account that was to wait for its first connection, and was connected before it is known whether the
/// server had heard of the renewal. Its days began after `asked_at`; with the new ones it ends no earlier than that
/// many after it, and without them before that, unless the server was silent for longer than the renewal lasts.
pub(super) fn connected_meanwhile(end: Time, asked_at: Time, seconds: i64, days: i32) -> Time {
    let renewed = later(asked_at, seconds) - SLACK;
    if end >= renewed { end } else { later(end, i64::from(days) * DAY) }
}

/// Past the end of the calendar nothing is later; the server will not be asked for that.
fn later(time: Time, seconds: i64) -> Time {
    time.checked_add(Duration::seconds(seconds)).unwrap_or(time)
}
