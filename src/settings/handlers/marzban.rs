//! Marzban as the configuration says it, and a test of it, or of what is to be written there.
//!
//! Nothing typed here is stored. The password of the configuration goes nowhere but where the configuration sends it:
//! for any other address, name or proxy it must be typed.

use askama::Template;
use axum::{http::StatusCode, response::IntoResponse};
use reqwest::Url;
use tokio::sync::Semaphore;

use crate::{
    config::{
        HTTP_PROXY, HTTPS_PROXY, MARZBAN_CONNECT_TIMEOUT, MARZBAN_MAX_IN_FLIGHT, MARZBAN_PASSWORD,
        MARZBAN_PUBLIC_URL, MARZBAN_TIMEOUT, MARZBAN_URL, MARZBAN_USERNAME, MarzbanConfig, Place, Secret,
        Setting,
    },
    locale::Tr,
    marzban::{
        Settings,
        diagnosis::{self, Finding, Report, Subject, Weight},
    },
    web::{Admin, AppError, Ask, Fields, Page, PageResult, html},
};

pub const PATH: &str = "/admin/settings/marzban";

/// Each test may hold a connection for many seconds.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

#[derive(Template)]
#[template(path = "settings/marzban.html")]
struct MarzbanPage {
    page: Page,
    form: Fields,
    rows: Vec<Row>,
    result: Option<ResultView>,
    /// Too many tests run.
    is_busy: bool,
}

/// A setting as it is.
struct Row {
    label: String,
    value: String,
    name: &'static str,
    place: String,
}

/// What a test found.
pub struct ResultView {
    pub is_good: bool,
    pub findings: Vec<FindingView>,
    /// Label and value.
    pub facts: Vec<(String, String)>,
}

/// One thing that it found.
pub struct FindingView {
    pub kind: &'static str,
    pub title: String,
    pub advice: String,
}

impl FindingView {
    /// The picture before it.
    pub fn icon(&self) -> &'static str {
        if self.kind == "mute" { "information-circle" } else { "exclamation-triangle" }
    }
}

impl ResultView {
    fn new(report: &Report, t: &Tr) -> Self {
        let view = |finding: &Finding| FindingView {
            kind: match finding.weight() {
                Weight::Bad => "bad",
                Weight::Warn => "warn",
                Weight::Note => "mute",
            },
            title: finding.title(t),
            advice: finding.advice(t),
        };
        Self {
            is_good: report.is_good(),
            findings: report.findings.iter().map(view).collect(),
            facts: report.facts.words(t),
        }
    }
}

pub async fn show(ask: Ask<Admin>) -> PageResult {
    let configured = ask.app.configured;
    let config = configured.marzban.as_ref().ok_or(AppError::NotFound)?;
    draw(ask.page, config, fill(config), None, false)
}

pub async fn create_test(ask: Ask<Admin>, mut form: Fields) -> PageResult {
    let t = ask.page.t;
    let configured = ask.app.configured;
    let config = configured.marzban.as_ref().ok_or(AppError::NotFound)?;
    let Some(settings) = read(&mut form, config, &t) else {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, draw(ask.page, config, form, None, false));
    };
    let Ok(_place) = AT_ONCE.try_acquire() else {
        return refuse(StatusCode::TOO_MANY_REQUESTS, draw(ask.page, config, form, None, true));
    };
    match diagnosis::diagnose(&Subject::new(settings), &ask.app.clock).await {
        Ok(report) => draw(ask.page, config, form, Some(ResultView::new(&report, &t)), false),
        Err(_) => {
            form.fail("url", t.settings_marzban_url_wrong());
            refuse(StatusCode::UNPROCESSABLE_ENTITY, draw(ask.page, config, form, None, false))
        }
    }
}

fn refuse(status: StatusCode, page: PageResult) -> PageResult {
    Ok((status, page?).into_response())
}

fn draw(
    page: Page,
    config: &MarzbanConfig,
    mut form: Fields,
    result: Option<ResultView>,
    is_busy: bool,
) -> PageResult {
    let t = page.t;
    // What was typed is shown again, but for passwords.
    form.set("proxy_with_password", without_password(form.get("proxy_with_password")));
    form.set("marzban_password", "");
    let rows = rows(config, &t);
    html(&MarzbanPage { page: page.titled(t.settings_marzban()), form, rows, result, is_busy })
}

fn fill(config: &MarzbanConfig) -> Fields {
    let mut form = Fields::default();
    form.set("url", plain(&config.url));
    form.set("username", config.username.as_str());
    form.set("proxy_with_password", proxy_of(config, &config.url).map(told).unwrap_or_default());
    form
}

