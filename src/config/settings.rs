//! The table of settings, and their values as they were written: all known, not parsed yet.
//!
//! A new setting is one row here and one field in the typed `Config`; `.env.example` follows the table.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    fs, io,
    path::{Path, PathBuf},
};

/// What holds when a setting is absent.
#[derive(Clone, Copy, Debug)]
pub enum Absent {
    /// The start stops.
    Required,
    /// This text is parsed instead.
    Default(&'static str),
    /// Nothing is parsed; the text says what happens then.
    Means(&'static str),
}

/// One row of the table of settings.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The variable's name, also the key in the file.
    pub name: &'static str,
    /// What the value is counted or written in.
    pub unit: &'static str,
    pub absent: Absent,
    /// Whether the value must never be shown.
    pub secret: bool,
    /// One line for the person who sets it.
    pub meaning: &'static str,
}

macro_rules! settings {
    ($($name:ident $secret:literal $unit:literal $absent:expr, $meaning:literal;)+) => {
        use Absent::{Default as D, Means as M, Required as R};
        $(#[doc = $meaning] pub const $name: Setting = Setting {
            name: stringify!($name), unit: $unit, absent: $absent, secret: $secret, meaning: $meaning,
        };)+
        /// Every setting there is, in the order of `.env.example`.
        pub const SETTINGS: &[Setting] = &[$($name),+];
    };
}

// name, secret?, unit, when absent, meaning
settings! {
    DATABASE_URL true "postgres:// URL" R, "The PostgreSQL database; a socket folder goes in as postgres://user@%2Frun%2Fpostgresql/name.";
    DATABASE_PASSWORD true "text" M("as DATABASE_URL says"), "The database's password, where DATABASE_URL holds none.";
    DATABASE_MAX_CONNECTIONS false "connections, 6 to 500" D("10"), "How many database connections one panel process opens at most; two of them listen, and a backup takes three.";
    LISTEN false "IP address:port" D("127.0.0.1:8000"), "Where the panel answers plain HTTP; a reverse proxy brings HTTPS to it.";
    METRICS_LISTEN false "IP address:port" M("no metrics"), "Where Prometheus reads the metrics, at /metrics; keep it on loopback or a private address.";
    SHUTDOWN_DRAIN false "seconds, 0 to 120" D("5"), "How long requests are still taken after the order to stop, while /readyz says no, so that a load balancer can turn away first.";
    PUBLIC_URL false "http(s):// URL without a path" M("none; cookies are Secure unless LISTEN is loopback"), "The panel's own address as people type it; https makes cookies Secure.";
    TRUSTED_PROXIES false "IP addresses or networks (CIDR), separated by commas" M("none"), "The reverse proxies whose X-Forwarded-For is believed.";
    UPLOAD_DIR false "folder" D("./var/uploads"), "Where receipts are stored; back it up with the database.";
    BACKUP_DIR false "folder" D("./var/backups"), "Where backups are stored; best on another disk, and copied elsewhere from there.";
    BACKUP_KEEP_DAYS false "days, 1 to 3650" D("30"), "How long backups are kept; the seven newest good ones always are.";
    BACKUP_AGE_RECIPIENT false "age public keys (age1…), separated by commas" M("backups are not encrypted"), "Who alone can open the backups, with the age identity of that key; keep it where the panel is not.";
    BACKUP_S3_ENDPOINT false "http(s):// URL" M("backups are copied nowhere"), "The S3-compatible store that each backup is copied to; https, but in a network of your own.";
    BACKUP_S3_BUCKET false "bucket name" M("none; needed with BACKUP_S3_ENDPOINT"), "The bucket there, which must exist; addressed by path (ENDPOINT/BUCKET/…).";
    BACKUP_S3_REGION false "text" D("us-east-1"), "The region that requests are signed for; many stores take any.";
    BACKUP_S3_ACCESS_KEY false "text" M("none; needed with BACKUP_S3_ENDPOINT"), "The key that may list, read, write and delete in the bucket.";
    BACKUP_S3_SECRET_KEY true "text" M("none; needed with BACKUP_S3_ENDPOINT"), "The secret of that key.";
    BACKUP_S3_PREFIX false "path in the bucket, of this panel alone" D("rad-panel"), "Where the copies lie in the bucket; what is too old there is removed, so each panel needs its own.";
    MARZBAN_URL false "http(s):// URL" R, "The Marzban server, as the panel reaches it.";
    MARZBAN_USERNAME false "text" R, "The Marzban admin that the panel signs in as.";
    MARZBAN_PASSWORD true "text" R, "That admin's password.";
    MARZBAN_PUBLIC_URL false "http(s):// URL" M("MARZBAN_URL"), "What relative subscription links are completed with: Marzban as customers reach it.";
    MARZBAN_CONNECT_TIMEOUT false "seconds, 1 to 300" D("5"), "How long connecting to Marzban may take.";
    MARZBAN_TIMEOUT false "seconds, 1 to 90" D("20"), "How long one Marzban request may take in all.";
    MARZBAN_MAX_IN_FLIGHT false "requests, 1 to 100" D("8"), "How many requests Marzban gets at the same time.";
    HTTP_PROXY true "http, https, socks5 or socks5h URL" M("no proxy"), "The proxy for http:// addresses; may hold user:password@.";
    HTTPS_PROXY true "http, https, socks5 or socks5h URL" M("no proxy"), "The proxy for https:// addresses; may hold user:password@.";
    LOG false "filter, as in info,sqlx=warn" D("info,sqlx::postgres::notice=warn"), "What is logged.";
    LOG_FORMAT false "human or json" D("human"), "How a log line is written.";
    LOG_FILE false "file" M("standard output alone"), "A file that log lines go to as well; a new one each day, the last 14 are kept.";
}

