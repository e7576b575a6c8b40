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
        AppError, AppState, Fields, Page, PageResult, Viewer, address, client::ClientAddress, html, session,
        view_as,
    },
};

#[derive(Template)]
#[template(path = "accounts/login.html")]
struct LoginPage {
    page: Page,
    form: Fields,
    next: String,
    /// Where strangers register; empty while that is closed.
    register: String,
}

impl LoginPage {
    async fn new(app: &AppState, page: Page, form: Fields, next: String) -> Result<Self, AppError> {
        let open = accounts::is_registration_open(&app.db).await?;
        let register = if open { address("/register", &[("next", &next)]) } else { String::new() };
        let title = page.t.accounts_sign_in();
        Ok(Self { page: page.titled(title), form, next, register })
    }
}

#[derive(serde::Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

/// Where the first admin is made.
const SETUP: &str = "/setup";

pub async fn root(
    State(app): State<AppState>,
    viewer: Option<axum::Extension<Viewer>>,
) -> Result<Redirect, AppError> {
    Ok(Redirect::to(match viewer {
        Some(viewer) => viewer.role.home(),
        None if is_fresh(&app).await? => SETUP,
        None => "/login",
    }))
}

/// Whether nobody can be let in, because there is no admin yet.
async fn is_fresh(app: &AppState) -> Result<bool, AppError> {
    Ok(!accounts::is_there_an_admin(&mut *app.db.acquire().await?).await?)
}

pub async fn new(
    State(app): State<AppState>,
    page: Page,
    viewer: Option<axum::Extension<Viewer>>,
    Query(Next { next }): Query<Next>,
) -> PageResult {
    if let Some(viewer) = viewer {
        return Ok(Redirect::to(destination(&next, viewer.role.home())).into_response());
    }
    if is_fresh(&app).await? {
        return Ok(Redirect::to(SETUP).into_response());
    }
    html(&LoginPage::new(&app, page, Fields::default(), next).await?)
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
    Ok((status, html(&LoginPage::new(&app, page, form, next).await?)?).into_response())
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
        accounts::sign_out(&app.db, viewer.sign_in, by, app.clock.now()).await?;
    }
    session::end(&session).await?;
    Ok(Redirect::to("/login"))
}
