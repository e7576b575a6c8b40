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

/// The address of a picture of the help; `None` where there is none of that name.
pub fn help_url(name: &str) -> Option<&'static str> {
    HELP.iter().find(|(stem, _)| *stem == name).map(|(_, url)| *url)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{collections::BTreeSet, fs, path::Path as FilePath};

    use axum::{body::Body, http::Request};
    use tower::ServiceExt as _;

    use super::*;

    async fn get(address: &str, encodings: &str) -> Response {
        let request = Request::get(address).header(header::ACCEPT_ENCODING, encodings);
        router::<()>().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    fn wire_size(address: &str) -> usize {
        let asset = ASSETS.iter().find(|asset| address.ends_with(asset.name)).unwrap();
        asset.brotli.unwrap_or(asset.plain).len()
    }

    #[tokio::test]
    async fn a_file_comes_in_the_best_encoding_that_the_browser_takes() {
        for (encodings, expected) in
            [("gzip, deflate, br", Some("br")), ("br;q=0, gzip;q=0.5", Some("gzip")), ("identity", None)]
        {
            let response = get(css_url(), encodings).await;
            assert_eq!(response.status(), StatusCode::OK);
            let encoding = response.headers().get(header::CONTENT_ENCODING).map(|v| v.to_str().unwrap());
            assert_eq!(encoding, expected, "for {encodings}");
            assert_eq!(response.headers()[header::VARY], "accept-encoding");
        }
        assert!(get(font_url(), "br").await.headers().get(header::CONTENT_ENCODING).is_none());
    }

    #[tokio::test]
    async fn a_named_file_is_kept_for_ever_and_an_unknown_one_is_not_found() {
        let response = get(js_url(), "br").await;
        assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(get("/assets/app.css", "br").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(get("/favicon.ico", "br").await.headers()[header::CONTENT_TYPE], "image/svg+xml");
    }

    #[test]
    fn the_first_visit_leaves_room_for_the_page_itself() {
        for (address, budget) in
            [(css_url(), 9_000), (js_url(), 17_000), (sprite_url(), 5_000), (font_url(), 33_000)]
        {
            assert!(wire_size(address) <= budget, "{address}: {} bytes", wire_size(address));
        }
        let all: usize =
            [css_url(), js_url(), sprite_url(), font_url(), favicon_url()].map(wire_size).iter().sum();
        assert!(all <= 56_000, "{all} bytes");
    }

    #[test]
    fn the_style_sheet_names_the_font_by_its_content() {
        let css = ASSETS.iter().find(|asset| css_url().ends_with(asset.name)).unwrap();
        let css = std::str::from_utf8(css.plain).unwrap();
        assert!(css.contains(font_url().trim_start_matches("/assets/")));
    }

    #[test]
    fn every_icon_that_a_template_names_is_in_the_sprite() {
        let sprite = ASSETS.iter().find(|asset| sprite_url().ends_with(asset.name)).unwrap();
        let sprite = std::str::from_utf8(sprite.plain).unwrap();
        let mut named = BTreeSet::new();
        collect_icons(FilePath::new("templates"), &mut named);
        assert!(named.len() > 10, "{named:?}");
        for name in named {
            assert!(sprite.contains(&format!("id=\"{name}\"")), "no icon {name}");
        }
    }

    fn collect_icons(folder: &FilePath, named: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect_icons(&path, named);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let calls = text.split("icon(\"").skip(1).filter_map(|rest| rest.split('"').next());
            named.extend(calls.map(str::to_owned));
        }
    }
}
