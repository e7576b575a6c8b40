//! TOP: every route behind its door, the layers around them, and the running panel.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, header},
    middleware,
    response::Response,
    routing::get,
};
use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::net::TcpListener;
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
    customers, help, log,
    marzban::Marzban,
    notices, orders, overview, payment_methods, payments, people, plans, profile, receipts, reports,
    settings, upkeep,
    web::{
        AppError, AppState, assets,
        doors::{AdminDoor, AgentDoor, EndUserDoor, MemberDoor, PublicDoor, Routes},
        error, live, session,
        session_store::HashedStore,
    },
    worker,
};

/// No page or form takes longer to answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
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
                .merge(customers::registration::handlers::public_routes()),
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
        .layer(session::layer(HashedStore::new(&app.db)?, secure))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(CsrfLayer::new())
        .layer(CatchPanicLayer::custom(error::from_panic))
        .layer(middleware::from_fn(move |request, next| error::after(timeout, request, next)))
        .layer(middleware::from_fn_with_state(app.clone(), error::render))
        .layer(CompressionLayer::new().compress_when(compressible()));
    let all = pages.merge(assets::router()).with_state(app);
    Ok(with_common_layers(all, secure))
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
                .make_span_with(|request: &axum::extract::Request| {
                    let id = request.headers().get("x-request-id").and_then(|v| v.to_str().ok()).unwrap_or_default();
                    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id)
                })
                .on_response(|response: &Response, latency: Duration, _: &tracing::Span| {
                    tracing::info!(status = response.status().as_u16(), ms = latency.as_millis(), "answered");
                })
                .on_failure(()),
        )
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

/// A panel that is ready to serve.
pub struct Panel {
    pub state: AppState,
    router: Router,
}

impl Panel {
    /// Connects to the database, brings its schema up to date and puts the parts together.
    ///
    /// # Errors
    /// When the database can't be reached or migrated, or the receipts' folder can't be made.
    pub async fn build(config: &Config) -> anyhow::Result<Self> {
        let db = PgPoolOptions::new()
            .max_connections(config.database.max_connections)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(connect_options(config))
            .await
            .context("the database can't be reached")?;
        crate::MIGRATOR.run(&db).await.context("the database can't be migrated")?;
        let clock = Clock::system();
        let marzban = Marzban::new(&(&config.marzban).into(), clock.clone()).context("Marzban's settings")?;
        let receipts = receipts::Store::new(&config.upload_dir)
            .with_context(|| format!("the folder {} can't be used", config.upload_dir.display()))?;
        let hub = live::Hub::default();
        let backups = config.backups.clone();
        let state = AppState::new(db, clock, marzban, receipts, hub, backups, config.trusted_proxies.clone())
            .with_couriers(notices::Couriers::new(config));
        let router = router(state.clone(), config.secure_cookies())?;
        Ok(Self { state, router })
    }

    /// Serves until `stop` is ready; then finishes what is under way.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let background = worker::start(&self.state).await?;
        let hub = self.state.live.clone();
        let stop = async move {
            stop.await;
            hub.close();
        };
        let service = self.router.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service).with_graceful_shutdown(stop).await?;
        background.stop().await;
        self.state.db.close().await;
        Ok(())
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
    tracing::info!(address = %listener.local_addr()?, "serving");
    panel.serve(listener, stop).await
}

/// Ready at SIGTERM or Ctrl-C.
pub async fn stop_signal() {
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
