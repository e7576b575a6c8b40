//! The three outcomes of a call, and how an answer is sorted into them: a 4xx other than 401, 407, 408 and 429 is
//! a refusal, everything that isn't a success otherwise is unknown.

use super::wire;

/// What came of a call. Money may only follow `Done` and `Refused`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome<T> {
    Done(T),
    /// A definite no: nothing was done, and asking again gives the same.
    Refused(Refusal),
    /// It may or may not have been done.
    Unknown(Cause),
}

impl<T> Outcome<T> {
    /// Changes what was done, keeps the other two.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Done(value) => Outcome::Done(change(value)),
            Self::Refused(refusal) => Outcome::Refused(refusal),
            Self::Unknown(cause) => Outcome::Unknown(cause),
        }
    }

    /// What was done, if it was.
    pub fn done(self) -> Option<T> {
        match self {
            Self::Done(value) => Some(value),
            Self::Refused(_) | Self::Unknown(_) => None,
        }
    }
}

/// Why the panel said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The name belongs to an account that isn't this order's.
    UsernameTaken,
    Invalid {
        fields: Vec<Field>,
    },
    NotFound,
    /// The account isn't ours to touch.
    Forbidden,
    /// The panel has no inbound for any protocol we may use.
    ProtocolDisabled,
    /// `detail` is the panel's own words without secrets, for the admin's log.
    Other {
        status: u16,
        detail: String,
    },
}

/// What was wrong about an account to be made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Username,
    Validity,
    DataLimit,
    Note,
    Other,
}

/// Why nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// No connection, so nothing was sent.
    ConnectFailed,
    /// The proxy couldn't be reached, refused us, or couldn't reach the panel.
    ProxyFailed,
    Timeout,
    /// The connection ended before the answer did.
    ConnectionBroken,
    Server5xx,
    /// Our credentials were refused; not tried again for a while.
    Unauthorized,
    /// Nothing was sent: the calls before this one found the panel away.
    CircuitOpen,
    Throttled,
    /// An answer that the panel wouldn't give: wrong address, a redirect, another shape.
    BadAnswer,
}

impl Cause {
    /// Whether asking again soon may help.
    pub(super) fn may_pass(self) -> bool {
        !matches!(self, Self::Unauthorized | Self::BadAnswer | Self::CircuitOpen)
    }

    /// Whether it says that the panel, or the way to it, is away.
    pub(super) fn is_absence(self) -> bool {
        matches!(
            self,
            Self::ConnectFailed
                | Self::ProxyFailed
                | Self::Timeout
                | Self::ConnectionBroken
                | Self::Server5xx
        )
    }
}

/// A call that wasn't done.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    Refused(Refusal),
    /// With words for the log, without secrets.
    Unknown(Cause, String),
}

impl Stop {
    pub(super) fn bad_answer(why: impl Into<String>) -> Self {
        Self::Unknown(Cause::BadAnswer, why.into())
    }

    /// For calls where a refusal says nothing about what was asked.
    pub(super) fn never_refused(self) -> Self {
        match self {
            Self::Refused(refusal) => Self::bad_answer(format!("refused: {refusal:?}")),
            unknown => unknown,
        }
    }
}

/// Sorts an answer that isn't a success; `detail` is already free of secrets.
pub(super) fn sort(status: u16, detail: wire::Detail) -> Stop {
    let cause = match status {
        401 => Cause::Unauthorized,
        407 => Cause::ProxyFailed,
        408 => Cause::Timeout,
        429 => Cause::Throttled,
        400..=499 => return Stop::Refused(refusal(status, detail)),
        500.. => Cause::Server5xx,
        _ => Cause::BadAnswer,
    };
    Stop::Unknown(cause, format!("{status} {detail}"))
}

fn refusal(status: u16, detail: wire::Detail) -> Refusal {
    match (status, &detail) {
        (400, wire::Detail::Text(text)) if wire::says_protocol_disabled(text) => Refusal::ProtocolDisabled,
        (403, wire::Detail::Text(_)) => Refusal::Forbidden,
        (404, wire::Detail::Text(text)) if text == wire::USER_NOT_FOUND => Refusal::NotFound,
        (409, wire::Detail::Text(_)) => Refusal::UsernameTaken,
        (422, wire::Detail::Fields(fields)) => {
            let mut fields: Vec<Field> = fields.keys().map(|name| wire::field_of(name)).collect();
            fields.sort_unstable();
            fields.dedup();
            Refusal::Invalid { fields }
        }
        _ => Refusal::Other { status, detail: detail.to_string() },
    }
}
