//! One request, one answer, within a deadline. Invariants: never more than the allowed number in flight, nothing is
//! repeated here, redirects are not followed, and no text that leaves holds a secret.

use std::error::Error;

use reqwest::{Certificate, Client, Method, Proxy, Url, redirect};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::{
    answers::sort,
    settings::{Settings, SettingsError, proxy_address},
    wire::Detail,
};
use crate::{
    panel::{Cause, Stop},
    request_id,
};

/// Below the 5 s after which the panel closes an idle connection.
const IDLE: std::time::Duration = std::time::Duration::from_secs(3);
/// A list of a hundred accounts with many links each is the longest that we ask for.
const LONGEST_ANSWER: usize = 2 << 20;
const LONGEST_DETAIL: usize = 300;

pub(super) struct Transport {
    http: Client,
    base_url: String,
    places: Semaphore,
    proxied: bool,
    /// Answers come through an HTTP proxy that reads them, and may be its own.
    relayed: bool,
    secrets: Vec<String>,
}

pub(super) struct Request<'a> {
    method: Method,
    path: &'a str,
    body: Body<'a>,
}

pub(super) enum Body<'a> {
    None,
    Json(Vec<u8>),
    Form(&'a [(&'a str, &'a str)]),
}

impl<'a> Request<'a> {
    pub(super) fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, body: Body::None }
    }

    pub(super) fn post(path: &'a str, body: Body<'a>) -> Self {
        Self { method: Method::POST, path, body }
    }

    pub(super) fn put(path: &'a str, body: Body<'a>) -> Self {
        Self { method: Method::PUT, path, body }
    }

    pub(super) fn delete(path: &'a str) -> Self {
        Self { method: Method::DELETE, path, body: Body::None }
    }
}

/// The proxy on the way to this address, if there is one.
pub(super) fn proxy_to(settings: &Settings, base_url: &str) -> Result<Option<Url>, SettingsError> {
    if base_url.starts_with("https:") {
        settings.https_proxy.as_deref().map(|address| proxy_address("HTTPS proxy", address))
    } else {
        settings.http_proxy.as_deref().map(|address| proxy_address("HTTP proxy", address))
    }
    .transpose()
}

/// A client that goes that way; `trusted` issuers are believed beside the machine's own.
pub(super) fn client(
    settings: &Settings,
    base_url: &str,
    trusted: &[Certificate],
) -> Result<Client, SettingsError> {
    // Whoever installed a provider first wins; without one the client can't be built.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("rad-panel/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(settings.max_in_flight);
    let proxy = proxy_to(settings, base_url)?;
    let speaks_tls =
        base_url.starts_with("https:") || proxy.as_ref().is_some_and(|url| url.scheme() == "https");
    if let Some(url) = proxy {
        builder = builder
            .proxy(Proxy::all(url).map_err(|error| SettingsError::Client(error.without_url().to_string()))?);
    }
    if !speaks_tls {
        // Do without the machine's certificates, which a small one may lack.
        builder = builder.tls_certs_only([]);
    } else if !trusted.is_empty() {
        builder = builder.tls_certs_merge(trusted.iter().cloned());
    }
    builder.build().map_err(|error| SettingsError::Client(chain(&error.without_url())))
}

impl Transport {
    /// `base_url` is already checked.
    pub(super) fn new(settings: &Settings, base_url: String) -> Result<Self, SettingsError> {
        let secure = base_url.starts_with("https:");
        let proxy = proxy_to(settings, &base_url)?;
        let mut secrets = vec![settings.password.clone()];
        secrets.extend(proxy.iter().flat_map(credentials_of));
        let http = client(settings, &base_url, &[])?;
        secrets.retain(|secret| !secret.is_empty());
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let places = Semaphore::new(settings.max_in_flight.max(1));
        let relayed = !secure && proxy.as_ref().is_some_and(|url| url.scheme().starts_with("http"));
        Ok(Self { http, base_url, places, proxied: proxy.is_some(), relayed, secrets })
    }

    /// Sends once; the body of a success, or why there is none.
    pub(super) async fn exchange(
        &self,
        request: &Request<'_>,
        token: Option<&str>,
        deadline: Instant,
    ) -> Result<Vec<u8>, Stop> {
        timeout_at(deadline, async {
            let _place = self.places.acquire().await.map_err(|_| too_late())?;
            self.send(request, token).await
        })
        .await
        .unwrap_or_else(|_| Err(too_late()))
    }

    async fn send(&self, request: &Request<'_>, token: Option<&str>) -> Result<Vec<u8>, Stop> {
        let mut builder =
            self.http.request(request.method.clone(), format!("{}{}", self.base_url, request.path));
        if let Some(token) = token {
            builder = builder.bearer_auth(token);
        }
        if let Some(id) = request_id::current() {
            builder = builder.header("x-request-id", &*id);
        }
        builder = match &request.body {
            Body::None => builder,
            Body::Json(bytes) => {
                builder.header(reqwest::header::CONTENT_TYPE, "application/json").body(bytes.clone())
            }
            Body::Form(fields) => builder.form(fields),
        };
        let broken = |error: reqwest::Error| self.broken(error, token);
        let mut response = builder.send().await.map_err(broken)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_ANSWER {
                return Err(Stop::bad_answer(format!("{status} with an endless body")));
            }
        }
        if response.status().is_success() {
            return Ok(body);
        }
        let detail = Detail::read(&body, |text| self.clean(text, token));
        if self.relayed && matches!(status, 502 | 504) {
            // The panel never says so of itself: it is the last one on the way that couldn't reach the next.
            return Err(Stop::Unknown(Cause::ProxyFailed, format!("{status} {detail}")));
        }
        Err(sort(status, detail))
    }

    fn broken(&self, error: reqwest::Error, token: Option<&str>) -> Stop {
        let error = error.without_url();
        let words = chain(&error);
        let cause = if error.is_connect() {
            // A certificate is the panel's own, also at the far end of a tunnel.
            if self.proxied && !words.contains("certificate") {
                Cause::ProxyFailed
            } else {
                Cause::ConnectFailed
            }
        } else if error.is_timeout() {
            Cause::Timeout
        } else if error.is_builder() || error.is_decode() || words.contains("invalid HTTP") {
            Cause::BadAnswer
        } else {
            Cause::ConnectionBroken
        };
        Stop::Unknown(cause, self.clean(&words, token))
    }

    /// One short line without the secrets that we know.
    fn clean(&self, text: &str, token: Option<&str>) -> String {
        let mut text = text.to_owned();
        for secret in token.into_iter().chain(self.secrets.iter().map(String::as_str)) {
            text = text.replace(secret, "[hidden]");
        }
        let printable = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
        printable.take(LONGEST_DETAIL).collect()
    }
}

/// The deadline passed before the answer came.
pub(super) fn too_late() -> Stop {
    Stop::Unknown(Cause::Timeout, "no answer in time".into())
}

/// The password as written in the address and as sent.
fn credentials_of(proxy: &Url) -> Vec<String> {
    let Some(written) = proxy.password() else { return Vec::new() };
    let sent = percent_encoding::percent_decode_str(written).decode_utf8_lossy().into_owned();
    vec![written.to_owned(), sent]
}

fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        words = format!("{words}: {cause}");
        next = cause.source();
    }
    words
}
