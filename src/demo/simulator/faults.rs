//! What can go wrong between a client and Marzban, on command, and the log of what arrived.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use time::OffsetDateTime;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub method: Method,
    pub path: String,
    pub query: Option<String>,
    /// The simulator's clock.
    pub at: OffsetDateTime,
    /// Requests being worked on, this one included.
    pub in_flight: usize,
    /// The header `X-Request-Id`.
    pub request_id: Option<String>,
}

/// When the connection of a user's change breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    BeforeWork,
    AfterCommit,
}

#[derive(Debug)]
struct Planned {
    left: usize,
    method: Option<Method>,
    at: Break,
}

/// The faults that are set, and what was seen.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub slow: Duration,
    answers: Vec<(usize, StatusCode)>,
    breaks: Vec<Planned>,
    pub log: Vec<Arrival>,
    pub in_flight: usize,
    pub most_in_flight: usize,
}

impl Faults {
    /// The next `n` requests get this status.
    pub fn answer(&mut self, n: usize, status: StatusCode) {
        self.answers.push((n, status));
    }

    /// The next `n` changes of users (of this method, or of any) lose their connection.
    pub fn break_at(&mut self, at: Break, n: usize, method: Option<Method>) {
        self.breaks.push(Planned { left: n, method, at });
    }

    /// No fault any more; the log stays.
    pub fn clear(&mut self) {
        self.slow = Duration::ZERO;
        self.answers.clear();
        self.breaks.clear();
    }

    /// The status that this request gets instead of being worked on.
    pub fn take_answer(&mut self) -> Option<StatusCode> {
        let (left, status) = self.answers.first_mut()?;
        let status = *status;
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.answers.remove(0);
        }
        Some(status)
    }

    /// Whether this request's connection breaks, and when.
    pub fn take_break(&mut self, method: &Method, path: &str) -> Option<Break> {
        let changes = matches!(*method, Method::POST | Method::PUT | Method::DELETE);
        let of_user = path == "/api/user" || path.starts_with("/api/user/");
        if !(changes && of_user) {
            return None;
        }
        let fits = |p: &Planned| p.left > 0 && p.method.as_ref().is_none_or(|m| m == method);
        let planned = self.breaks.iter_mut().find(|p| fits(p))?;
        planned.left -= 1;
        Some(planned.at)
    }
}
