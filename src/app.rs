//! TOP: every route behind its door, the layers around them, and the running panel.

mod counting;
mod listener;
pub mod schema;

use std::time::Duration;

use anyhow::Context as _;
use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use sd_notify::NotifyState;
use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{net::TcpListener, sync::oneshot};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate as _},
    },
    csrf::CsrfLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    trace::TraceLayer,
};
use tracing::log::LevelFilter;

use crate::{
    accounts, agents, backups,
    calendar::Clock,
    config::Config,
    customers, help, log, marzban, notices, orders, overview, payment_methods, payments, people, plans,
    profile, receipts, reports, request_id,
    scrape::Scrape,
    settings, setup, upkeep,
    web::{
        AppError, AppState, assets,
        client::Peer,
        doors::{AdminDoor, AgentDoor, EndUserDoor, MemberDoor, PublicDoor, Routes},
        drafts, error, health, live, session,
        session_store::HashedStore,
    },
    worker,
};

/// No page or form takes longer to answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the database's connections may take to close.
const PARTING: Duration = Duration::from_secs(5);
/// The largest body of a form, bytes. Routes that take a receipt have their own limit.
const MAX_FORM: usize = 64 * 1024;

/// All routes, each behind its door. A room offers its routes by door; there is no other way in.
pub struct Doors {
    pub public: Routes<PublicDoor>,
    pub member: Routes<MemberDoor>,
    pub end_user: Routes<EndUserDoor>,
    pub agent: Routes<AgentDoor>,
    pub admin: Routes<AdminDoor>,
}

impl Doors {
    /// The routes of all rooms.
    pub fn all() -> Self {
        Self {
            public: accounts::handlers::public_routes()
                .merge(customers::registration::handlers::public_routes())
                .merge(setup::handlers::public_routes()),
            member: accounts::handlers::member_routes()
                .merge(profile::handlers::member_routes())
                .merge(payments::handlers::member_routes())
                .merge(notices::handlers::member_routes())
                .merge(help::handlers::member_routes())
                .route("/events", get(live::events)),
            end_user: orders::handlers::end_user_routes()
                .merge(payments::handlers::end_user_routes())
                .merge(reports::handlers::end_user_routes()),
            agent: payments::handlers::agent_routes()
                .merge(orders::handlers::agent_routes())
                .merge(reports::handlers::agent_routes()),
            admin: payments::handlers::admin_routes()
                .merge(people::handlers::admin_routes())
                .merge(agents::handlers::admin_routes())
                .merge(customers::handlers::admin_routes())
                .merge(plans::handlers::admin_routes())
                .merge(payment_methods::handlers::admin_routes())
                .merge(reports::handlers::admin_routes())
                .merge(settings::handlers::admin_routes())
                .merge(notices::handlers::admin_routes())
                .merge(upkeep::handlers::admin_routes())
                .merge(backups::handlers::admin_routes())
                .merge(orders::handlers::admin_routes())
                .merge(orders::handlers::drift_routes())
                .merge(orders::handlers::import_routes())
                .merge(overview::handlers::admin_routes())
                .merge(log::handlers::admin_routes()),
        }
    }
}

/// The whole panel as one service. `secure` puts `Secure` on the session cookie.
///
/// # Errors
/// When the session store refuses its table's name.
pub fn router(app: AppState, secure: bool) -> anyhow::Result<Router> {
    router_of(Doors::all(), app, secure, REQUEST_TIMEOUT)
}

