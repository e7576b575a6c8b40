//! The HTTP side: connections as uvicorn keeps them, and the faults around each request.
//!
//! Work that began is finished even when its client has gone, as there.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::OriginalUri;
use axum::http::header::{ALLOW, CONTENT_LENGTH, HOST, LOCATION};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tower::ServiceExt;

use super::answers::Refusal;
use super::faults::{Arrival, Break};
use super::{Core, auth, list, panel, subscription, users};

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the connection breaks on command")]
    OnCommand,
    #[error(transparent)]
    Body(#[from] axum::Error),
    #[error(transparent)]
    Work(#[from] JoinError),
    #[error(transparent)]
    Never(#[from] Infallible),
}

/// Every route of Marzban that is played.
pub(super) fn router(core: Arc<Core>) -> Router {
    Router::new()
        .route("/api/admin/token", post(auth::create_token))
        .route("/api/admin", get(panel::whoami).post(panel::create_admin))
        .route("/api/admin/{username}", put(panel::update_admin).delete(panel::delete_admin))
        .route("/api/admin/{username}/users/{action}", post(panel::switch_users))
        .route("/api/admin/usage/{username}", get(panel::admin_usage))
        .route("/api/admins", get(panel::admins))
        .route("/api/inbounds", get(panel::inbounds))
        .route("/api/hosts", get(panel::hosts))
        .route("/api/nodes", get(panel::nodes))
        .route("/api/core", get(panel::core_state))
        .route("/api/system", get(panel::system))
        .route("/api/user", post(users::create))
        .route("/api/user/{username}", get(users::show).put(users::update).delete(users::delete))
        .route("/api/user/{username}/reset", post(users::reset))
        .route("/api/user/{username}/revoke_sub", post(users::revoke))
        .route("/api/user/{username}/active-next", post(users::start_next_plan))
        .route("/api/user/{username}/set-owner", put(users::set_owner))
        .route("/api/user/{username}/usage", get(users::usage))
        .route("/api/users", get(list::index))
        .route("/api/users/reset", post(list::reset_all))
        .route("/api/users/usage", get(list::usage))
        .route("/api/users/expired", get(list::expired).delete(list::delete_expired))
        .route("/sub/{token}", get(subscription::show))
        .route("/sub/{token}/", get(subscription::show))
        .route("/sub/{token}/info", get(subscription::info))
        .route("/sub/{token}/usage", get(subscription::usage))
        .route("/sub/{token}/{format}", get(subscription::show_as))
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown)
        .with_state(core)
}

async fn wrong_method() -> Refusal {
    Refusal::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}

/// 404, or 307 to the same path without its final slash.
async fn unknown(OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    let host = headers.get(HOST).and_then(|h| h.to_str().ok()).unwrap_or("");
    let bare = uri.path().trim_end_matches('/');
    if bare == uri.path() || !bare.starts_with("/api/") {
        return Refusal::not_found().into_response();
    }
    let query = uri.query().map(|q| format!("?{q}")).unwrap_or_default();
    let to = format!("http://{host}{bare}{query}");
    (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, to)]).into_response()
}

/// Accepts until the task is aborted; its connections end with it.
pub(super) async fn accept(listener: TcpListener, core: Arc<Core>, app: Router, idle: Duration) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&core), app.clone(), idle));
                }
                Err(e) => tracing::warn!(error = %e, "the simulator could not accept a connection"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, core: Arc<Core>, app: Router, idle: Duration) {
    // Answers are small and the client waits for each.
    if let Err(e) = stream.set_nodelay(true) {
        tracing::debug!(error = %e, "no TCP_NODELAY");
    }
    let closing = Arc::new(Notify::new());
    let service = service_fn(|request| answer(Arc::clone(&core), app.clone(), Arc::clone(&closing), request));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        // Also the time that a kept-alive connection may stay idle.
        .header_read_timeout(idle)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.notified() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(e) = ended {
        tracing::debug!(error = %e, "a connection of the simulator ended");
    }
}

async fn answer(
    core: Arc<Core>,
    app: Router,
    closing: Arc<Notify>,
    request: Request<Incoming>,
) -> Result<Response, Broken> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), usize::MAX).await?;
    let request = Request::from_parts(parts, Body::from(body));
    // A task of its own: the client may hang up, the work goes on.
    let response = tokio::spawn(work(core, app, request)).await??;
    Ok(if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        then_close(response, closing).await?
    } else {
        response
    })
}

async fn work(core: Arc<Core>, app: Router, request: Request<Body>) -> Result<Response, Broken> {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let request_id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok().map(str::to_owned));
    let now = core.now();
    let (slow, status, broken) = core.faults(|f| {
        f.in_flight += 1;
        f.most_in_flight = f.most_in_flight.max(f.in_flight);
        f.log.push(Arrival {
            method: method.clone(),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            at: now,
            in_flight: f.in_flight,
            request_id: request_id.clone(),
        });
        let status = f.take_answer();
        let broken = match status {
            Some(_) => None,
            None => f.take_break(&method, uri.path()),
        };
        (f.slow, status, broken)
    });
    tokio::time::sleep(slow).await;
    core.costs.request(&method, uri.path()).await;
    let result = match (status, broken) {
        (Some(StatusCode::INTERNAL_SERVER_ERROR), _) => Ok(Refusal::Crash.into_response()),
        (Some(status), _) => {
            let reason = status.canonical_reason().unwrap_or("");
            Ok(Refusal::detail(status, reason).into_response())
        }
        (None, Some(Break::BeforeWork)) => Err(Broken::OnCommand),
        (None, Some(Break::AfterCommit)) => {
            app.oneshot(request).await.map_err(Broken::from).and(Err(Broken::OnCommand))
        }
        (None, None) if method == Method::HEAD => Ok(no_head()),
        (None, None) if method == Method::OPTIONS && request.headers().contains_key("origin") => {
            Ok("OK".into_response())
        }
        (None, None) => app.oneshot(request).await.map_err(Broken::from),
    };
    core.faults(|f| f.in_flight -= 1);
    result
}

/// axum would answer HEAD wherever there is a GET.
fn no_head() -> Response {
    let mut refusal = Refusal::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").into_response();
    refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
    refusal
}

/// uvicorn closes the connection after a crash without announcing it in a header: the shutdown begins only when
/// the head is already written.
async fn then_close(response: Response, closing: Arc<Notify>) -> Result<Response, Broken> {
    let (mut parts, body) = response.into_parts();
    let bytes: Bytes = axum::body::to_bytes(body, usize::MAX).await?;
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let last = futures_util::stream::once(async move {
        closing.notify_one();
        Ok::<_, Infallible>(bytes)
    });
    Ok(Response::from_parts(parts, Body::from_stream(last)))
}
