//! Changing one's own password.

use askama::Template;
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::IntoResponse,
};

use super::{round_up, user_agent};
use crate::{
    accounts::{self, MIN_LENGTH, Origin, PasswordError, Strength, strength},
    locale::Tr,
    web::{AppError, Ask, Fields, Member, Page, PageResult, Viewer, html, page::flash, see_other, session},
};

pub const PATH: &str = "/account/password";

#[derive(Template)]
#[template(path = "accounts/password.html")]
struct PasswordPage {
    page: Page,
    form: Fields,
    username: String,
    must_change_password: bool,
    min_length: String,
    strength: StrengthPart,
}

/// How good the password is that is being typed.
#[derive(Template)]
#[template(path = "accounts/_strength.html")]
pub struct StrengthPart {
    t: Tr,
    /// `None` while nothing is typed.
    shown: Option<Strength>,
}

impl StrengthPart {
    pub fn nothing_typed(t: Tr) -> Self {
        Self { t, shown: None }
    }

    /// What is said to somebody of whom others know `known`.
    pub fn of(t: Tr, password: &str, known: &[&str]) -> Self {
        let shown = (!password.is_empty()).then(|| strength(password, known));
        Self { t, shown }
    }

    fn percent(&self) -> u8 {
        self.shown.map_or(0, |shown| 20 + 20 * shown.score())
    }

    fn words(&self) -> String {
        let Some(shown) = self.shown else { return String::new() };
        let t = &self.t;
        let word = match shown {
            Strength::VeryWeak => t.accounts_strength_very_weak(),
            Strength::Weak => t.accounts_strength_weak(),
            Strength::Fair => t.accounts_strength_fair(),
            Strength::Good => t.accounts_strength_good(),
            Strength::VeryGood => t.accounts_strength_very_good(),
        };
        if shown.is_enough() { word } else { format!("{word} {}", t.accounts_strength_advice()) }
    }
}

/// What others know of her makes a poor password.
fn known_of(viewer: &Viewer) -> [&str; 4] {
    [&viewer.username, &viewer.display_name, &viewer.phone, &viewer.shop_name]
}

fn draw(page: Page, viewer: &Viewer, form: Fields) -> PageResult {
    let t = page.t;
    html(&PasswordPage {
        strength: StrengthPart::nothing_typed(t),
        page: page.titled(t.accounts_change_password()),
        form,
        username: viewer.username.clone(),
        must_change_password: viewer.must_change_password,
        min_length: t.digits(MIN_LENGTH),
    })
}

pub async fn show(viewer: Member, page: Page) -> PageResult {
    draw(page, &viewer, Fields::default())
}

/// The meter while she types. A form and not an address, because a password stands in no log.
pub async fn show_strength(viewer: Member, page: Page, form: Fields) -> PageResult {
    html(&StrengthPart::of(page.t, form.value("new_password"), &known_of(&viewer)))
}

pub async fn update(ask: Ask<Member>, headers: HeaderMap, mut form: Fields) -> PageResult {
    let t = ask.page.t;
    let new = form.value("new_password").to_owned();
    if new.chars().count() < MIN_LENGTH {
        form.fail("new_password", t.accounts_password_too_short(t.digits(MIN_LENGTH)));
    } else if !strength(&new, &known_of(&ask.who)).is_enough() {
        form.fail("new_password", t.accounts_password_too_weak());
    }
    if new != form.value("repeat_password") {
        form.fail("repeat_password", t.accounts_passwords_differ());
    }
    if form.is_ok() {
        let current = form.value("current_password").to_owned();
        let origin = Origin { address: ask.address, user_agent: user_agent(&headers) };
        let now = ask.app.clock.now();
        match accounts::change_password(&ask.app.db, ask.who.id, &current, &new, origin, now).await {
            Ok(sign_in) => {
                session::begin(&ask.session, sign_in).await?;
                flash(&ask.session, "ok", t.accounts_password_changed()).await?;
                return Ok(see_other(ask.hx, "/account"));
            }
            Err(error) => explain(&mut form, &t, "current_password", error)?,
        }
    }
    let page = draw(ask.page, &ask.who, form)?;
    let mut response = (StatusCode::UNPROCESSABLE_ENTITY, page).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Says beside the field why the password was not taken.
pub fn explain(form: &mut Fields, t: &Tr, field: &'static str, error: PasswordError) -> Result<(), AppError> {
    match error {
        PasswordError::WrongCurrent => form.fail(field, t.accounts_wrong_current()),
        PasswordError::Throttled { wait } => {
            form.fail(field, t.accounts_throttled(t.remaining(round_up(wait))));
        }
        PasswordError::Database(error) => return Err(error.into()),
        PasswordError::Hashing(error) => return Err(AppError::internal(anyhow::anyhow!(error))),
    }
    Ok(())
}
