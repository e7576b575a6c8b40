//! What most handlers need, in one extractor: who asks, from where, and what an answer needs.

use std::net::IpAddr;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use axum_htmx::HxRequest;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tower_sessions::Session;

use super::{AppError, AppState, Page, client::ClientAddress};
use crate::{audit::Actor, ids::UserId};

/// Who asks (`P` is one of the persons of the doors), from where, and what an answer needs.
pub struct Ask<P> {
    pub app: AppState,
    pub who: P,
    pub address: IpAddr,
    pub hx: HxRequest,
    pub session: Session,
    pub page: Page,
}

impl<P> FromRequestParts<AppState> for Ask<P>
where
    P: FromRequestParts<AppState, Rejection = AppError> + Send,
{
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, AppError> {
        let who = P::from_request_parts(parts, app).await?;
        let Ok(ClientAddress(address)) = ClientAddress::from_request_parts(parts, app).await;
        let Ok(hx) = HxRequest::from_request_parts(parts, app).await;
        let session = Session::from_request_parts(parts, app)
            .await
            .map_err(|(_, reason)| AppError::internal(anyhow::anyhow!(reason)))?;
        let page = Page::from_request_parts(parts, app).await?;
        Ok(Self { app: app.clone(), who, address, hx, session, page })
    }
}

impl<P> Ask<P> {
    /// `user`, at the address that asks.
    pub fn actor(&self, user: UserId) -> Actor {
        Actor { user, address: Some(self.address) }
    }
}

/// The number in an address; what is no number names nothing.
#[derive(Clone, Copy, Debug)]
pub struct Id(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AppError> {
        match Path::<i64>::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(AppError::NotFound),
        }
    }
}

/// `path` with a query of these pairs; empty values are left out.
pub fn address(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut address = path.to_owned();
    let mut mark = '?';
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        address.push(mark);
        address.push_str(name);
        address.push('=');
        address.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        mark = '&';
    }
    address
}
