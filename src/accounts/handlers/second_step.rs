//! The second step of signing in: the code. Whoever stands here is not signed in yet.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect},
};
use tower_sessions::Session;

use super::{destination, round_up, two_factor::typed_code, user_agent};
use crate::{
    accounts::{self, Origin, SecondStepError},
    web::{AppState, Fields, Page, PageResult, client::ClientAddress, html, page::flash, session},
};

pub const PATH: &str = "/login/code";

#[derive(Template)]
#[template(path = "accounts/code.html")]
struct CodePage {
    page: Page,
    form: Fields,
}

pub async fn new(State(app): State<AppState>, session: Session, page: Page) -> PageResult {
    if session::half_open(&session, app.clock.now()).await?.is_none() {
        return Ok(Redirect::to("/login").into_response());
    }
    let title = page.t.accounts_code_title();
    html(&CodePage { page: page.titled(title), form: Fields::default() })
}

pub async fn create(
    State(app): State<AppState>,
    ClientAddress(address): ClientAddress,
    session: Session,
    page: Page,
    headers: HeaderMap,
    mut form: Fields,
) -> PageResult {
    let (t, now) = (page.t, app.clock.now());
    let Some(half) = session::half_open(&session, now).await? else {
        flash(&session, "info", t.accounts_code_outdated()).await?;
        return Ok(Redirect::to("/login").into_response());
    };
    let origin = Origin { address, user_agent: user_agent(&headers) };
    let (field, code) = typed_code(&form);
    let outcome = accounts::sign_in_with_code(&app.db, (half.user, &half.proof), code, origin, now).await;
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    match outcome {
        Ok(signed_in) => {
            session::begin(&session, signed_in.sign_in).await?;
            return Ok(Redirect::to(destination(&half.next, signed_in.role.home())).into_response());
        }
        Err(SecondStepError::Wrong) => form.fail(field, t.accounts_code_wrong()),
        Err(SecondStepError::Throttled { wait }) => {
            form.fail(field, t.accounts_throttled(t.remaining(round_up(wait))));
            status = StatusCode::TOO_MANY_REQUESTS;
        }
        Err(SecondStepError::Outdated) => {
            session::end(&session).await?;
            return Ok(Redirect::to("/login").into_response());
        }
        Err(SecondStepError::Database(error)) => return Err(error.into()),
    }
    Ok((status, html(&CodePage { page: page.titled(t.accounts_code_title()), form })?).into_response())
}