/// The same layers around other routes; whoever is not answered within `timeout` gets the page that says so.
///
/// # Errors
/// When the session store refuses its table's name.
pub fn router_of(doors: Doors, app: AppState, secure: bool, timeout: Duration) -> anyhow::Result<Router> {
    let pages = doors
        .public
        .close()
        .merge(doors.member.close())
        .merge(doors.end_user.close())
        .merge(doors.agent.close())
        .merge(doors.admin.close())
        .fallback(async || AppError::NotFound)
        .method_not_allowed_fallback(async || AppError::NotFound)
        .layer(middleware::from_fn_with_state(app.clone(), accounts::handlers::note_use))
        .layer(middleware::from_fn_with_state(app.clone(), session::identify))
        .layer(Extension(drafts::Room::default()))
        .layer(session::layer(HashedStore::new(&app.db)?, secure))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(CsrfLayer::new())
        .layer(CatchPanicLayer::custom(error::from_panic))
        .layer(middleware::from_fn(move |request, next| error::after(timeout, request, next)))
        .layer(middleware::from_fn_with_state(app.clone(), error::render))
        .layer(CompressionLayer::new().compress_when(compressible()));
    let all = with_common_layers(pages.merge(assets::router()).with_state(app.clone()), secure);
    let all = all.layer(middleware::from_fn_with_state(app.clone(), counting::count));
    // Asked every few seconds: outside of the figures, the log, the sessions and whatever may be slow.
    let all = all.merge(health::router().with_state(app.clone()));
    Ok(all.layer(middleware::from_fn_with_state(app, part_when_stopping)))
}

/// What is worth compressing; an Excel file is compressed already.
fn compressible() -> impl tower_http::compression::Predicate {
    DefaultPredicate::new().and(NotForContentType::const_new("application/vnd.openxmlformats"))
}

/// Nothing inline, nothing from elsewhere; pictures also from memory, for the preview of a receipt.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
     img-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

fn with_common_layers(router: Router, secure: bool) -> Router {
    let set = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::<HeaderValue>::if_not_present(name, HeaderValue::from_static(value))
    };
    let router = router
        .layer(set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set(header::X_FRAME_OPTIONS, "DENY"))
        .layer(set(header::REFERRER_POLICY, "same-origin"))
        .layer(set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
        .layer(set(
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=()",
        ));
    let router = if secure {
        router.layer(set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"))
    } else {
        router
    };
    router
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(|request: &Request| {
                    let id = id_of(request).unwrap_or_default();
                    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id)
                })
                .on_response(|response: &Response, latency: Duration, _: &tracing::Span| {
                    tracing::info!(status = response.status().as_u16(), ms = latency.as_millis(), "answered");
                })
                .on_failure(()),
        )
        .layer(middleware::from_fn(under_its_id))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

/// What the request stores and asks for bears its id.
async fn under_its_id(request: Request, next: Next) -> Response {
    let id = id_of(&request);
    request_id::within(id.as_deref(), next.run(request)).await
}

fn id_of(request: &Request) -> Option<String> {
    Some(request_id::cleaned(request.headers().get("x-request-id")?.to_str().ok()?))
}

