//! The settings: one table that says what exists, and the typed `Config` made from it.
//!
//! A value comes from the environment, else from the file given by `--config`, else from the table.
//! An empty value counts as absent. Whatever is unknown or malformed stops the start, by name; a
//! secret's value appears in no message and in no `Debug`.

mod settings;

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use age::x25519::Recipient;
use ipnet::IpNet;
use reqwest::Url;
use sqlx::postgres::PgConnectOptions;

pub use settings::*;

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Human,
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// A filter that `tracing_subscriber::EnvFilter` has accepted.
    pub filter: String,
    pub format: LogFormat,
}

impl LogConfig {
    pub fn from_values(values: &Values) -> Result<Self, ConfigError> {
        let filter = |text: &str| {
            tracing_subscriber::EnvFilter::builder().parse(text).is_ok().then(|| text.to_owned())
        };
        let format = |text: &str| match text {
            "human" => Some(LogFormat::Human),
            "json" => Some(LogFormat::Json),
            _ => None,
        };
        Ok(Self { filter: values.get(&LOG, filter)?, format: values.get(&LOG_FORMAT, format)? })
    }
}

/// The database: all that `migrate` and `create-admin` need.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    pub options: Secret<PgConnectOptions>,
    pub max_connections: u32,
}

impl DatabaseConfig {
    pub fn from_values(values: &Values) -> Result<Self, ConfigError> {
        let url = |text: &str| {
            (text.starts_with("postgres://") || text.starts_with("postgresql://"))
                .then(|| PgConnectOptions::from_str(text).ok())
                .flatten()
                .map(Secret::new)
        };
        Ok(Self {
            options: values.get(&DATABASE_URL, url)?,
            max_connections: values.get(&DATABASE_MAX_CONNECTIONS, number(2..=500))?,
        })
    }
}

/// Marzban and the way to it.
#[derive(Clone, Debug)]
pub struct MarzbanConfig {
    /// Its path ends in `/`, so that `Url::join` keeps it.
    pub url: Url,
    pub username: String,
    pub password: Secret<String>,
    /// What relative subscription links are joined to; its path ends in `/`.
    pub public_url: Url,
    pub connect_timeout: Duration,
    /// For one request in all.
    pub timeout: Duration,
    pub max_in_flight: usize,
    /// For `http://` addresses.
    pub http_proxy: Option<Secret<Url>>,
    /// For `https://` addresses.
    pub https_proxy: Option<Secret<Url>>,
}

impl MarzbanConfig {
    pub fn from_values(values: &Values) -> Result<Self, ConfigError> {
        let seconds = |text: &str| number::<u64>(1..=300)(text).map(Duration::from_secs);
        let url = values.get(&MARZBAN_URL, web_url)?;
        Ok(Self {
            public_url: values.optional(&MARZBAN_PUBLIC_URL, web_url)?.unwrap_or_else(|| url.clone()),
            url,
            username: values.get(&MARZBAN_USERNAME, |text| Some(text.to_owned()))?,
            password: values.get(&MARZBAN_PASSWORD, |text| Some(Secret::new(text.to_owned())))?,
            connect_timeout: values.get(&MARZBAN_CONNECT_TIMEOUT, seconds)?,
            // Shorter than the lease of the job that waits for it.
            timeout: values
                .get(&MARZBAN_TIMEOUT, |text| number::<u64>(1..=90)(text).map(Duration::from_secs))?,
            max_in_flight: values.get(&MARZBAN_MAX_IN_FLIGHT, number(1..=100))?,
            http_proxy: values.optional(&HTTP_PROXY, proxy_url)?,
            https_proxy: values.optional(&HTTPS_PROXY, proxy_url)?,
        })
    }
}

/// Where backups go, and for how long.
#[derive(Clone, Debug)]
pub struct BackupConfig {
    pub folder: PathBuf,
    pub keep_days: u32,
    /// Whom they are encrypted for; nobody means that they are not.
    pub recipients: Vec<Recipient>,
}

impl BackupConfig {
    pub fn from_values(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            folder: values.get(&BACKUP_DIR, |text| Some(PathBuf::from(text)))?,
            keep_days: values.get(&BACKUP_KEEP_DAYS, number(1..=3650))?,
            recipients: values.optional(&BACKUP_AGE_RECIPIENT, recipients)?.unwrap_or_default(),
        })
    }
}

/// The folder of receipts, for commands that need no more than that.
pub fn upload_dir(values: &Values) -> Result<PathBuf, ConfigError> {
    values.get(&UPLOAD_DIR, |text| Some(PathBuf::from(text)))
}

/// All that `rad-panel serve` needs.
#[derive(Clone, Debug)]
pub struct Config {
    pub database: DatabaseConfig,
    pub listen: SocketAddr,
    /// Scheme, host and port only.
    pub public_url: Option<Url>,
    pub trusted_proxies: Vec<IpNet>,
    pub upload_dir: PathBuf,
    pub backups: BackupConfig,
    pub marzban: MarzbanConfig,
    pub log: LogConfig,
}

impl Config {
    /// Parses every setting; the first that is missing or malformed is the error.
    pub fn from_values(values: &Values) -> Result<Self, ConfigError> {
        let origin = |text: &str| web_url(text).filter(|url| url.path() == "/");
        Ok(Self {
            database: DatabaseConfig::from_values(values)?,
            listen: values.get(&LISTEN, |text| text.parse().ok())?,
            public_url: values.optional(&PUBLIC_URL, origin)?,
            trusted_proxies: values.optional(&TRUSTED_PROXIES, networks)?.unwrap_or_default(),
            upload_dir: upload_dir(values)?,
            backups: BackupConfig::from_values(values)?,
            marzban: MarzbanConfig::from_values(values)?,
            log: LogConfig::from_values(values)?,
        })
    }

    /// Whether cookies carry `Secure`: always, but for plain HTTP on loopback.
    pub fn secure_cookies(&self) -> bool {
        let plain = self.public_url.as_ref().is_none_or(|url| url.scheme() == "http");
        !(plain && self.listen.ip().is_loopback())
    }
}

fn number<T: FromStr + PartialOrd>(range: RangeInclusive<T>) -> impl FnOnce(&str) -> Option<T> {
    move |text| text.parse().ok().filter(|number| range.contains(number))
}

fn web_url(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    (bare && url.fragment().is_none()).then_some(url)
}

fn proxy_url(text: &str) -> Option<Secret<Url>> {
    let url = Url::parse(text).ok().filter(Url::has_host)?;
    matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h").then(|| Secret::new(url))
}

fn networks(text: &str) -> Option<Vec<IpNet>> {
    let network = |part: &str| part.parse().ok().or_else(|| part.parse::<IpAddr>().ok().map(IpNet::from));
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(network).collect()
}

fn recipients(text: &str) -> Option<Vec<Recipient>> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| part.parse().ok()).collect()
}
