//! The layer that counts: every request for Prometheus, and how often pages fail for the admin.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};

use crate::{
    metrics::{self, UnderWay},
    web::AppState,
};

/// A path that no route has; which one, only a stranger knows.
const NO_ROUTE: &str = "none";
/// Files of ours can hardly fail: they would hide how often pages do.
const FILES: &str = "/assets/";

/// Counts a request by the template of its route. One that its asker gave up is not counted.
pub(super) async fn count(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let under_way = UnderWay::begin();
    let method = name_of(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    drop(under_way);
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    metrics::request_answered(route, method, response.status().as_u16(), began.elapsed());
    if route != NO_ROUTE && !route.starts_with(FILES) {
        app.answers.note(response.status().is_server_error(), app.clock.now());
    }
    response
}

/// A method's name; a stranger may make up methods of her own.
fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    }
}
