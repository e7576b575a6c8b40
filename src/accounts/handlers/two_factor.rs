//! Turning the second factor on and off, and its recovery codes.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use super::password::explain;
use crate::{
    accounts::{self, Code, EnrolError, Enrolment, ProofError, queries},
    qr::{Qr, qr},
    web::{AppError, Ask, Fields, Member, Page, PageResult, html, page::flash, see_other},
};

pub const PATH: &str = "/account/two-factor";
pub const ENROLMENT: &str = "/account/two-factor/enrolment";
/// The secret that is being shown, in the session until a code proves it.
const SECRET: &str = "two_factor_secret";

#[derive(Template)]
#[template(path = "accounts/two_factor.html")]
struct TwoFactorPage {
    page: Page,
    form: Fields,
    /// Since when it is on; empty while it is off.
    since: String,
    codes_left: String,
    few_codes: bool,
    must_add: bool,
}

#[derive(Template)]
#[template(path = "accounts/enrolment.html")]
struct EnrolmentPage {
    page: Page,
    form: Fields,
    qr: Option<Qr>,
    /// In groups of four, for typing.
    secret: String,
    plain_secret: String,
    address: String,
}

#[derive(Template)]
#[template(path = "accounts/recovery_codes.html")]
struct CodesPage {
    page: Page,
    codes: Vec<String>,
    all: String,
}

/// What was typed as a code, and the field that it stands in: a recovery code where there is one.
pub fn typed_code(form: &Fields) -> (&'static str, Code<'_>) {
    match form.get("recovery_code") {
        "" => ("code", Code::Timed(form.get("code"))),
        recovery => ("recovery_code", Code::Recovery(recovery)),
    }
}

pub async fn show(ask: Ask<Member>) -> PageResult {
    draw(&ask, Fields::default()).await
}

async fn draw(ask: &Ask<Member>, form: Fields) -> PageResult {
    let t = ask.page.t;
    let state = queries::two_factor(&ask.app.db, ask.who.id).await?;
    html(&TwoFactorPage {
        page: ask.page.clone().titled(t.accounts_two_factor()),
        form,
        since: state.as_ref().map(|state| t.date(state.since)).unwrap_or_default(),
        codes_left: state.as_ref().map(|state| t.number(state.codes_left)).unwrap_or_default(),
        few_codes: state.is_some_and(|state| state.codes_left < 4),
        must_add: ask.who.must_add_factor,
    })
}

pub async fn create_enrolment(ask: Ask<Member>) -> PageResult {
    let enrolment = Enrolment::new(&ask.who.shop_name, &ask.who.username);
    ask.session.insert(SECRET, enrolment.secret()).await?;
    Ok(see_other(ask.hx, ENROLMENT))
}

async fn begun(ask: &Ask<Member>) -> Result<Option<Enrolment>, AppError> {
    let secret = ask.session.get::<String>(SECRET).await?;
    Ok(secret.and_then(|secret| Enrolment::from_secret(&secret, &ask.who.shop_name, &ask.who.username)))
}

pub async fn enrolment(ask: Ask<Member>) -> PageResult {
    match begun(&ask).await? {
        Some(enrolment) => draw_enrolment(ask.page, &enrolment, Fields::default()),
        None => Ok(Redirect::to(PATH).into_response()),
    }
}

fn draw_enrolment(page: Page, enrolment: &Enrolment, form: Fields) -> PageResult {
    let (plain_secret, address) = (enrolment.secret(), enrolment.address());
    let groups: Vec<String> =
        plain_secret.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into()).collect();
    let title = page.t.accounts_two_factor();
    html(&EnrolmentPage {
        page: page.titled(title),
        form,
        qr: qr(&address),
        secret: groups.join(" "),
        plain_secret,
        address,
    })
}

pub async fn create(ask: Ask<Member>, mut form: Fields) -> PageResult {
    let t = ask.page.t;
    let Some(enrolment) = begun(&ask).await? else { return already_on(&ask).await };
    let (by, now) = (ask.actor(ask.who.id), ask.app.clock.now());
    match accounts::turn_on(&ask.app.db, &enrolment, form.get("code"), by, now).await {
        Ok(codes) => {
            ask.session.remove::<String>(SECRET).await?;
            show_codes(ask.page, codes)
        }
        Err(EnrolError::WrongCode) => {
            form.fail("code", t.accounts_code_wrong_enrolment());
            let page = draw_enrolment(ask.page, &enrolment, form)?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(EnrolError::AlreadyOn) => {
            ask.session.remove::<String>(SECRET).await?;
            already_on(&ask).await
        }
        Err(EnrolError::Database(error)) => Err(error.into()),
    }
}

/// The same form sent twice: the codes were shown to the first.
async fn already_on(ask: &Ask<Member>) -> PageResult {
    flash(&ask.session, "info", ask.page.t.accounts_two_factor_before()).await?;
    Ok(see_other(ask.hx, PATH))
}

fn show_codes(page: Page, codes: Vec<String>) -> PageResult {
    let title = page.t.accounts_recovery_codes();
    html(&CodesPage { page: page.titled(title), all: codes.join("\n"), codes })
}

pub async fn update_codes(ask: Ask<Member>, form: Fields) -> PageResult {
    let (by, now) = (ask.actor(ask.who.id), ask.app.clock.now());
    let (_, code) = typed_code(&form);
    let outcome = accounts::renew_recovery_codes(&ask.app.db, form.value("password"), code, by, now).await;
    match outcome {
        Ok(codes) => show_codes(ask.page, codes),
        Err(error) => refuse(ask, form, error).await,
    }
}

pub async fn destroy(ask: Ask<Member>, form: Fields) -> PageResult {
    let (by, now) = (ask.actor(ask.who.id), ask.app.clock.now());
    let (_, code) = typed_code(&form);
    match accounts::turn_off(&ask.app.db, form.value("password"), code, by, now).await {
        Ok(()) => {
            flash(&ask.session, "ok", ask.page.t.accounts_two_factor_ended()).await?;
            Ok(see_other(ask.hx, PATH))
        }
        Err(error) => refuse(ask, form, error).await,
    }
}

async fn refuse(ask: Ask<Member>, mut form: Fields, error: ProofError) -> Result<Response, AppError> {
    let field = typed_code(&form).0;
    match error {
        ProofError::Password(error) => explain(&mut form, &ask.page.t, "password", error)?,
        ProofError::WrongCode => form.fail(field, ask.page.t.accounts_code_wrong()),
        ProofError::Off => return Ok(see_other(ask.hx, PATH)),
    }
    Ok((StatusCode::UNPROCESSABLE_ENTITY, draw(&ask, form).await?).into_response())
}
