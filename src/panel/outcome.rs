//! The three outcomes of a call.

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
    pub fn may_pass(self) -> bool {
        !matches!(self, Self::Unauthorized | Self::BadAnswer | Self::CircuitOpen)
    }

    /// The word for it in figures.
    pub fn code(self) -> &'static str {
        match self {
            Self::ConnectFailed => "connect_failed",
            Self::ProxyFailed => "proxy_failed",
            Self::Timeout => "timeout",
            Self::ConnectionBroken => "connection_broken",
            Self::Server5xx => "server_error",
            Self::Unauthorized => "unauthorized",
            Self::CircuitOpen => "circuit_open",
            Self::Throttled => "throttled",
            Self::BadAnswer => "bad_answer",
        }
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

/// A call that wasn't done, as a panel's client tells it.
#[derive(Clone, Debug)]
pub enum Stop {
    /// As [`Outcome::Refused`].
    Refused(Refusal),
    /// As [`Outcome::Unknown`], with words for the log, without secrets.
    Unknown(Cause, String),
}

impl Stop {
    /// An answer that makes no sense, and why.
    pub fn bad_answer(why: impl Into<String>) -> Self {
        Self::Unknown(Cause::BadAnswer, why.into())
    }

    /// For calls where a refusal says nothing about what was asked.
    pub fn never_refused(self) -> Self {
        match self {
            Self::Refused(refusal) => Self::bad_answer(format!("refused: {refusal:?}")),
            unknown => unknown,
        }
    }
}
