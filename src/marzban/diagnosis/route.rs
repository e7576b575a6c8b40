//! The first step: the name of whoever comes next, and its port.

use std::{io, net::SocketAddr, time::Duration};

use futures_util::future::select_ok;
use reqwest::Url;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::{Finding, Hop};

/// Host and port, as they are told.
pub fn address_of(url: &Url) -> String {
    place(url).map(|place| told(&place)).unwrap_or_default()
}

/// Host and port of whoever an address names; the host as it is looked up, without the brackets of IPv6.
fn place(url: &Url) -> Option<(String, u16)> {
    // What is no `http` has no port of its own in the standard of addresses.
    let port = url.port_or_known_default().or_else(|| url.scheme().starts_with("socks5").then_some(1080))?;
    Some((url.host_str()?.trim_matches(['[', ']']).to_owned(), port))
}

fn told((host, port): &(String, u16)) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Opens a connection to whoever comes next, and closes it again.
pub async fn knock(base: &Url, proxy: Option<&Url>, patience: Duration) -> Result<(), Finding> {
    if proxy.is_some_and(|proxy| proxy.scheme() == "socks5") {
        // Such a proxy is given the number: the name is looked up here.
        look_up(Hop::Panel, base).await?;
    }
    let (hop, url) = proxy.map_or((Hop::Panel, base), |proxy| (Hop::Proxy, proxy));
    let addresses = look_up(hop, url).await?;
    let address = address_of(url);
    let attempts = addresses.into_iter().map(|address| Box::pin(connect(address, patience)));
    match select_ok(attempts).await {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.kind() {
            io::ErrorKind::ConnectionRefused => Finding::Refused { hop, address },
            io::ErrorKind::TimedOut => Finding::NoAnswer { hop, address },
            _ => Finding::NoRoute { hop, address },
        }),
    }
}

async fn connect(address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    timeout(patience, TcpStream::connect(address))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// At least one address.
async fn look_up(hop: Hop, url: &Url) -> Result<Vec<SocketAddr>, Finding> {
    let place = place(url);
    let found = match &place {
        Some((host, port)) => lookup_host((host.as_str(), *port)).await.map(Iterator::collect::<Vec<_>>),
        None => Ok(Vec::new()),
    };
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| Finding::NoSuchName { hop, host: place.map(|(host, _)| host).unwrap_or_default() })
}