/// The settings to be tested; what is wrong is said beside its field.
fn read(form: &mut Fields, config: &MarzbanConfig, t: &Tr) -> Option<Settings> {
    let is_web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.username().is_empty();
    let url = Url::parse(form.get("url")).ok().filter(is_web).filter(|url| url.query().is_none());
    if url.is_none() {
        form.fail("url", t.settings_marzban_url_wrong());
    }
    let username = form.get("username").to_owned();
    if username.is_empty() {
        form.fail("username", t.forms_missing());
    }
    let written = form.get("proxy_with_password").to_owned();
    let known = url.as_ref().and_then(|url| proxy_of(config, url));
    let proxy = match written.as_str() {
        "" => None,
        // As the form was filled: with the password that it does not show.
        same if known.map(told).as_deref() == Some(same) => known.map(|proxy| proxy.expose().clone()),
        other => {
            let proxy = Url::parse(other).ok().filter(is_proxy);
            if proxy.is_none() {
                form.fail("proxy_with_password", t.settings_marzban_proxy_wrong());
            }
            proxy
        }
    };
    let is_configured = url.as_ref().is_some_and(|url| plain(url) == plain(&config.url))
        && username == config.username
        && proxy.as_ref() == known.map(Secret::expose);
    let password = match form.value("marzban_password") {
        "" if is_configured => config.password.expose().clone(),
        "" => {
            form.fail("marzban_password", t.settings_marzban_password_missing());
            String::new()
        }
        typed => typed.to_owned(),
    };
    let url = url.filter(|_| form.is_ok())?;
    let proxy = proxy.map(|proxy| proxy.to_string());
    let public_url = Some(config.public_url.to_string());
    let public_url =
        public_url.filter(|_| config.public_url != config.url || plain(&url) == plain(&config.url));
    Some(Settings {
        public_url,
        http_proxy: proxy.clone(),
        https_proxy: proxy,
        base_url: url.to_string(),
        username,
        password,
        ..Settings::from(config)
    })
}

/// The proxy that the configuration has for such an address.
fn proxy_of<'a>(config: &'a MarzbanConfig, url: &Url) -> Option<&'a Secret<Url>> {
    if url.scheme() == "https" { config.https_proxy.as_ref() } else { config.http_proxy.as_ref() }
}

fn is_proxy(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") && url.has_host()
}

fn plain(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// A proxy without its password.
fn told(proxy: &Secret<Url>) -> String {
    without_password(proxy.expose().as_str())
}

/// The same of what was typed; what is no address is not shown again, for it may be anything.
fn without_password(proxy: &str) -> String {
    let Ok(mut url) = Url::parse(proxy) else { return String::new() };
    if url.set_password(None).is_err() && url.password().is_some() {
        return String::new();
    }
    plain(&url).to_owned()
}

fn rows(config: &MarzbanConfig, t: &Tr) -> Vec<Row> {
    let row = |setting: &Setting, label: String, value: String| Row {
        label,
        value,
        name: setting.name,
        place: match config.places.get(setting.name) {
            Some(Place::Environment) => t.settings_place_environment(),
            Some(Place::File(path)) => t.settings_place_file(path.display()),
            Some(Place::Table) | None => t.settings_place_table(),
        },
    };
    let proxy =
        |proxy: &Option<Secret<Url>>| proxy.as_ref().map_or_else(|| t.settings_marzban_direct(), told);
    let seconds = |time: std::time::Duration| {
        t.settings_marzban_seconds(t.number(i64::try_from(time.as_secs()).unwrap_or(i64::MAX)))
    };
    let in_flight = i64::try_from(config.max_in_flight).unwrap_or(i64::MAX);
    vec![
        row(&MARZBAN_URL, t.settings_marzban_url(), plain(&config.url).to_owned()),
        row(&MARZBAN_USERNAME, t.settings_marzban_username(), config.username.clone()),
        row(&MARZBAN_PASSWORD, t.settings_marzban_password(), t.settings_marzban_is_set()),
        row(&MARZBAN_PUBLIC_URL, t.settings_marzban_public_url(), plain(&config.public_url).to_owned()),
        row(&HTTP_PROXY, t.settings_marzban_http_proxy(), proxy(&config.http_proxy)),
        row(&HTTPS_PROXY, t.settings_marzban_https_proxy(), proxy(&config.https_proxy)),
        row(&MARZBAN_CONNECT_TIMEOUT, t.settings_marzban_connect_timeout(), seconds(config.connect_timeout)),
        row(&MARZBAN_TIMEOUT, t.settings_marzban_timeout(), seconds(config.timeout)),
        row(&MARZBAN_MAX_IN_FLIGHT, t.settings_marzban_in_flight(), t.number(in_flight)),
    ]
}
