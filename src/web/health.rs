//! Whether the panel lives, and whether it can serve: for load balancers, container engines and whoever watches.
//! Open to everyone, without session and page; what it tells is no secret.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::AppState;
use crate::{MIGRATOR, panel::Reach};

/// How long an answer is good for all who ask.
const FRESH: Duration = Duration::from_secs(1);
/// The same for whether the folder of receipts can be written, which costs a write.
const STORAGE_FRESH: Duration = Duration::from_secs(10);
/// How long the database and the disk have to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was found at the last look.
#[derive(Clone, Copy, Debug)]
struct Found {
    at: Instant,
    database: bool,
    migrations: bool,
    storage: bool,
    storage_at: Instant,
}

impl Found {
    fn is_well(self) -> bool {
        self.database && self.migrations && self.storage
    }
}

/// Shared by all parts of one running panel.
#[derive(Clone, Debug, Default)]
pub struct Health {
    stopping: Arc<AtomicBool>,
    last: Arc<Mutex<Option<Found>>>,
}

impl Health {
    /// From now on the panel is not ready: it was told to stop.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether it was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    async fn look(&self, app: &AppState) -> Found {
        // Whoever comes while another looks waits for what that one finds.
        let mut last = self.last.lock().await;
        let now = Instant::now();
        if let Some(found) = *last
            && now - found.at < FRESH
        {
            return found;
        }
        let (applied, (storage, storage_at)) =
            tokio::join!(timeout(PATIENCE, applied(app)), storage(app, *last, now));
        let applied = applied.ok().and_then(Result::ok);
        let newest = MIGRATOR.iter().map(|migration| migration.version).max();
        let found = Found {
            at: Instant::now(),
            database: applied.is_some(),
            // A newer version may have gone further already.
            migrations: applied.flatten() >= newest,
            storage,
            storage_at,
        };
        *last = Some(found);
        found
    }
}

async fn applied(app: &AppState) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("SELECT max(version) FROM _sqlx_migrations WHERE success").fetch_one(&app.db).await
}

async fn storage(app: &AppState, last: Option<Found>, now: Instant) -> (bool, Instant) {
    match last {
        Some(found) if found.storage && now - found.storage_at < STORAGE_FRESH => (true, found.storage_at),
        _ => (timeout(PATIENCE, app.receipts.try_out()).await.is_ok_and(|tried| tried.is_ok()), now),
    }
}

/// What `/readyz` says.
#[derive(Serialize)]
struct Readiness {
    ready: bool,
    stopping: bool,
    /// It answers.
    database: bool,
    /// Its schema is as new as this version, or newer.
    migrations: bool,
    /// Receipts can be stored.
    storage: bool,
    /// Whether Marzban can be reached, as far as the last calls tell; not decisive, since pages work without it.
    marzban: &'static str,
}

/// The two addresses.
pub fn router() -> Router<AppState> {
    Router::new().route("/healthz", get(live)).route("/readyz", get(ready))
}

async fn live() -> Response {
    answer(StatusCode::OK, serde_json::json!({ "alive": true }))
}

/// Whether `/readyz` says yes.
pub async fn is_ready(app: &AppState) -> bool {
    app.health.look(app).await.is_well() && !app.health.is_stopping()
}

async fn ready(State(app): State<AppState>) -> Response {
    let found = app.health.look(&app).await;
    let Found { database, migrations, storage, .. } = found;
    let stopping = app.health.is_stopping();
    let ready = found.is_well() && !stopping;
    let marzban = match app.server.reach() {
        Reach::Open => "reachable",
        Reach::Doubtful => "doubtful",
        Reach::Away { .. } => "away",
        Reach::CredentialsRefused { .. } => "credentials refused",
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(status, Readiness { ready, stopping, database, migrations, storage, marzban })
}

fn answer(status: StatusCode, body: impl Serialize) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
