//! Signing in and out.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect},
};
use axum_extra::extract::Query;
use tower_sessions::Session;

use super::{destination, round_up, second_step, user_agent};
use crate::{
    accounts::{self, Entry, Origin, SignInError},
    audit::Actor,
    web::{
        AppError, AppState, Fields, Page, PageResult, Viewer, client::ClientAddress, html, session, view_as,
    },
};

#[derive(Template)]
#[template(path = "accounts/login.html")]
struct LoginPage {
    page: Page,
    form: Fields,
    next: String,
}

#[derive(serde::Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

pub async fn root(viewer: Option<axum::Extension<Viewer>>) -> Redirect {
    Redirect::to(viewer.map_or("/login", |viewer| viewer.role.home()))
}

pub async fn new(
    page: Page,
    viewer: Option<axum::Extension<Viewer>>,
    Query(Next { next }): Query<Next>,
) -> PageResult {
    if let Some(viewer) = viewer {
        return Ok(Redirect::to(destination(&next, viewer.role.home())).into_response());
    }
    let title = page.t.accounts_sign_in();
    html(&LoginPage { page: page.titled(title), form: Fields::default(), next })
}

pub async fn create(
    State(app): State<AppState>,
    ClientAddress(address): ClientAddress,
    session: Session,
    page: Page,
    headers: HeaderMap,
    mut form: Fields,
) -> PageResult {
    let origin = Origin { address, user_agent: user_agent(&headers) };
    let t = page.t;
    let outcome =
        accounts::sign_in(&app.db, form.get("username"), form.value("password"), origin, app.clock.now())
            .await;
    let status = match outcome {
        Ok(Entry::Half { user, proof }) => {
            let next = form.get("next").to_owned();
            session::begin_half(&session, user, proof, next, app.clock.now()).await?;
            return Ok(Redirect::to(second_step::PATH).into_response());
        }
        Ok(Entry::Open(signed_in)) => {
            session::begin(&session, signed_in.sign_in).await?;
            return Ok(Redirect::to(destination(form.get("next"), signed_in.role.home())).into_response());
        }
        Err(SignInError::Wrong) => {
            form.fail("password", t.accounts_wrong());
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(SignInError::Disabled) => {
            form.fail("password", t.accounts_disabled());
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(SignInError::Throttled { wait }) => {
            form.fail("password", t.accounts_throttled(t.remaining(round_up(wait))));
            StatusCode::TOO_MANY_REQUESTS
        }
        Err(SignInError::Database(error)) => return Err(error.into()),
        Err(SignInError::Hashing(error)) => return Err(AppError::internal(anyhow::anyhow!(error))),
    };
    let next = form.get("next").to_owned();
    let title = t.accounts_sign_in();
    Ok((status, html(&LoginPage { page: page.titled(title), form, next })?).into_response())
}

pub async fn destroy(
    State(app): State<AppState>,
    ClientAddress(address): ClientAddress,
    session: Session,
    viewer: Option<axum::Extension<Viewer>>,
) -> Result<Redirect, AppError> {
    if let Some(viewer) = viewer {
        let by = Actor { user: viewer.id, address: Some(address) };
        view_as::end(&app, &session, by, app.clock.now()).await?;
        accounts::sign_out(&app.db, viewer.sign_in, app.clock.now()).await?;
    }
    session::end(&session).await?;
    Ok(Redirect::to("/login"))
}
