//! Changing one's own password.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect},
};
use tower_sessions::Session;

use super::round_up;
use crate::{
    accounts::{self, MIN_LENGTH, PasswordError},
    web::{
        AppError, AppState, Fields, Member, Page, PageResult, Viewer, client::ClientAddress, html,
        page::flash, session,
    },
};

#[derive(Template)]
#[template(path = "accounts/show.html")]
struct AccountPage {
    page: Page,
    form: Fields,
    username: String,
    must_change_password: bool,
    min_length: String,
}

impl AccountPage {
    fn new(page: Page, viewer: &Viewer, form: Fields) -> Self {
        let t = page.t;
        Self {
            page: page.titled(t.accounts_title()),
            form,
            username: viewer.username.clone(),
            must_change_password: viewer.must_change_password,
            min_length: t.digits(MIN_LENGTH),
        }
    }
}

pub async fn show(viewer: Member, page: Page) -> PageResult {
    html(&AccountPage::new(page, &viewer, Fields::default()))
}

pub async fn update(
    State(app): State<AppState>,
    ClientAddress(address): ClientAddress,
    viewer: Member,
    session: Session,
    page: Page,
    mut form: Fields,
) -> PageResult {
    let t = page.t;
    let new = form.value("new_password").to_owned();
    if new.chars().count() < MIN_LENGTH {
        form.fail("new_password", t.accounts_password_too_short(t.digits(MIN_LENGTH)));
    }
    if new != form.value("repeat_password") {
        form.fail("repeat_password", t.accounts_passwords_differ());
    }
    if form.is_ok() {
        let changed = accounts::change_password(
            &app.db,
            viewer.id,
            form.value("current_password"),
            &new,
            address,
            app.clock.now(),
        );
        match changed.await {
            Ok(sign_in) => {
                session::begin(&session, sign_in).await?;
                flash(&session, "ok", t.accounts_password_changed()).await?;
                return Ok(Redirect::to("/account").into_response());
            }
            Err(PasswordError::WrongCurrent) => form.fail("current_password", t.accounts_wrong_current()),
            Err(PasswordError::Throttled { wait }) => {
                form.fail("current_password", t.accounts_throttled(t.remaining(round_up(wait))));
            }
            Err(PasswordError::Database(error)) => return Err(error.into()),
            Err(PasswordError::Hashing(error)) => return Err(AppError::internal(anyhow::anyhow!(error))),
        }
    }
    let page = html(&AccountPage::new(page, &viewer, form))?;
    let mut response = (StatusCode::UNPROCESSABLE_ENTITY, page).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
