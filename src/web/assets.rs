//! The files that every page shares: style, script, icons, font. They are embedded and named by their
//! content, so a browser may keep each of them for ever.

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

struct Asset {
    name: &'static str,
    content_type: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/assets/assets.rs"));

/// The routes of the embedded files: `/assets/{file}` and `/favicon.ico`. Needs no session.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{file}", get(show)).route("/favicon.ico", get(favicon))
}

/// The address of the one style sheet.
pub fn css_url() -> &'static str {
    CSS
}

/// The address of the one script: htmx and ours.
pub fn js_url() -> &'static str {
    JS
}

/// The address of the icons; `#name` after it picks one.
pub fn sprite_url() -> &'static str {
    SPRITE
}

/// The address of the font, for the preload link.
pub fn font_url() -> &'static str {
    FONT
}

/// The address of the picture in the browser's tab.
pub fn favicon_url() -> &'static str {
    FAVICON
}

async fn show(Path(file): Path<String>, headers: HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| asset.name == file) {
        Some(asset) => asset.respond(&headers, "public, max-age=31536000, immutable"),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Browsers ask for this name unasked; a day is enough, as the name doesn't follow the content.
async fn favicon(headers: HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| FAVICON.ends_with(asset.name)) {
        Some(asset) => asset.respond(&headers, "public, max-age=86400"),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Asset {
    fn respond(&self, request: &HeaderMap, cache_control: &'static str) -> Response {
        let (encoding, body) = match (self.brotli, self.gzip) {
            (Some(brotli), _) if accepts(request, "br") => (Some("br"), brotli),
            (_, Some(gzip)) if accepts(request, "gzip") => (Some("gzip"), gzip),
            _ => (None, self.plain),
        };
        let mut response = body.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }
}

/// Whether `Accept-Encoding` names `encoding` with a weight above zero (RFC 9110, 12.5.3).
fn accepts(request: &HeaderMap, encoding: &str) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        named && weight > 0.0
    })
}
