//! TOP: what Prometheus reads, at `/metrics` on a listener of its own. What ends in this process was counted in
//! [`metrics`]; what stands somewhere anyway (the pool, the circuit, the queue, money) is looked up when it asks.
//!
//! Invariant: a scrape changes nothing, answers within a few seconds, and answers also without the database.

mod shop;

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use metrics::gauge;
use metrics_process::Collector;
use sqlx::PgPool;
use tokio::{
    net::TcpListener,
    sync::Mutex,
    time::{MissedTickBehavior, timeout},
};

use self::shop::Shop;
use crate::{
    calendar::Time,
    metrics::{self as series, Counted},
    panel::Reach,
    web::{AppState, health},
    worker,
};

/// How long the shop's figures are good: several Prometheus may ask.
const FRESH: Duration = Duration::from_secs(10);
/// How long a scrape waits for a connection of the pool.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same for the shop's figures, a little more than the database itself gives them.
const FIGURES_PATIENCE: Duration = Duration::from_secs(3);
/// How often measured values are sorted into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// The type of Prometheus' text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a scrape reads from.
struct Source {
    app: AppState,
    counted: Counted,
    /// The shop's figures as last read.
    last: Mutex<Option<(Instant, Arc<Shop>)>>,
}

/// Where Prometheus will ask.
#[derive(Debug)]
pub struct Scrape {
    listener: TcpListener,
    counted: Counted,
}

impl Scrape {
    /// Takes the address, and counts from now on: before any request comes, so that none ends that never began.
    ///
    /// # Errors
    /// When the address can't be listened on, or something else counts in this process already.
    pub async fn listen(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("the address {address} can't be listened on"))?;
        let counted = series::install().context("metrics can't be counted")?;
        series::expect_jobs(worker::kinds());
        Ok(Self { listener, counted })
    }

    /// The address that it has.
    ///
    /// # Errors
    /// When the listener has none.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers at `/metrics` until it is dropped.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, app: AppState) -> io::Result<()> {
        let upkeep = tidy_up(self.counted.clone());
        let source = Source { app, counted: self.counted, last: Mutex::default() };
        let router = Router::new().route("/metrics", get(page)).with_state(Arc::new(source));
        tokio::select! {
            served = async { axum::serve(self.listener, router).await } => served,
            () = upkeep => Ok(()),
        }
    }
}

async fn tidy_up(counted: Counted) {
    let mut clock = tokio::time::interval(UPKEEP);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        counted.tidy_up();
    }
}

async fn page(State(source): State<Arc<Source>>) -> Response {
    let app = &source.app;
    let (wait, ready) = tokio::join!(connection(&app.db), health::is_ready(app));
    let shop = match wait {
        Ok(_) => source.shop().await,
        Err(_) => None,
    };
    let (Ok(waited) | Err(waited)) = wait;
    let looked_up = series::page_of(|| {
        set_own(app, waited, ready);
        gauge!(series::DATABASE_UP.name).set(f64::from(u8::from(shop.is_some())));
        if let Some(shop) = shop {
            shop.set(app.clock.now());
        }
        let process = Collector::default();
        process.describe();
        process.collect();
    });
    let body = format!("{}{looked_up}", source.counted.page());
    ([(header::CONTENT_TYPE, TEXT)], body).into_response()
}

/// How long it takes to get a connection that works; an error, how long was waited for nothing.
async fn connection(db: &PgPool) -> Result<Duration, Duration> {
    let began = Instant::now();
    match timeout(PATIENCE, db.acquire()).await {
        Ok(Ok(_)) => Ok(began.elapsed()),
        _ => Err(began.elapsed()),
    }
}

impl Source {
    /// The shop's figures, not older than [`FRESH`]; `None` when they can't be read.
    async fn shop(&self) -> Option<Arc<Shop>> {
        let mut last = self.last.lock().await;
        if let Some((at, shop)) = &*last
            && at.elapsed() < FRESH
        {
            return Some(Arc::clone(shop));
        }
        let store = self.app.backups.place();
        let read = Shop::read(&self.app.db, store.as_deref(), self.app.clock.now());
        let read = timeout(FIGURES_PATIENCE, read).await;
        let shop = match read {
            Ok(Ok(shop)) => Some(Arc::new(shop)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the figures for the metrics can't be read");
                None
            }
            Err(_) => {
                tracing::warn!("the figures for the metrics took too long");
                None
            }
        };
        *last = shop.clone().map(|shop| (Instant::now(), shop));
        shop
    }
}

/// What this process knows without asking the database.
fn set_own(app: &AppState, waited: Duration, ready: bool) {
    gauge!(series::BUILD.name, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!(series::READY.name).set(f64::from(u8::from(ready)));
    gauge!(series::POOL_WAIT.name).set(waited);
    let (size, idle) = (app.db.size(), u32::try_from(app.db.num_idle()).unwrap_or(u32::MAX));
    let connections = |state| gauge!(series::POOL_CONNECTIONS.name, "state" => state);
    connections("idle").set(idle);
    // The two numbers are not of one instant.
    connections("in_use").set(size.saturating_sub(idle));
    gauge!(series::POOL_MAX.name).set(app.db.options().get_max_connections());
    gauge!(series::STREAMS.name).set(u32::try_from(app.live.listeners()).unwrap_or(u32::MAX));
    let reach = reach_of(app.server.reach());
    for state in ["reachable", "doubtful", "away", "credentials_refused"] {
        gauge!(series::SERVER_REACH.name, "state" => state).set(f64::from(u8::from(state == reach)));
    }
}

fn reach_of(reach: Reach) -> &'static str {
    match reach {
        Reach::Open => "reachable",
        Reach::Doubtful => "doubtful",
        Reach::Away { .. } => "away",
        Reach::CredentialsRefused { .. } => "credentials_refused",
    }
}

/// Unix time; 0 where there is none.
fn unix(time: Option<Time>) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "exact for the next 285 million years")]
    time.map_or(0.0, |time| time.unix_timestamp() as f64)
}

/// Seconds up to `now`; 0 where there is nothing to wait for.
fn age(since: Option<Time>, now: Time) -> f64 {
    since.map_or(0.0, |since| (now - since).as_seconds_f64().max(0.0))
}
