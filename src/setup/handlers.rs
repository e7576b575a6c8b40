//! The page on which the first admin is made. Once there is one it is not there.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use tower_sessions::Session;

use super::{FoundError, NewShop, found};
use crate::{
    accounts::{self, CreateError, MIN_LENGTH, Origin, handlers::StrengthPart, strength},
    locale::Tr,
    persian::{latin_digits, normalize},
    settings::MAX_SHOP_NAME,
    web::{
        AppError, AppState, Fields, Page, PageResult, Role,
        client::ClientAddress,
        doors::{PublicDoor, Routes},
        html,
        page::flash,
        session,
    },
};

const PATH: &str = "/setup";

/// What everyone may reach.
pub fn public_routes() -> Routes<PublicDoor> {
    Routes::new().route(PATH, get(new).post(create)).route("/setup/strength", post(show_strength))
}

#[derive(Template)]
#[template(path = "setup/new.html")]
struct SetupPage {
    page: Page,
    form: Fields,
    min_length: String,
    strength: StrengthPart,
}

fn draw(page: Page, form: Fields) -> PageResult {
    let t = page.t;
    let page = SetupPage {
        min_length: t.digits(MIN_LENGTH),
        strength: StrengthPart::nothing_typed(t),
        page: page.titled(t.setup_title()),
        form,
    };
    let mut response = html(&page)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Whoever asks is told of nothing once there is an admin.
async fn only_without_admin(app: &AppState) -> Result<(), AppError> {
    match accounts::is_there_an_admin(&mut *app.db.acquire().await?).await? {
        true => Err(AppError::NotFound),
        false => Ok(()),
    }
}

async fn new(State(app): State<AppState>, page: Page) -> PageResult {
    only_without_admin(&app).await?;
    draw(page, Fields::default())
}

async fn create(
    State(app): State<AppState>,
    ClientAddress(address): ClientAddress,
    session: Session,
    page: Page,
    headers: HeaderMap,
    mut form: Fields,
) -> PageResult {
    only_without_admin(&app).await?;
    let t = page.t;
    let typed = read(&mut form, &t);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let Some(Typed { shop_name, username }) = typed {
        let user_agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let (code, password) = (form.value("setup_code"), form.value("password"));
        let shop = NewShop { code, shop_name: &shop_name, username: &username, password };
        match found(&app.db, &shop, Origin { address, user_agent }, app.clock.now()).await {
            Ok(sign_in) => {
                app.remember_shop_name(&shop_name);
                session::begin(&session, sign_in).await?;
                flash(&session, "ok", t.setup_done()).await?;
                return Ok(Redirect::to(Role::Admin.home()).into_response());
            }
            Err(FoundError::Done) => {
                flash(&session, "info", t.setup_done_by_another()).await?;
                return Ok(Redirect::to("/login").into_response());
            }
            Err(error) => status = explain(&mut form, &t, error)?,
        }
    }
    Ok((status, draw(page, form)?).into_response())
}

struct Typed {
    shop_name: String,
    username: String,
}

/// Reads the form; what is wrong is said beside its field.
fn read(form: &mut Fields, t: &Tr) -> Option<Typed> {
    if form.get("setup_code").is_empty() {
        form.fail("setup_code", t.forms_missing());
    }
    let shop_name = form.line("shop_name", MAX_SHOP_NAME, t);
    let username = latin_digits(&normalize(form.get("username"))).to_lowercase();
    if username.is_empty() {
        form.fail("username", t.forms_missing());
    }
    let password = form.value("password").to_owned();
    if password.chars().count() < MIN_LENGTH {
        form.fail("password", t.accounts_password_too_short(t.digits(MIN_LENGTH)));
    } else if !strength(&password, &[&username, &shop_name]).is_enough() {
        form.fail("password", t.accounts_password_too_weak());
    }
    if password != form.value("repeat_password") {
        form.fail("repeat_password", t.accounts_passwords_differ());
    }
    form.is_ok().then_some(Typed { shop_name, username })
}

/// Puts a refusal beside its field. Returns the status of the answer.
fn explain(form: &mut Fields, t: &Tr, error: FoundError) -> Result<StatusCode, AppError> {
    match error {
        FoundError::WrongCode => form.fail("setup_code", t.setup_wrong_code()),
        FoundError::Throttled { wait } => {
            let minutes = i64::try_from(wait.as_secs().div_ceil(60)).unwrap_or(1).max(1);
            let wait = t.remaining(time::Duration::minutes(minutes));
            form.fail("setup_code", t.accounts_throttled(wait));
            return Ok(StatusCode::TOO_MANY_REQUESTS);
        }
        FoundError::PasswordWeak => form.fail("password", t.accounts_password_too_weak()),
        FoundError::Create(CreateError::UsernameTaken) => {
            form.fail("username", t.customers_username_taken());
        }
        FoundError::Create(CreateError::BadUsername) => form.fail("username", t.customers_username_wrong()),
        FoundError::Create(CreateError::Database(error)) | FoundError::Database(error) => {
            return Err(error.into());
        }
        FoundError::Create(error) => return Err(AppError::internal(error)),
        FoundError::Done => return Err(AppError::NotFound),
    }
    Ok(StatusCode::UNPROCESSABLE_ENTITY)
}

/// Says how good the password is that is being typed. It comes by POST, so that no log of addresses holds it.
async fn show_strength(State(app): State<AppState>, page: Page, form: Fields) -> PageResult {
    only_without_admin(&app).await?;
    html(&StrengthPart::of(page.t, form.value("password"), &[form.get("username"), form.get("shop_name")]))
}
