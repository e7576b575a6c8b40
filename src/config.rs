//! The settings: one table that says what exists, and the typed `Config` made from it.
//!
//! A value comes from the environment, else from the file given by `--config`, else from the table.
//! An empty value counts as absent. Whatever is unknown or malformed stops the start, by name; a
//! secret's value appears in no message and in no `Debug`.

mod settings;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use age::x25519::Recipient;
use ipnet::IpNet;
use reqwest::Url;
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};

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
    /// Lines go here too.
    pub file: Option<PathBuf>,
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
        Ok(Self {
            filter: values.get(&LOG, filter)?,
            format: values.get(&LOG_FORMAT, format)?,
            file: values.optional(&LOG_FILE, |text| Some(PathBuf::from(text)))?,
        })
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
        let mut options = values.get(&DATABASE_URL, url)?;
        let has_password = options.expose().to_url_lossy().password().is_some();
        if let Some(password) = values.optional(&DATABASE_PASSWORD, |text| Some(text.to_owned()))?
            && !has_password
        {
            options = Secret::new(options.expose().clone().password(&password));
        }
        Ok(Self { options, max_connections: values.get(&DATABASE_MAX_CONNECTIONS, number(6..=500))? })
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
    /// Where each of these comes from.
    pub places: BTreeMap<&'static str, Place>,
}

/// The settings of Marzban, in the order in which they are told.
pub const MARZBAN_SETTINGS: [&Setting; 9] = [
    &MARZBAN_URL,
    &MARZBAN_USERNAME,
    &MARZBAN_PASSWORD,
    &MARZBAN_PUBLIC_URL,
    &HTTP_PROXY,
    &HTTPS_PROXY,
    &MARZBAN_CONNECT_TIMEOUT,
    &MARZBAN_TIMEOUT,
    &MARZBAN_MAX_IN_FLIGHT,
];

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
            // One of the few that work on the queue waits for it.
            timeout: values
                .get(&MARZBAN_TIMEOUT, |text| number::<u64>(1..=90)(text).map(Duration::from_secs))?,
            max_in_flight: values.get(&MARZBAN_MAX_IN_FLIGHT, number(1..=100))?,
            http_proxy: values.optional(&HTTP_PROXY, proxy_url)?,
            https_proxy: values.optional(&HTTPS_PROXY, proxy_url)?,
            places: MARZBAN_SETTINGS.map(|setting| (setting.name, values.place(setting))).into(),
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
    /// Where each is copied to.
    pub offsite: Option<OffsiteConfig>,
}

impl BackupConfig {
    /// The place in words where each is copied to.
    pub fn place(&self) -> Option<String> {
        self.offsite.as_ref().map(OffsiteConfig::place)
    }
}

/// An S3-compatible store, and the way to it.
#[derive(Clone, Debug)]
pub struct OffsiteConfig {
    pub endpoint: Url,
    pub bucket: String,
    pub region: String,
    pub access_key: String,
    pub secret_key: Secret<String>,
    /// Without slashes around it.
    pub prefix: String,
    /// The one for the endpoint's scheme.
    pub proxy: Option<Secret<Url>>,
}

impl OffsiteConfig {
    /// `None` where no store is set up. One that is set up by half stops the start.
    pub fn from_values(values: &Values) -> Result<Option<Self>, ConfigError> {
        let parts = [&BACKUP_S3_BUCKET, &BACKUP_S3_ACCESS_KEY, &BACKUP_S3_SECRET_KEY];
        if !values.has(&BACKUP_S3_ENDPOINT) && !parts.iter().any(|part| values.has(part)) {
            return Ok(None);
        }
        let text = |text: &str| Some(text.to_owned());
        let endpoint = values.get(&BACKUP_S3_ENDPOINT, web_url)?;
        let proxy = if endpoint.scheme() == "https" { &HTTPS_PROXY } else { &HTTP_PROXY };
        Ok(Some(Self {
            proxy: values.optional(proxy, proxy_url)?,
            endpoint,
            bucket: values.get(&BACKUP_S3_BUCKET, bucket)?,
            region: values.get(&BACKUP_S3_REGION, text)?,
            access_key: values.get(&BACKUP_S3_ACCESS_KEY, text)?,
            secret_key: values.get(&BACKUP_S3_SECRET_KEY, |text| Some(Secret::new(text.to_owned())))?,
            prefix: values.get(&BACKUP_S3_PREFIX, prefix)?,
        }))
    }

    /// The place in words: endpoint, bucket and prefix.
    pub fn place(&self) -> String {
        format!("{}{}/{}", self.endpoint, self.bucket, self.prefix)
    }
}

impl BackupConfig {
    pub fn from_values(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            folder: values.get(&BACKUP_DIR, |text| Some(PathBuf::from(text)))?,
            keep_days: values.get(&BACKUP_KEEP_DAYS, number(1..=3650))?,
            recipients: values.optional(&BACKUP_AGE_RECIPIENT, recipients)?.unwrap_or_default(),
            offsite: OffsiteConfig::from_values(values)?,
        })
    }
}

/// The folder of receipts, for commands that need no more than that.
pub fn upload_dir(values: &Values) -> Result<PathBuf, ConfigError> {
    values.get(&UPLOAD_DIR, |text| Some(PathBuf::from(text)))
}

/// Where the panel answers, for commands that need no more than that.
pub fn listen(values: &Values) -> Result<SocketAddr, ConfigError> {
    values.get(&LISTEN, |text| text.parse().ok())
}

/// All that `rad-panel serve` needs.
#[derive(Clone, Debug)]
pub struct Config {
    pub database: DatabaseConfig,
    pub listen: SocketAddr,
    pub metrics_listen: Option<SocketAddr>,
    /// How long requests are still taken after the order to stop.
    pub shutdown_drain: Duration,
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
            listen: listen(values)?,
            metrics_listen: values.optional(&METRICS_LISTEN, |text| text.parse().ok())?,
            shutdown_drain: values
                .get(&SHUTDOWN_DRAIN, |text| number::<u64>(0..=120)(text).map(Duration::from_secs))?,
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

fn bucket(text: &str) -> Option<String> {
    let fits = (3..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    fits.then(|| text.to_owned())
}

fn prefix(text: &str) -> Option<String> {
    let prefix = text.trim_matches('/');
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    prefix.split('/').all(part).then(|| prefix.to_owned())
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
