//! What an account's owner opens: the list of links, its page, and the public facts.
//!
//! Only the list (the default and `v2ray`) and the page are made; the configurations for other apps answer 501.

use std::sync::Arc;

use axum::Json;
use axum::extract::{OriginalUri, Path, RawQuery, State as Shared};
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, HOST, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::Core;
use super::answers::{Answer, Refusal};
use super::auth;
use super::state::State;
use super::user::User;
use super::users::{range, usages};

const FORMATS: [&str; 6] = ["sing-box", "clash-meta", "clash", "outline", "v2ray", "v2ray-json"];

/// The user behind a link: signed by us, not issued before the user was created or its links were revoked.
fn owner<'a>(state: &'a State, token: &str) -> Result<&'a User, Refusal> {
    let (name, second) = auth::read_subscription(state, token).ok_or_else(Refusal::not_found)?;
    let user = state.user(&name).ok_or_else(Refusal::not_found)?;
    let issued = i128::from(second) * 1_000_000_000;
    let newest = user.sub_revoked_at.unwrap_or(user.created_at).max(user.created_at);
    if newest.unix_timestamp_nanos() > issued {
        return Err(Refusal::not_found());
    }
    Ok(user)
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|h| h.to_str().ok())
}

/// `GET /sub/{token}`, with or without a final slash: the list, or a page for a browser.
pub async fn show(
    Shared(core): Shared<Arc<Core>>,
    Path(token): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let now = core.now();
    if header(&headers, ACCEPT).is_some_and(|a| a.contains("text/html")) {
        return core.read(|state| Ok(page(state, owner(state, &token)?)));
    }
    core.change(|state| {
        let name = owner(state, &token)?.username.clone();
        if let Some(user) = state.user_mut(&name) {
            user.sub_updated_at = Some(now);
            user.sub_last_user_agent = Some(header(&headers, USER_AGENT).unwrap_or("").to_owned());
        }
        Ok(list(state, owner(state, &token)?, uri.path(), &headers))
    })
}

/// `GET /sub/{token}/{format}`.
pub async fn show_as(
    Shared(core): Shared<Arc<Core>>,
    Path((token, format)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    core.read(|state| {
        let user = owner(state, &token)?;
        if !FORMATS.contains(&format.as_str()) {
            let message = format!("String should match pattern '{}'", FORMATS.join("|"));
            return Err(Refusal::field("client_type", message));
        }
        if format != "v2ray" {
            let text = "The simulator serves only the list of links";
            return Err(Refusal::detail(StatusCode::NOT_IMPLEMENTED, text));
        }
        Ok(list(state, user, uri.path(), &headers))
    })
}

/// `GET /sub/{token}/info`: the user without what only its seller may see.
pub async fn info(Shared(core): Shared<Arc<Core>>, Path(token): Path<String>) -> Answer {
    let now = core.now();
    core.read(|state| Ok(Json(owner(state, &token)?.public_view(state, now))))
}

/// `GET /sub/{token}/usage?start&end`.
pub async fn usage(
    Shared(core): Shared<Arc<Core>>,
    Path(token): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let now = core.now();
    core.read(|state| {
        let user = owner(state, &token)?;
        let (start, end) = range(query.as_deref().unwrap_or(""), now)?;
        Ok(Json(json!({"usages": usages([user], start, end), "username": user.username})))
    })
}

fn list(state: &State, user: &User, path: &str, headers: &HeaderMap) -> Response {
    let host = header(headers, HOST).unwrap_or("");
    let facts = format!(
        "upload=0; download={}; total={}; expire={}",
        user.used_traffic,
        user.data_limit.unwrap_or(0),
        user.expire.unwrap_or(0)
    );
    let title = format!("base64:{}", STANDARD.encode("Subscription"));
    let headers = [
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", user.username.trim_end())),
        (HeaderName::from_static("profile-web-page-url"), format!("http://{host}{path}")),
        (HeaderName::from_static("support-url"), "https://t.me/".to_owned()),
        (HeaderName::from_static("profile-title"), title),
        (HeaderName::from_static("profile-update-interval"), "12".to_owned()),
        (HeaderName::from_static("subscription-userinfo"), facts),
    ];
    let links = user.links(&state.inbounds).join("\n");
    (headers, STANDARD.encode(links)).into_response()
}

fn page(state: &State, user: &User) -> Response {
    let escape = |s: &str| s.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let status = json!(user.status);
    let links: String =
        user.links(&state.inbounds).iter().map(|l| format!("<li><code>{}</code></li>", escape(l))).collect();
    Html(format!(
        "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>Subscription Information</title></head>\
         <body><h1>{}</h1><p>{}</p><ul>{links}</ul></body></html>",
        escape(&user.username),
        status.as_str().unwrap_or("")
    ))
    .into_response()
}