/// Names that proxies and tools also write in lower case.
const LOWER_CASE_TOO: [&str; 2] = [HTTP_PROXY.name, HTTPS_PROXY.name];

/// Why the start stops; each message names the setting, none shows a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the settings file {} can't be read: {cause}", path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("the settings file {} has a line that is not NAME=VALUE, {}", path.display(), whereabouts(.after))]
    Line { path: PathBuf, after: Option<String> },
    #[error("{name} names the file {}, which can't be read: {cause}", path.display())]
    SecretFile { name: String, path: PathBuf, cause: io::Error },
    #[error("{name} in {place} is not a setting of RAD Panel (`rad-panel serve --help` names them all)")]
    Unknown { name: String, place: String },
    #[error("{name} stands twice in {place}")]
    Twice { name: String, place: String },
    #[error("{0} is not set, and the start needs it: {1}")]
    Missing(&'static str, &'static str),
    #[error("{name} is malformed: expected {expected}{}", shown(.value))]
    Malformed { name: &'static str, expected: &'static str, value: Option<String> },
}

/// What may stand in a log: an address with a user's name and password may not.
fn shown(value: &Option<String>) -> String {
    let value = value.as_ref().filter(|value| !value.contains('@'));
    value.map_or_else(String::new, |value| format!(", found {value:?}"))
}

/// Of the line itself nothing can be shown: what can't be read may be a password.
fn whereabouts(after: &Option<String>) -> String {
    let quotes = "a value with a blank, #, $, \\ or a quote in it needs quotes";
    match after {
        Some(name) => format!("somewhere after {name}; {quotes}"),
        None => format!("before the first setting; {quotes}"),
    }
}

/// A value that `Debug` hides.
#[derive(Clone)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }
    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a secret's name ends in, where its value is the name of the file that holds it.
const IN_FILE: &str = "_FILE";

/// Where a setting's value comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// It has none: the table's default holds.
    #[default]
    Table,
    Environment,
    File(PathBuf),
}

/// The settings as they were written: all known, not parsed yet.
#[derive(Clone, Default)]
pub struct Values(BTreeMap<&'static str, String>, BTreeMap<&'static str, Place>);

impl Values {
    /// Reads this process's environment and the file, if one is given.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        });
        Self::read(environment, file)
    }

    /// Reads the given environment and the file; the environment wins.
    pub fn read(
        environment: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let mut values = file.map_or_else(|| Ok(BTreeMap::new()), read_file)?;
        let (mut from_environment, mut from_files) = (BTreeMap::new(), BTreeMap::new());
        let place = || "the environment".to_owned();
        for (name, value) in environment {
            let secret = secret_in_file(&name);
            match secret.or_else(|| known(&name)) {
                Some(_) if value.trim().is_empty() => {}
                Some(known) if secret.is_some() => {
                    from_files.extend(read_secret(&name, &value)?.map(|value| (known, value)));
                }
                Some(known) if known == name => {
                    from_environment.insert(known, value);
                }
                Some(known) => {
                    from_environment.entry(known).or_insert(value);
                }
                None if reserved(&name) => return Err(ConfigError::Unknown { name, place: place() }),
                None => {}
            }
        }
        if let Some(&name) = from_files.keys().find(|&&name| from_environment.contains_key(name)) {
            return Err(ConfigError::Twice { name: format!("{name} or {name}{IN_FILE}"), place: place() });
        }
        let in_file = file.map(|file| Place::File(file.to_owned())).unwrap_or_default();
        let mut places: BTreeMap<_, _> = values.keys().map(|name| (*name, in_file.clone())).collect();
        from_environment.append(&mut from_files);
        places.extend(from_environment.keys().map(|name| (*name, Place::Environment)));
        values.append(&mut from_environment);
        Ok(Self(values, places))
    }

    /// Where the setting's value comes from.
    pub fn place(&self, setting: &Setting) -> Place {
        self.1.get(setting.name).cloned().unwrap_or_default()
    }

    /// The same values with one replaced; the demo brings its own database and Marzban this way.
    pub fn with(mut self, setting: &Setting, value: impl Into<String>) -> Self {
        self.0.insert(setting.name, value.into());
        self
    }

    /// The same values with one taken away, so that its default holds.
    pub fn without(mut self, setting: &Setting) -> Self {
        self.0.remove(setting.name);
        self
    }

    /// Whether the setting was given a value.
    pub fn has(&self, setting: &Setting) -> bool {
        self.0.contains_key(setting.name)
    }

    fn text(&self, setting: &Setting) -> Option<&str> {
        let given = self.0.get(setting.name).map(|text| text.trim());
        match setting.absent {
            Absent::Default(text) => given.or(Some(text)),
            Absent::Required | Absent::Means(_) => given,
        }
    }

    pub(super) fn optional<T>(
        &self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text(setting) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| ConfigError::Malformed {
            name: setting.name,
            expected: setting.unit,
            value: (!setting.secret).then(|| text.to_owned()),
        })
    }

    pub(super) fn get<T>(
        &self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        self.optional(setting, parse)?.ok_or(ConfigError::Missing(setting.name, setting.meaning))
    }
}

