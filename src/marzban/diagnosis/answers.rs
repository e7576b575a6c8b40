//! The third step: whether who answers is the panel, read from the answer to our sign-in.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{
    Url,
    header::{DATE, HeaderMap, LOCATION},
};
use serde::Deserialize;
use time::format_description::well_known::Rfc2822;

use super::{Finding, Hop};
use crate::calendar::Time;

/// An answer, and when it was asked for.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Our time in the middle between question and answer.
    pub at: Time,
}

/// What signing in brought.
pub struct Token {
    pub text: String,
    /// The panel's own time, to the second below.
    pub issued_at: Option<i64>,
}

impl Answer {
    fn header(&self, name: reqwest::header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn is_page(&self) -> bool {
        let start: Vec<u8> = self.body.iter().copied().skip_while(u8::is_ascii_whitespace).take(9).collect();
        self.header(reqwest::header::CONTENT_TYPE).starts_with("text/html") || start.starts_with(b"<")
    }

    /// Marzban's word for what is wrong.
    fn detail(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Refusal {
            detail: String,
        }
        serde_json::from_slice::<Refusal>(&self.body).ok().map(|refusal| refusal.detail)
    }

    /// By how many seconds the clock of whoever answered is before ours.
    pub fn clock_ahead(&self) -> Option<i64> {
        let theirs = Time::parse(self.header(DATE), &Rfc2822).ok()?;
        Some((theirs - self.at).whole_seconds())
    }
}

/// The token, or who it is that answers instead of the panel. An answer that came by way of an HTTP proxy which reads
/// along (`is_relayed`) may be the proxy's own.
pub fn token(answer: &Answer, base: &Url, is_relayed: bool) -> Result<Token, Finding> {
    #[derive(Deserialize)]
    struct SignedIn {
        access_token: String,
    }
    let status = answer.status;
    Err(match status {
        200 => match serde_json::from_slice::<SignedIn>(&answer.body) {
            Ok(SignedIn { access_token: text }) if is_printable(&text) => {
                let issued_at = issued_at(&text);
                return Ok(Token { text, issued_at });
            }
            _ if answer.is_page() => Finding::WebPage,
            _ => Finding::Stranger { status },
        },
        300..=399 => redirected(answer.header(LOCATION), base),
        407 if is_relayed => Finding::ProxyCredentials,
        502 | 504 if is_relayed => Finding::BehindProxy,
        400 if is_told_to_use_tls(answer) => Finding::WantsTls,
        401 if answer.detail().as_deref() == Some("Incorrect username or password") => Finding::WrongPassword,
        401 => Finding::AnotherGate,
        403 => Finding::Forbidden,
        404 | 405 if answer.is_page() => Finding::WebPage,
        404 | 405 => Finding::WrongPath { has_path: base.path() != "/" },
        429 => Finding::Throttled,
        502..=504 => Finding::BehindGateway { status },
        500..=599 => Finding::ServerError { status },
        _ => Finding::Stranger { status },
    })
}

/// What nginx says to plain HTTP on its port for TLS.
fn is_told_to_use_tls(answer: &Answer) -> bool {
    String::from_utf8_lossy(&answer.body).contains("HTTP request was sent to HTTPS port")
}

fn is_printable(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())
}

/// Where it leads, without what could be a secret in its query.
fn redirected(location: &str, base: &Url) -> Finding {
    let Ok(mut to) = base.join(location) else { return Finding::Stranger { status: 307 } };
    to.set_query(None);
    to.set_fragment(None);
    let is_secured = base.scheme() == "http" && to.scheme() == "https" && to.host_str() == base.host_str();
    let to = to.as_str().trim_end_matches("/api/admin/token").trim_end_matches('/');
    Finding::Redirected { to: to.to_owned(), is_secured }
}

/// When a token was issued, by the panel's own clock.
fn issued_at(token: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Claims {
        iat: f64,
    }
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    Some(claims.iat as i64)
}

/// What a refused read means.
pub fn refused(status: u16, path: &'static str) -> Finding {
    match status {
        401 => Finding::TokenRefused,
        _ => Finding::Unread { path },
    }
}

/// An answer that did not end in time.
pub fn too_late(address: &str) -> Finding {
    Finding::NoAnswer { hop: Hop::Panel, address: address.to_owned() }
}
