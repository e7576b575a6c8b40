//! What most answers need: who asks, from where, and the frame of the page.

use std::net::IpAddr;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use axum_htmx::HxRequest;
use tower_sessions::Session;

use super::{AppError, AppState, Page, client::ClientAddress, doors::Admin};
use crate::audit::Actor;

/// Who asks, from where, and what an answer needs.
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

impl Ask<Admin> {
    /// The admin, as the audit log names her.
    pub fn actor(&self) -> Actor {
        Actor { user: self.who.id, address: Some(self.address) }
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
