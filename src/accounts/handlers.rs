//! Signing in and out, preferences, one's own account.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use axum_extra::extract::{
    CookieJar, Query,
    cookie::{Cookie, SameSite},
};
use tower_sessions::Session;

use super::{MIN_LENGTH, Origin, PasswordError, SignInError};
use crate::{
    audit::Actor,
    locale::Language,
    web::{
        AppError, AppState, Fields, Member, Page, PageResult, Viewer, address,
        client::ClientAddress,
        doors::{MemberDoor, PublicDoor, Routes, is_own_path},
        html,
        page::flash,
        session,
    },
};

/// What everyone may reach.
pub fn public_routes() -> Routes<PublicDoor> {
    Routes::new()
        .route("/", get(root))
        .route("/login", get(new_sign_in).post(create_sign_in))
        .route("/sign-out", post(destroy_sign_in))
        .route("/preferences", post(update_preferences))
}

/// What every person who is signed in may reach.
pub fn member_routes() -> Routes<MemberDoor> {
    Routes::new().route("/account", get(show)).route("/account/password", post(update_password))
}

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
        let open = super::is_registration_open(&app.db).await?;
        let register = if open { address("/register", &[("next", &next)]) } else { String::new() };
        let title = page.t.accounts_sign_in();
        Ok(Self { page: page.titled(title), form, next, register })
    }
}

#[derive(serde::Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

async fn root(viewer: Option<axum::Extension<Viewer>>) -> Redirect {
    Redirect::to(viewer.map_or("/login", |viewer| viewer.role.home()))
}

async fn new_sign_in(
    State(app): State<AppState>,
    page: Page,
    viewer: Option<axum::Extension<Viewer>>,
    Query(Next { next }): Query<Next>,
) -> PageResult {
    if let Some(viewer) = viewer {
        return Ok(Redirect::to(destination(&next, viewer.role.home())).into_response());
    }
    html(&LoginPage::new(&app, page, Fields::default(), next).await?)
}

async fn create_sign_in(
    State(app): State<AppState>,
    ClientAddress(address): ClientAddress,
    session: Session,
    page: Page,
    headers: HeaderMap,
    mut form: Fields,
) -> PageResult {
    let user_agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let origin = Origin { address, user_agent };
    let t = page.t;
    let outcome =
        super::sign_in(&app.db, form.get("username"), form.value("password"), origin, app.clock.now()).await;
    let status = match outcome {
        Ok(signed_in) => {
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

/// A waiting time is told in whole minutes, rounded up, so that who waits as told is let in.
fn round_up(wait: std::time::Duration) -> time::Duration {
    time::Duration::minutes(i64::try_from(wait.as_secs().div_ceil(60)).unwrap_or(1).max(1))
}

fn destination<'a>(next: &'a str, home: &'a str) -> &'a str {
    if is_own_path(next) && next != "/" { next } else { home }
}

async fn destroy_sign_in(
    State(app): State<AppState>,
    ClientAddress(address): ClientAddress,
    session: Session,
    viewer: Option<axum::Extension<Viewer>>,
) -> Result<Redirect, AppError> {
    if let Some(viewer) = viewer {
        let by = Actor { user: viewer.id, address: Some(address) };
        super::sign_out(&app.db, viewer.sign_in, by, app.clock.now()).await?;
    }
    session::end(&session).await?;
    Ok(Redirect::to("/login"))
}

async fn update_preferences(
    State(app): State<AppState>,
    viewer: Option<axum::Extension<Viewer>>,
    jar: CookieJar,
    form: Fields,
) -> Result<Response, AppError> {
    let keep = |name: &'static str, value: &'static str| {
        Cookie::build((name, value)).path("/").permanent().http_only(true).same_site(SameSite::Lax).build()
    };
    let jar = match form.get("theme") {
        "light" => jar.add(keep("theme", "light")),
        "dark" => jar.add(keep("theme", "dark")),
        "system" => jar.add(keep("theme", "system")),
        _ => jar,
    };
    let jar = match form.get("language").parse::<Language>() {
        Ok(language) => {
            if let Some(viewer) = viewer {
                super::set_language(&app.db, viewer.id, language.code()).await?;
            }
            jar.add(keep("language", language.code()))
        }
        Err(()) => jar,
    };
    let back = destination(form.get("back"), "/").to_owned();
    Ok((jar, Redirect::to(&back)).into_response())
}

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

async fn show(viewer: Member, page: Page) -> PageResult {
    html(&AccountPage::new(page, &viewer, Fields::default()))
}

async fn update_password(
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
        let changed = super::change_password(
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
