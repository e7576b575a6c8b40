//! Why the panel could not be asked, in words for the admin.

use super::Cause;
use crate::locale::Tr;

const ALL: [Cause; 9] = [
    Cause::ConnectFailed,
    Cause::ProxyFailed,
    Cause::Timeout,
    Cause::ConnectionBroken,
    Cause::Server5xx,
    Cause::Unauthorized,
    Cause::Throttled,
    Cause::BadAnswer,
    Cause::CircuitOpen,
];

impl Cause {
    /// The cause whose own name this is, as jobs write it down.
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|cause| format!("{cause:?}") == name)
    }

    /// What happened, for the admin.
    pub fn words(self, t: &Tr) -> String {
        match self {
            Self::ConnectFailed => t.panel_connect_failed(),
            Self::ProxyFailed => t.panel_proxy_failed(),
            Self::Timeout => t.panel_timeout(),
            Self::ConnectionBroken => t.panel_connection_broken(),
            Self::Server5xx => t.panel_server_error(),
            Self::Unauthorized => t.panel_unauthorized(),
            Self::Throttled => t.panel_throttled(),
            Self::BadAnswer => t.panel_bad_answer(),
            Self::CircuitOpen => t.panel_circuit_open(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_found_again_by_its_name() {
        for cause in ALL {
            assert_eq!(Cause::named(&format!("{cause:?}")), Some(cause));
        }
        assert_eq!(Cause::named("else"), None);
    }
}