/// Told to stop, the panel asks for a new connection each time, so that nobody sends a form into one that ends.
async fn part_when_stopping(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if app.health.is_stopping() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A panel that is ready to serve.
pub struct Panel {
    pub state: AppState,
    router: Router,
    /// Where Prometheus asks, if it may.
    metrics: Option<Scrape>,
    drain: Duration,
}

impl Panel {
    /// Connects to the database, brings its schema up to date and puts the parts together.
    ///
    /// # Errors
    /// When the database can't be reached or migrated, or the receipts' folder can't be made.
    pub async fn build(config: &Config) -> anyhow::Result<Self> {
        let options = connect_options(config);
        let db = PgPoolOptions::new()
            .max_connections(config.database.max_connections)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options.clone())
            .await
            .context("the database can't be reached")?;
        schema::migrate(&options).await.context("the database can't be migrated")?;
        let clock = Clock::system();
        let server =
            marzban::server(&(&config.marzban).into(), clock.clone()).context("Marzban's settings")?;
        let receipts = receipts::Store::new(&config.upload_dir)
            .with_context(|| format!("the folder {} can't be used", config.upload_dir.display()))?;
        let hub = live::Hub::default();
        let backups = config.backups.clone();
        let state = AppState::new(db, clock, server, receipts, hub, backups, config.trusted_proxies.clone())
            .with_couriers(notices::Couriers::new(config))
            .configured_by(config.marzban.clone(), config.public_url.clone());
        let router = router(state.clone(), config.secure_cookies())?;
        let metrics = match config.metrics_listen {
            Some(address) => Some(Scrape::listen(address).await?),
            None => None,
        };
        Ok(Self { state, router, metrics, drain: config.shutdown_drain })
    }

    /// Serves until `stop` is ready; then says that it is not ready, takes requests for a while longer, and finishes
    /// what is under way.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let background = worker::start(&self.state).await?;
        let (health, hub, drain) = (self.state.health.clone(), self.state.live.clone(), self.drain);
        let (listener, close) = listener::closing(listener)?;
        let (ended, jobs) = oneshot::channel();
        let stop = async move {
            stop.await;
            tell_systemd(NotifyState::Stopping);
            health.stop();
            let jobs = tokio::spawn(background.stop());
            tokio::time::sleep(drain).await;
            hub.close();
            close.now().await;
            let _ = ended.send(jobs);
        };
        let watchdog = tokio::spawn(feed_watchdog());
        let metrics = self.metrics.map(|metrics| tokio::spawn(tell_prometheus(metrics, self.state.clone())));
        tell_systemd(NotifyState::Ready);
        let service = self.router.into_make_service_with_connect_info::<Peer>();
        axum::serve(listener, service).with_graceful_shutdown(stop).await?;
        if let Ok(jobs) = jobs.await {
            jobs.await?;
        }
        // A job that was left holds its connection.
        let _ = tokio::time::timeout(PARTING, self.state.db.close()).await;
        watchdog.abort();
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        Ok(())
    }
}

/// Lets Prometheus ask; the panel goes on also where that ends.
async fn tell_prometheus(metrics: Scrape, app: AppState) {
    if let Err(error) = metrics.serve(app).await {
        tracing::error!(%error, "Prometheus can't ask any more");
    }
}

/// Does nothing where no systemd waits for word.
fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd can't be told");
    }
}

/// Tells systemd, twice as often as it wants, that the async threads still run.
async fn feed_watchdog() {
    let Some(patience) = sd_notify::watchdog_enabled() else { return };
    loop {
        tokio::time::sleep(patience / 2).await;
        tell_systemd(NotifyState::Watchdog);
    }
}

fn connect_options(config: &Config) -> PgConnectOptions {
    let options = config.database.options.expose().clone();
    options
        .application_name("rad-panel")
        .log_statements(LevelFilter::Trace)
        .log_slow_statements(LevelFilter::Warn, Duration::from_secs(1))
}

/// Serves on the configured address until SIGTERM or Ctrl-C.
///
/// # Errors
/// When it can't start, or its listener fails.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("the address {} can't be listened on", config.listen))?;
    run(config, listener, stop_signal()).await
}

/// Serves on `listener` until `stop` is ready.
///
/// # Errors
/// When it can't start, or its listener fails.
pub async fn run(
    config: Config,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let panel = Panel::build(&config).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "serving");
    let public = config.public_url.as_ref().map(|url| url.origin().ascii_serialization());
    let base = public.unwrap_or_else(|| format!("http://{address}"));
    setup::announce(&panel.state.db, &base, panel.state.clock.now()).await?;
    panel.serve(listener, stop).await
}

/// Ready at SIGTERM or Ctrl-C; a second one ends the process at once.
async fn stop_signal() {
    signalled().await;
    tokio::spawn(async {
        signalled().await;
        tracing::warn!("told twice to stop: requests and jobs under way are left as they are");
        // The line is written by a thread of its own.
        tokio::time::sleep(Duration::from_millis(200)).await;
        std::process::exit(1);
    });
}

async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