/// The table's spelling of a name.
fn known(name: &str) -> Option<&'static str> {
    let lower = |known: &str| LOWER_CASE_TOO.contains(&known) && known.to_ascii_lowercase() == name;
    SETTINGS.iter().map(|setting| setting.name).find(|known| *known == name || lower(known))
}

/// The secret whose file a name like `MARZBAN_PASSWORD_FILE` names.
fn secret_in_file(name: &str) -> Option<&'static str> {
    SETTINGS
        .iter()
        .filter(|setting| setting.secret)
        .map(|setting| setting.name)
        .find(|known| name.strip_suffix(IN_FILE) == Some(known))
}

/// What the file holds, without the line break at its end; nothing for an empty one.
fn read_secret(name: &str, path: &str) -> Result<Option<String>, ConfigError> {
    let path = PathBuf::from(path.trim());
    let text = fs::read_to_string(&path);
    let text = text.map_err(|cause| ConfigError::SecretFile { name: name.to_owned(), path, cause })?;
    let text = text.trim_end_matches(['\r', '\n']);
    Ok((!text.trim().is_empty()).then(|| text.to_owned()))
}

/// `RAD_*` is ours, so an unknown one is a mistake; Kubernetes makes these two kinds for a service `rad-panel`.
fn reserved(name: &str) -> bool {
    let of_kubernetes = name.starts_with("RAD_PANEL_SERVICE_") || name.starts_with("RAD_PANEL_PORT");
    name.starts_with("RAD_") && !of_kubernetes
}

fn read_file(path: &Path) -> Result<BTreeMap<&'static str, String>, ConfigError> {
    let text = fs::read_to_string(path).map_err(|cause| ConfigError::File { path: path.into(), cause })?;
    let place = || path.display().to_string();
    let mut values = BTreeMap::new();
    let mut after = None;
    for entry in dotenvy::from_read_iter(text.as_bytes()) {
        let (name, value) =
            entry.map_err(|_| ConfigError::Line { path: path.into(), after: after.clone() })?;
        after = Some(name.clone());
        let secret = secret_in_file(&name);
        let Some(known) = secret.or_else(|| known(&name)) else {
            return Err(ConfigError::Unknown { name, place: place() });
        };
        if value.trim().is_empty() {
            continue;
        }
        let value = if secret.is_some() { read_secret(&name, &value)? } else { Some(value) };
        let Some(value) = value else { continue };
        if values.insert(known, value).is_some() {
            return Err(ConfigError::Twice { name: known.to_owned(), place: place() });
        }
    }
    Ok(values)
}

/// The text of `.env.example`: every setting with its meaning, unit and default.
pub fn example() -> String {
    let mut text = String::from(
        "# RAD Panel's settings: in the environment, or in a file given by `rad-panel serve --config FILE`.\n\
         # The environment wins. An empty value counts as absent. Put a value with spaces, # or $ in\n\
         # 'single quotes'. A line that begins with # is the default and need not be set. A secret may\n\
         # stand in a file of its own: NAME_FILE=/run/secrets/name instead of NAME.\n",
    );
    for Setting { name, unit, absent, secret, meaning } in SETTINGS {
        let secret = if *secret { " Secret." } else { "" };
        let (default, line) = match absent {
            Absent::Required => ("required".to_owned(), format!("{name}=")),
            Absent::Default(value) => (format!("default: {value}"), format!("#{name}={value}")),
            Absent::Means(what) => (format!("default: {what}"), format!("#{name}=")),
        };
        // Writing to a String can't fail.
        let _ = write!(text, "\n# {meaning}{secret}\n# Unit: {unit}; {default}.\n{line}\n");
    }
    text
}
