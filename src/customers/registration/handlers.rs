//! The form by which a stranger registers.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use axum_extra::extract::Query;
use tower_sessions::Session;
use uuid::Uuid;

use super::{RegisterError, Registration, register};
use crate::{
    accounts::{self, CreateError, MIN_LENGTH, Origin, handlers::StrengthPart},
    locale::Tr,
    persian::{Phone, PhoneError, latin_digits, normalize},
    web::{
        AppError, AppState, Fields, Page, PageResult, Role, Viewer, address,
        client::ClientAddress,
        doors::{PublicDoor, Routes, is_own_path},
        html, session,
    },
};

const PATH: &str = "/register";

/// What everyone may reach.
pub fn public_routes() -> Routes<PublicDoor> {
    Routes::new().route(PATH, get(new).post(create)).route("/register/strength", post(strength))
}

#[derive(Template)]
#[template(path = "customers/register.html")]
struct RegisterPage {
    page: Page,
    form: Fields,
    is_open: bool,
    min_length: String,
    strength: StrengthPart,
    sign_in: String,
}

#[derive(serde::Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

async fn new(
    State(app): State<AppState>,
    viewer: Option<axum::Extension<Viewer>>,
    page: Page,
    Query(Next { next }): Query<Next>,
) -> PageResult {
    if let Some(viewer) = viewer {
        return Ok(Redirect::to(viewer.role.home()).into_response());
    }
    let is_open = accounts::is_registration_open(&app.db).await?;
    let mut form = Fields::default();
    form.set("next", next);
    form.set("request_id", Uuid::new_v4().to_string());
    draw(page, form, is_open)
}

fn draw(page: Page, form: Fields, is_open: bool) -> PageResult {
    let t = page.t;
    let title = if is_open { t.customers_register() } else { t.customers_register_closed() };
    html(&RegisterPage {
        min_length: t.digits(MIN_LENGTH),
        strength: StrengthPart::nothing_typed(t),
        sign_in: address("/login", &[("next", form.get("next"))]),
        page: page.titled(title),
        form,
        is_open,
    })
}

async fn create(
    State(app): State<AppState>,
    ClientAddress(address): ClientAddress,
    session: Session,
    page: Page,
    headers: HeaderMap,
    mut form: Fields,
) -> PageResult {
    let t = page.t;
    let request_id = form.request_id()?;
    let typed = read(&mut form, &t);
    let password = form.value("password").to_owned();
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let Some(Typed { username, phone, email }) = typed {
        let user_agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let new = Registration {
            username: &username,
            password: &password,
            phone: &phone,
            email: email.as_deref(),
            request_id,
        };
        match register(&app.db, &new, Origin { address, user_agent }, app.clock.now()).await {
            Ok(sign_in) => {
                session::begin(&session, sign_in).await?;
                return Ok(Redirect::to(destination(form.get("next"))).into_response());
            }
            Err(RegisterError::Closed) => {
                return Ok((StatusCode::FORBIDDEN, draw(page, form, false)?).into_response());
            }
            Err(error) => status = explain(&mut form, &t, error)?,
        }
    }
    Ok((status, draw(page, form, true)?).into_response())
}

/// She goes on where she wanted to go, if that is a page for her.
fn destination(next: &str) -> &str {
    if is_own_path(next) && next.starts_with("/user") { next } else { Role::EndUser.home() }
}

struct Typed {
    username: String,
    phone: Phone,
    email: Option<String>,
}

/// Reads the form; what is wrong is said beside its field.
fn read(form: &mut Fields, t: &Tr) -> Option<Typed> {
    let username = latin_digits(&normalize(form.get("username"))).to_lowercase();
    if username.is_empty() {
        form.fail("username", t.forms_missing());
    }
    let length = form.value("password").chars().count();
    if length == 0 {
        form.fail("password", t.forms_missing());
    } else if length < MIN_LENGTH {
        form.fail("password", t.accounts_password_too_short(t.digits(MIN_LENGTH)));
    }
    let phone = Phone::parse(form.get("phone")).map_err(|error| {
        form.fail(
            "phone",
            match error {
                PhoneError::Empty => t.forms_missing(),
                PhoneError::NotAMobile => t.customers_phone_wrong(),
            },
        );
    });
    let email = match form.get("email") {
        "" => None,
        typed => {
            let email = accounts::parse_email(typed);
            if email.is_none() {
                form.fail("email", t.customers_email_wrong());
            }
            email
        }
    };
    let phone = phone.ok().filter(|_| form.is_ok())?;
    Some(Typed { username, phone, email })
}

/// Puts a refusal beside its field. Returns the status of the answer.
fn explain(form: &mut Fields, t: &Tr, error: RegisterError) -> Result<StatusCode, AppError> {
    match error {
        RegisterError::Throttled { wait } => {
            let minutes = i64::try_from(wait.as_secs().div_ceil(60)).unwrap_or(1).max(1);
            form.fail("form", t.customers_register_throttled(t.remaining(time::Duration::minutes(minutes))));
            return Ok(StatusCode::TOO_MANY_REQUESTS);
        }
        RegisterError::PasswordWeak => form.fail("password", t.accounts_password_too_weak()),
        RegisterError::EmailTaken => form.fail("email", t.customers_email_taken()),
        RegisterError::Create(CreateError::UsernameTaken) => {
            form.fail("username", t.customers_username_taken());
        }
        RegisterError::Create(CreateError::BadUsername) => {
            form.fail("username", t.customers_username_wrong());
        }
        RegisterError::Create(CreateError::Database(error)) => return Err(error.into()),
        RegisterError::Create(error) => return Err(AppError::internal(error)),
        RegisterError::Closed => {}
    }
    Ok(StatusCode::UNPROCESSABLE_ENTITY)
}

/// Says how good the password is that is being typed. It comes by POST, so that no log of addresses holds it.
async fn strength(page: Page, form: Fields) -> Result<Response, AppError> {
    let password = form.value("password");
    let known = [form.get("username"), form.get("phone"), form.get("email")];
    html(&StrengthPart::of(page.t, password, &known))
}
