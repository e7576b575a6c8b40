//! Whether the panel that runs here is ready, for the health check of a container, which has no other program.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;

const PATIENCE: Duration = Duration::from_secs(4);

/// Asks the panel that listens there, and prints what it says.
pub async fn health(listen: SocketAddr) -> anyhow::Result<ExitCode> {
    // One that listens on every address answers on loopback.
    let address = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    // Without one the client can't be built; whoever installed one first wins.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("http://{}/readyz", SocketAddr::new(address, listen.port()));
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE).build()?;
    let answer = client.get(&url).send().await.with_context(|| format!("nothing answers on {listen}"))?;
    let ready = answer.status().is_success();
    println!("{}", answer.text().await?);
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
