//! Who is asking: the address behind our own proxies, and the preferences in cookies.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, connect_info::Connected},
    http::{HeaderMap, request::Parts},
    serve::IncomingStream,
};
use axum_extra::extract::CookieJar;
use tokio::net::TcpListener;

use super::{AppState, Viewer};
use crate::locale::{Digits, Language, Tr};

/// Who has connected.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// The address of the person's device or, behind a proxy that is not ours, of that proxy.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Infallible> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<Peer>>()
            .map_or(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), |info| info.0.0.ip().to_canonical());
        Ok(Self(behind_proxies(app, peer, &parts.headers)))
    }
}

/// Walks `X-Forwarded-For` from the right, past the proxies that are ours: what stands left of the first
/// stranger was written by that stranger.
fn behind_proxies(app: &AppState, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut address = peer;
    let chain: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in chain.into_iter().rev() {
        if !app.is_trusted_proxy(address) {
            break;
        }
        let Some(hop) = parse_hop(hop.trim()) else { break };
        address = hop.to_canonical();
    }
    address
}

/// An address as proxies write it: bare, in brackets, or with a port behind it.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// The colours a person chose on this device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the device says.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// The value of the cookie and in the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl FromStr for Theme {
    type Err = ();

    fn from_str(code: &str) -> Result<Self, ()> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.code() == code).ok_or(())
    }
}

/// What is known of a device without asking the database.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preferences {
    pub language: Language,
    pub theme: Theme,
    pub digits: Digits,
}

impl Preferences {
    /// The messages as this reader wants them.
    pub fn tr(self) -> Tr {
        Tr::new(self.language).in_digits(self.digits)
    }

    /// What this person has chosen counts on every device; where she has not, what the device was told.
    #[must_use]
    pub fn of(self, viewer: &Viewer) -> Self {
        Self { language: viewer.language, theme: viewer.theme.unwrap_or(self.theme), digits: viewer.digits }
    }

    /// Reads the cookies `language`, `theme` and `digits`; what is missing or strange is the default.
    pub fn read(headers: &HeaderMap) -> Self {
        let jar = CookieJar::from_headers(headers);
        fn chosen<T: FromStr + Default>(jar: &CookieJar, name: &str) -> T {
            jar.get(name).and_then(|cookie| cookie.value().parse().ok()).unwrap_or_default()
        }
        Self {
            language: chosen(&jar, "language"),
            theme: chosen(&jar, "theme"),
            digits: chosen(&jar, "digits"),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Preferences {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::read(&parts.headers))
    }
}
