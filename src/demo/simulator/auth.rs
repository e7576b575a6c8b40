//! Tokens: the administrators' JWTs, and the signed names in subscription links.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, State as Shared};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::Core;
use super::answers::{Answer, Refusal};
use super::state::{Admin, State};

/// Characters of the signature at the end of a subscription token.
const SIGNATURE: usize = 10;
const BLOCK: usize = 64;

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let mut block = [0u8; BLOCK];
    match key.len() {
        0..=BLOCK => block[..key.len()].copy_from_slice(key),
        _ => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let inner = Sha256::new().chain_update(block.map(|b| b ^ 0x36)).chain_update(message).finalize();
    let outer = Sha256::new().chain_update(block.map(|b| b ^ 0x5c)).chain_update(inner);
    outer.finalize().to_vec()
}

/// A JWT (HS256) over any claims.
pub fn sign(state: &State, claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let body = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = URL_SAFE_NO_PAD.encode(hmac(state.secret.as_bytes(), &body));
    format!("{body}.{signature}")
}

/// A token for an administrator, valid for `life_minutes`.
pub fn token(state: &State, admin: &Admin, now: OffsetDateTime, life_minutes: i64) -> String {
    let iat = now.unix_timestamp();
    let access = if admin.is_sudo { "sudo" } else { "admin" };
    let claims = json!({
        "sub": admin.username, "access": access, "iat": iat, "exp": iat + life_minutes * 60,
    });
    sign(state, &claims)
}

/// Whose token this is, if it is one of ours and good now.
fn bearer(state: &State, token: &str, now: OffsetDateTime) -> Option<Admin> {
    let (body, signature) = token.rsplit_once('.')?;
    let given = URL_SAFE_NO_PAD.decode(signature).ok()?;
    if given != hmac(state.secret.as_bytes(), body) {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(body.split_once('.')?.1).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let now = now.unix_timestamp();
    let iat = claims["iat"].as_i64()?;
    let exp = claims["exp"].as_i64();
    if iat > now || exp.is_some_and(|exp| exp <= now) {
        return None;
    }
    let admin = state.admin(claims["sub"].as_str()?)?;
    let reset = admin.password_reset_at.map(OffsetDateTime::unix_timestamp);
    (reset.is_none_or(|reset| reset <= iat)).then(|| admin.clone())
}

/// The administrator who calls; every route but the token's and the subscriptions' begins with it.
pub struct Caller(pub Admin);

impl Caller {
    /// 403 unless sudo.
    ///
    /// # Errors
    /// `You're not allowed`.
    pub fn sudo(&self) -> Result<(), Refusal> {
        if self.0.is_sudo { Ok(()) } else { Err(Refusal::not_allowed()) }
    }

    /// True where this administrator may see that user.
    pub fn sees(&self, owner: Option<&str>) -> bool {
        self.0.is_sudo || owner == Some(self.0.username.as_str())
    }
}

impl FromRequestParts<Arc<Core>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Refusal> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|h| h.to_str().ok());
        let token = header
            .and_then(|h| h.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token)
            .ok_or_else(|| Refusal::unauthorized("Not authenticated"))?;
        let now = core.now();
        core.read(|state| bearer(state, token, now))
            .map(Caller)
            .ok_or_else(|| Refusal::unauthorized("Could not validate credentials"))
    }
}

/// `POST /api/admin/token`.
pub async fn create_token(Shared(core): Shared<Arc<Core>>, headers: HeaderMap, body: Bytes) -> Answer {
    let kind = headers.get(CONTENT_TYPE).and_then(|h| h.to_str().ok()).unwrap_or("");
    let fields = form(kind, &body);
    let mut errors = Map::new();
    if fields.iter().any(|(k, v)| k == "grant_type" && v != "password") {
        errors.insert("grant_type".into(), "String should match pattern 'password'".into());
    }
    let mut field = |name: &str| {
        let found = fields.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone());
        if found.is_none() {
            errors.insert(name.to_owned(), "Field required".into());
        }
        found.unwrap_or_default()
    };
    let (username, password) = (field("username"), field("password"));
    if !errors.is_empty() {
        return Err(Refusal::Fields(errors));
    }
    if password.contains('\0') {
        return Err(Refusal::Crash);
    }
    let (now, life) = (core.now(), core.token_minutes);
    core.read(|state| {
        state
            .admin(&username)
            .filter(|a| a.password == password)
            .map(|a| Json(json!({"access_token": token(state, a, now, life), "token_type": "bearer"})))
    })
    .ok_or_else(|| Refusal::detail(StatusCode::UNAUTHORIZED, "Incorrect username or password"))
}

/// The fields of a url-encoded or multipart form; none of any other body.
fn form(kind: &str, body: &[u8]) -> Vec<(String, String)> {
    if kind.starts_with("application/x-www-form-urlencoded") {
        return pairs(&String::from_utf8_lossy(body));
    }
    let Some((_, boundary)) = kind.split_once("boundary=") else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(body);
    text.split(&format!("--{boundary}"))
        .filter_map(|part| {
            let (head, value) = part.split_once("\r\n\r\n")?;
            let name = head.split_once("name=\"")?.1.split_once('"')?.0;
            Some((name.to_owned(), value.trim_end_matches("\r\n").to_owned()))
        })
        .collect()
}

/// Decoded `key=value` pairs of a query or form, in order.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |s: &str| {
        let spaced = s.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(k, v)| (decode(k), decode(v)))
        .collect()
}

fn subscription_signature(state: &State, named: &str) -> String {
    let digest = Sha256::digest(format!("{named}{}", state.secret));
    let mut signature = URL_SAFE_NO_PAD.encode(digest);
    signature.truncate(SIGNATURE);
    signature
}

/// The token of a subscription link: name and second, signed. A new one every second.
pub fn subscription_token(state: &State, username: &str, now: OffsetDateTime) -> String {
    let second = now.unix_timestamp() + i64::from(now.nanosecond() > 0);
    let named = URL_SAFE_NO_PAD.encode(format!("{username},{second}"));
    let signature = subscription_signature(state, &named);
    format!("{named}{signature}")
}

/// The name and the second in a subscription token, if we signed it.
pub fn read_subscription(state: &State, token: &str) -> Option<(String, i64)> {
    let at = token.len().checked_sub(SIGNATURE)?;
    let (named, signature) = token.split_at_checked(at)?;
    if subscription_signature(state, named) != signature {
        return None;
    }
    let named = String::from_utf8(URL_SAFE_NO_PAD.decode(named).ok()?).ok()?;
    let (username, second) = named.rsplit_once(',')?;
    Some((username.to_owned(), second.parse().ok()?))
}
