//! The way to Marzban: an HTTP proxy whose calls are steps.

use std::{io, net::SocketAddr, sync::Arc};

use axum::body::{Body, Bytes, to_bytes};
use hyper::{
    Method, Request, Response,
    body::Incoming,
    header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

use super::gate::{Gate, Order};

/// Longer than any list that the panel asks for.
const LONGEST: usize = 8 << 20;

/// A running proxy; dropping it ends it.
pub struct MarzbanProxy {
    pub address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for MarzbanProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl MarzbanProxy {
    /// Stands before the server at `upstream`, `http://host:port`.
    pub async fn start(upstream: String, gate: Arc<Gate>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build();
        let way = Arc::new(Way { upstream, gate, http: http.map_err(io::Error::other)? });
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let way = Arc::clone(&way);
                tokio::spawn(async move {
                    let service = service_fn(move |request| Arc::clone(&way).pass(request));
                    // A connection that breaks is what this is for.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok(Self { address, server })
    }
}

struct Way {
    upstream: String,
    gate: Arc<Gate>,
    http: reqwest::Client,
}

impl Way {
    /// An error closes the connection without an answer.
    async fn pass(self: Arc<Self>, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let step = step(request.method(), request.uri().path());
        if let Some(step) = &step {
            obey(self.gate.before(step)).await?;
        }
        let begun = self.gate.begin();
        let (status, body) = self.forward(request).await.map_err(io::Error::other)?;
        let failed = match &step {
            Some(step) => obey(self.gate.after(step, begun)).await?,
            None => false,
        };
        let answer = Response::builder().header("content-type", "application/json");
        let answer = match failed {
            true => answer.status(500).body(Body::from(r#"{"detail":"Internal Server Error"}"#)),
            false => answer.status(status).body(Body::from(body)),
        };
        answer.map_err(io::Error::other)
    }

    async fn forward(&self, request: Request<Incoming>) -> anyhow::Result<(u16, Bytes)> {
        let (head, body) = request.into_parts();
        let body = to_bytes(Body::new(body), LONGEST).await?;
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = head.headers;
        for name in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(name);
        }
        let url = format!("{}{path}", self.upstream);
        let answer = self.http.request(head.method, url).headers(headers).body(body).send().await?;
        Ok((answer.status().as_u16(), answer.bytes().await?))
    }
}

/// Whether the answer is to be a failure.
async fn obey(order: Order) -> io::Result<bool> {
    match order {
        Order::Pass => Ok(false),
        Order::Fail => Ok(true),
        Order::Drop => Err(io::ErrorKind::ConnectionReset.into()),
        Order::Hold => std::future::pending().await,
    }
}

/// The name of a call; `None` for the looks whether the server is there, which belong to no operation.
fn step(method: &Method, path: &str) -> Option<String> {
    if path == "/api/system" {
        return None;
    }
    let path = match path.strip_prefix("/api/user/") {
        Some(rest) => match rest.split_once('/') {
            Some((_, action)) => format!("/api/user/{{name}}/{action}"),
            None => "/api/user/{name}".to_owned(),
        },
        None => path.to_owned(),
    };
    Some(format!("{method} {path}"))
}
