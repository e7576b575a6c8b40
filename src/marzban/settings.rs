//! Where the panel is and how to reach it. Invariant: nothing printed from here holds a password.

use std::{fmt, time::Duration};

use reqwest::Url;

use crate::{
    config::{MarzbanConfig, Secret},
    panel::Probing,
};

/// Read once at the start; secrets are not printed.
#[derive(Clone)]
pub struct Settings {
    /// `http://` or `https://`, may have a path prefix, no credentials.
    pub base_url: String,
    pub username: String,
    pub password: String,
    /// What relative subscription links are completed with; the base URL if absent.
    pub public_url: Option<String>,
    /// Proxy for an `http://` base URL: `http`, `https`, `socks5` or `socks5h`, may hold `user:password@`.
    pub http_proxy: Option<String>,
    /// The same for an `https://` base URL. Nothing else is taken from the environment.
    pub https_proxy: Option<String>,
    /// For one connection, the proxy's included.
    pub connect_timeout: Duration,
    /// For a whole call, with waiting for a place, signing in and repeating.
    pub total_timeout: Duration,
    /// How long after its start a read may be repeated.
    pub retry_for: Duration,
    /// How long refused credentials are not tried again.
    pub sign_in_pause: Duration,
    pub probing: Probing,
    /// Requests at once; the panel locks up at about 60.
    pub max_in_flight: usize,
}

impl Settings {
    /// The defaults for a panel at this address.
    pub fn new(
        base_url: impl Into<String>,
        username: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        Self {
            base_url: base_url.into(),
            username: username.into(),
            password: password.into(),
            public_url: None,
            http_proxy: None,
            https_proxy: None,
            connect_timeout: Duration::from_secs(4),
            total_timeout: Duration::from_secs(15),
            retry_for: Duration::from_secs(4),
            sign_in_pause: Duration::from_secs(600),
            probing: Probing::default(),
            max_in_flight: 8,
        }
    }
}

impl From<&MarzbanConfig> for Settings {
    fn from(config: &MarzbanConfig) -> Self {
        let written = |proxy: &Option<Secret<Url>>| proxy.as_ref().map(|url| url.expose().to_string());
        Self {
            public_url: Some(config.public_url.to_string()),
            http_proxy: written(&config.http_proxy),
            https_proxy: written(&config.https_proxy),
            connect_timeout: config.connect_timeout,
            total_timeout: config.timeout,
            max_in_flight: config.max_in_flight,
            ..Self::new(config.url.as_str(), &config.username, config.password.expose())
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("base_url", &printable(&self.base_url))
            .field("username", &self.username)
            .field("password", &"[hidden]")
            .field("public_url", &self.public_url.as_deref().map(printable))
            .field("http_proxy", &self.http_proxy.as_deref().map(printable))
            .field("https_proxy", &self.https_proxy.as_deref().map(printable))
            .field("connect_timeout", &self.connect_timeout)
            .field("total_timeout", &self.total_timeout)
            .field("retry_for", &self.retry_for)
            .field("sign_in_pause", &self.sign_in_pause)
            .field("probing", &self.probing)
            .field("max_in_flight", &self.max_in_flight)
            .finish()
    }
}

/// A setting that can't be used; names it without its value.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("the Marzban {0} is not usable: it must be {1}")]
    Malformed(&'static str, &'static str),
    #[error("the Marzban client could not be made: {0}")]
    Client(String),
}

/// An address without credentials; what isn't one is not shown at all, for it may be anything.
fn printable(address: &str) -> String {
    match Url::parse(address) {
        Ok(mut url) => {
            let hidden = !url.username().is_empty() || url.password().is_some();
            if hidden && (url.set_username("").is_err() || url.set_password(None).is_err()) {
                return "[hidden]".into();
            }
            url.to_string()
        }
        Err(_) => "[not an address]".into(),
    }
}

/// An `http(s)` address without credentials and query, not ending in a slash.
pub(super) fn web_address(name: &'static str, address: &str) -> Result<String, SettingsError> {
    const WANTED: &str = "http:// or https:// with a host, without user name, password, ? and #";
    let url = Url::parse(address.trim()).map_err(|_| SettingsError::Malformed(name, WANTED))?;
    let fits = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !fits {
        return Err(SettingsError::Malformed(name, WANTED));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// A proxy's address, credentials and all.
pub(super) fn proxy_address(name: &'static str, address: &str) -> Result<Url, SettingsError> {
    const WANTED: &str = "http://, https://, socks5:// or socks5h:// with a host, optionally user:password@";
    let url = Url::parse(address.trim()).map_err(|_| SettingsError::Malformed(name, WANTED))?;
    let fits = matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h")
        && url.host_str().is_some_and(|h| !h.is_empty());
    if fits { Ok(url) } else { Err(SettingsError::Malformed(name, WANTED)) }
}
