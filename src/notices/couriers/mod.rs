//! What carries notices out of the panel. Invariant: no text that leaves here holds a token or a password.

mod mail;
mod telegram;

use std::{sync::Arc, time::Duration};

use reqwest::Url;

use crate::config::{Config, Secret};

pub(super) use mail::{Letter, MailServer, Security};
pub(super) use telegram::{Bot, Update};

/// The longest that sending one message may take, all its calls together.
pub(super) const WHOLE: Duration = Duration::from_secs(20);

/// Gives up after so long.
async fn in_time(limit: Duration, sending: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let late = |_| Err(Failure::new(Problem::Network, "no answer in time"));
    tokio::time::timeout(limit, sending).await.unwrap_or_else(late)
}

/// The ways out: the clients, and the address under which people know the panel. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Couriers {
    telegram: Arc<telegram::Clients>,
    public_url: Option<Url>,
}

impl Default for Couriers {
    /// Without proxies and without a public address.
    fn default() -> Self {
        Self { telegram: Arc::new(telegram::Clients::new(None, None)), public_url: None }
    }
}

impl Couriers {
    /// The ways that the settings name: the proxies are those that lead to Marzban.
    pub fn new(config: &Config) -> Self {
        let proxy = |url: &Option<Secret<Url>>| url.clone();
        let clients =
            telegram::Clients::new(proxy(&config.marzban.http_proxy), proxy(&config.marzban.https_proxy));
        Self { telegram: Arc::new(clients), public_url: config.public_url.clone() }
    }

    /// The same with this public address.
    #[must_use]
    pub fn at(mut self, public_url: Url) -> Self {
        self.public_url = Some(public_url);
        self
    }

    /// The whole address of one of our pages; `None` where the panel does not know its own.
    pub(super) fn address_of(&self, path: &str) -> Option<String> {
        self.public_url.as_ref().and_then(|url| url.join(path).ok()).map(|url| url.to_string())
    }

    pub(super) fn knows_address(&self) -> bool {
        self.public_url.is_some()
    }
}

/// What a message can be answered with: it leads to one of our pages.
#[derive(Clone, Debug)]
pub(super) struct Button {
    pub label: String,
    pub address: String,
}

/// What stands in the way of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The recipient's chat or address takes nothing from us: no use in trying again.
    Recipient,
    /// The bot's token is refused.
    Token,
    /// The mail server refuses user name and password.
    SignIn,
    /// The mail server speaks no TLS as it is set, or its certificate is not trusted.
    Tls,
    /// Too many messages; it says how long to wait.
    Busy,
    /// It answers with failures.
    Server,
    /// It is not reached.
    Network,
    /// The proxy is not reached, or refuses.
    Proxy,
    /// It says no to the message, for another reason.
    Refused,
}

impl Problem {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Recipient, "RECIPIENT"),
        (Self::Token, "TOKEN"),
        (Self::SignIn, "SIGN_IN"),
        (Self::Tls, "TLS"),
        (Self::Busy, "BUSY"),
        (Self::Server, "SERVER"),
        (Self::Network, "NETWORK"),
        (Self::Proxy, "PROXY"),
        (Self::Refused, "REFUSED"),
    ];

    /// The other side, or the way to it, is away: whoever tries next waits in vain too.
    pub(super) const ABSENCES: [Self; 2] = [Self::Network, Self::Proxy];

    pub(super) fn is_absence(self) -> bool {
        Self::ABSENCES.contains(&self)
    }

    /// The word for it in our tables.
    pub(super) fn code(self) -> &'static str {
        Self::ALL.iter().find(|(problem, _)| *problem == self).map_or("", |(_, code)| code)
    }

    pub(super) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, other)| *other == code).map(|(problem, _)| *problem)
    }
}

/// Why a message was not sent.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub problem: Problem,
    /// The other side's words, for the settings page; one short line.
    pub detail: String,
    /// How long it asked to be left alone.
    pub wait: Option<Duration>,
}

impl Failure {
    fn new(problem: Problem, detail: impl AsRef<str>) -> Self {
        let printable = detail.as_ref().trim().chars().map(|c| if c.is_control() { ' ' } else { c });
        Self { problem, detail: printable.take(200).collect(), wait: None }
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        words = format!("{words}: {cause}");
        next = cause.source();
    }
    words
}
