//! What stands between us and the panel, found out step by step: the way there, who answers, our account, its clock.
//!
//! Invariant: it stores nothing here and changes nothing there, it ends in time whatever happens, and what it finds
//! holds no secret.

mod answers;
mod errors;
mod examination;
mod route;
mod words;

use std::time::Duration;

use reqwest::Url;
use tokio::time::timeout;

use self::examination::Examination;
use super::{
    settings::{Settings, SettingsError, web_address},
    transport,
};
use crate::calendar::Clock;

/// All of it takes no longer: a page waits for it.
const LONGEST: Duration = Duration::from_secs(20);
/// Clocks may differ by so much, seconds.
const SKEW: i64 = 30;

/// The next to speak with on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    Proxy,
    Panel,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    // The way there: a name, a port, a proxy.
    NoSuchName {
        hop: Hop,
        host: String,
    },
    Refused {
        hop: Hop,
        address: String,
    },
    NoRoute {
        hop: Hop,
        address: String,
    },
    NoAnswer {
        hop: Hop,
        address: String,
    },
    ProxyCredentials,
    ProxyForbids,
    ProxyFails,
    /// The proxy works, and can't reach the panel.
    BehindProxy,
    ConnectionBroken,
    // Its certificate.
    CertificateExpired,
    CertificateNotYetValid,
    CertificateOfAnother {
        host: String,
    },
    CertificateUnknownIssuer,
    CertificateWrong,
    /// No TLS is spoken there.
    PlainHttp,
    /// TLS is spoken there, and we don't.
    WantsTls,
    TlsFailed,
    /// This machine has no list of issuers to believe.
    NoIssuers,
    // Who answers.
    Redirected {
        to: String,
        is_secured: bool,
    },
    WebPage,
    WrongPath {
        has_path: bool,
    },
    Stranger {
        status: u16,
    },
    AnotherGate,
    Forbidden,
    Throttled,
    BehindGateway {
        status: u16,
    },
    ServerError {
        status: u16,
    },
    // Our account there.
    WrongPassword,
    TokenRefused,
    EnvironmentAdmin,
    NotSudo,
    NoInbound,
    Unread {
        path: &'static str,
    },
    // The rest of its machine.
    Clock {
        seconds: i64,
    },
    EndsLate,
    LinksPrivate {
        address: String,
    },
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// No account can be made.
    Bad,
    /// It works, and something will go wrong.
    Warn,
    /// Good to know.
    Note,
}

impl Finding {
    /// How much it matters.
    pub fn weight(&self) -> Weight {
        match self {
            Self::EnvironmentAdmin
            | Self::Clock { .. }
            | Self::EndsLate
            | Self::LinksPrivate { .. }
            | Self::Unread { .. } => Weight::Warn,
            Self::NotSudo => Weight::Note,
            _ => Weight::Bad,
        }
    }
}

/// What was learnt where it answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub version: Option<String>,
    /// Of one short call, without signing in.
    pub round_trip: Option<Duration>,
    pub is_sudo: Option<bool>,
    /// Accounts that our admin there owns; all of them for one that owns nothing.
    pub users: Option<u64>,
    /// The protocols that have an inbound.
    pub protocols: Vec<String>,
    /// By how many seconds its clock is before ours; to a second or two.
    pub clock_ahead: Option<i64>,
}

/// The whole result.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Those that matter most come first.
    pub findings: Vec<Finding>,
    pub facts: Facts,
}

impl Report {
    /// Whether accounts can be made.
    pub fn is_good(&self) -> bool {
        self.findings.iter().all(|finding| finding.weight() != Weight::Bad)
    }
}

/// What is examined.
#[derive(Clone, Debug)]
pub struct Subject {
    pub settings: Settings,
    /// Issuers of certificates that are believed beside the machine's own.
    pub trusted: Vec<reqwest::Certificate>,
}

impl Subject {
    /// The panel of these settings, as the panel's own calls go to it.
    pub fn new(settings: Settings) -> Self {
        Self { settings, trusted: Vec::new() }
    }
}

/// Examines the panel, with one sign-in and a handful of reads.
///
/// # Errors
/// When an address can't be used at all; nothing was sent.
pub async fn diagnose(subject: &Subject, clock: &Clock) -> Result<Report, SettingsError> {
    let root = web_address("base URL", &subject.settings.base_url)?;
    let base = Url::parse(&root).map_err(|_| SettingsError::Malformed("base URL", "an address"))?;
    let proxy = transport::proxy_to(&subject.settings, &root)?;
    let mut report = Report::default();
    let http = match transport::client(&subject.settings, &root, &subject.trusted) {
        Ok(http) => http,
        Err(SettingsError::Client(_)) if base.scheme() == "https" => {
            report.findings.push(Finding::NoIssuers);
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    let address = route::address_of(&base);
    let examination = Examination { subject, http, base, root, proxy, clock };
    let whole = timeout(LONGEST, examination.run(&mut report)).await;
    if whole.is_err() {
        report.findings.push(Finding::NoAnswer { hop: Hop::Panel, address });
    }
    report.findings.sort_by_key(Finding::weight);
    Ok(report)
}
