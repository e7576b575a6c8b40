//! What the admin does to a person: credit by hand, disabling, enabling, a one-time password, a lost second factor,
//! looking at her pages.

use askama::Template;
use axum::{
    extract::{Path, rejection::PathRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{AdjustError, Adjusted, Adjustment, MAX_ADJUSTMENT, adjust, queries::Person, view};
use crate::{
    accounts::{self, PasswordError},
    ids::UserId,
    ledger::Balance,
    locale::Tr,
    money::{AmountError, Toman},
    orders,
    persian::normalize,
    web::{
        Admin, AppError, Ask, Fields, Page, PageResult,
        doors::{AdminDoor, Routes},
        html,
        page::flash,
        see_other, view_as,
    },
};

const REASON: usize = 300;

/// What the admin may reach.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new()
        .route("/admin/people/{id}/credit", get(new_credit).post(preview_credit))
        .route("/admin/people/{id}/credit/posting", post(create_credit))
        .route("/admin/people/{id}/disabling", post(create_disabling))
        .route("/admin/people/{id}/enabling", post(create_enabling))
        .route("/admin/people/{id}/password", post(create_password))
        .route("/admin/people/{id}/two-factor/reset", post(create_two_factor_reset))
        .route("/admin/people/{id}/view-as", post(create_view))
        .route(view_as::END, post(destroy_view))
}

type PersonPath = Result<Path<i64>, PathRejection>;

async fn find(conn: &mut PgConnection, path: PersonPath) -> Result<Person, AppError> {
    let Path(id) = path.map_err(|_| AppError::NotFound)?;
    Person::find(conn, UserId(id)).await?.ok_or(AppError::NotFound)
}

#[derive(Template)]
#[template(path = "people/credit.html")]
struct CreditPage {
    page: Page,
    person: Person,
    form: Fields,
    preview: Option<Preview>,
    /// The wallet changed while the admin looked at the preview.
    changed: bool,
}

/// What the wallet would become.
struct Preview {
    change: Toman,
    reason: String,
    before: Balance,
    after: Balance,
    request_id: String,
}

impl Preview {
    fn goes_below_zero(&self) -> bool {
        self.after.total().is_negative() && !self.before.total().is_negative()
    }

    /// The amount that moves, for whoever wants to be sure of the zeros.
    fn words(&self, t: &Tr) -> String {
        Toman(self.change.0.abs()).in_words(t.language)
    }

    fn sign(&self) -> &'static str {
        if self.change.is_negative() { "minus" } else { "plus" }
    }
}

fn credit_page(
    page: Page,
    person: Person,
    form: Fields,
    preview: Option<Preview>,
    changed: bool,
) -> PageResult {
    let page = page.clone().titled(page.t.people_credit_title(&person.name));
    html(&CreditPage { page, person, form, preview, changed })
}

async fn new_credit(ask: Ask<Admin>, path: PersonPath) -> PageResult {
    let person = find(&mut *ask.app.db.acquire().await?, path).await?;
    credit_page(ask.page, person, Fields::default(), None, false)
}

async fn preview_credit(ask: Ask<Admin>, path: PersonPath, mut form: Fields) -> PageResult {
    let person = find(&mut *ask.app.db.acquire().await?, path).await?;
    let read = read(&mut form, &ask.page.t);
    let is_ok = read.is_some();
    let preview = read.map(|read| preview(&person, read, Uuid::new_v4().to_string()));
    let page = credit_page(ask.page, person, form, preview, false)?;
    let status = if is_ok { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, page).into_response())
}

async fn create_credit(ask: Ask<Admin>, path: PersonPath, mut form: Fields) -> PageResult {
    let person = find(&mut *ask.app.db.acquire().await?, path).await?;
    let t = ask.page.t;
    let request_id = form.request_id()?;
    let seen = form.get("seen").parse().map(Toman).map_err(|_| AppError::BadRequest("seen"))?;
    let Some((change, reason)) = read(&mut form, &t) else {
        let page = credit_page(ask.page, person, form, None, false)?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let adjustment = Adjustment { user: person.id, change, reason: &reason, seen, request_id };
    match adjust(&ask.app.db, &adjustment, ask.actor(ask.who.id), ask.app.clock.now()).await {
        Ok(Adjusted::Now | Adjusted::Before) => {
            leave(&ask, &person, "ok", t.people_credit_done(t.signed(change), &person.name)).await
        }
        Err(AdjustError::BalanceChanged) => {
            let person = Person::find(&mut *ask.app.db.acquire().await?, person.id).await?;
            let person = person.ok_or(AppError::NotFound)?;
            let preview = preview(&person, (change, reason), request_id.to_string());
            let page = credit_page(ask.page, person, form, Some(preview), true)?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        Err(AdjustError::NotFound) => Err(AppError::NotFound),
        Err(AdjustError::Invalid) => Err(AppError::BadRequest("amount")),
        Err(AdjustError::Database(error)) => Err(error.into()),
    }
}

/// The change and its reason.
fn read(form: &mut Fields, t: &Tr) -> Option<(Toman, String)> {
    let amount = match Toman::parse(form.get("amount")) {
        Ok(amount) if amount > Toman::ZERO && amount <= MAX_ADJUSTMENT => amount,
        outcome => {
            let message = match outcome {
                Err(AmountError::Empty) => t.people_amount_missing(),
                Err(AmountError::NotANumber | AmountError::Negative) => t.people_amount_wrong(),
                Ok(_) | Err(AmountError::TooLarge) => t.people_amount_out_of_range(t.amount(MAX_ADJUSTMENT)),
            };
            form.fail("amount", message);
            Toman::ZERO
        }
    };
    let change = match form.get("direction") {
        "add" => amount,
        "take" => -amount,
        _ => {
            form.fail("direction", t.people_direction_missing());
            Toman::ZERO
        }
    };
    let reason = normalize(form.get("reason"));
    if reason.is_empty() {
        form.fail("reason", t.people_reason_missing());
    } else if reason.chars().count() > REASON {
        form.fail("reason", t.agents_too_long(t.number(REASON as i64)));
    }
    form.is_ok().then_some((change, reason))
}

fn preview(person: &Person, (change, reason): (Toman, String), request_id: String) -> Preview {
    let before = person.balance();
    let after = Balance { confirmed: before.confirmed + change, ..before };
    Preview { change, reason, before, after, request_id }
}

async fn create_disabling(ask: Ask<Admin>, path: PersonPath, form: Fields) -> PageResult {
    let (t, now, by) = (ask.page.t, ask.app.clock.now(), ask.actor(ask.who.id));
    let person = find(&mut *ask.app.db.acquire().await?, path).await?;
    accounts::disable(&ask.app.db, person.id, by, now).await?;
    let mut text = t.people_disabled(&person.name);
    if form.get("accounts") == "true" {
        orders::changes::cut_off(&mut *ask.app.db.acquire().await?, person.id, by, now).await?;
        text = format!("{text} {}", t.people_accounts_cut_off());
    }
    leave(&ask, &person, "ok", text).await
}

async fn create_enabling(ask: Ask<Admin>, path: PersonPath) -> PageResult {
    let person = find(&mut *ask.app.db.acquire().await?, path).await?;
    accounts::enable(&ask.app.db, person.id, ask.actor(ask.who.id), ask.app.clock.now()).await?;
    leave(&ask, &person, "ok", ask.page.t.people_enabled(&person.name)).await
}

#[derive(Template)]
#[template(path = "people/password.html")]
struct PasswordPage {
    page: Page,
    username: String,
    password: String,
    home: String,
}

async fn create_password(ask: Ask<Admin>, path: PersonPath, form: Fields) -> PageResult {
    let person = find(&mut *ask.app.db.acquire().await?, path).await?;
    let (t, request_id) = (ask.page.t, form.request_id()?);
    let by = ask.actor(ask.who.id);
    match accounts::reset_password(&ask.app.db, person.id, request_id, by, ask.app.clock.now()).await {
        Ok(Some(password)) => {
            let (home, username) = (person.home(), person.username);
            let page = ask.page.titled(t.people_password_title(&person.name));
            html(&PasswordPage { page, username, password, home })
        }
        Ok(None) => leave(&ask, &person, "info", t.people_password_before()).await,
        Err(PasswordError::Database(error)) => Err(error.into()),
        Err(error) => Err(AppError::internal(error)),
    }
}

async fn create_two_factor_reset(ask: Ask<Admin>, path: PersonPath) -> PageResult {
    let person = find(&mut *ask.app.db.acquire().await?, path).await?;
    let by = ask.actor(ask.who.id);
    accounts::reset_two_factor(&ask.app.db, person.id, by, ask.app.clock.now()).await?;
    leave(&ask, &person, "ok", ask.page.t.people_two_factor_reset(&person.name)).await
}

async fn create_view(ask: Ask<Admin>, path: PersonPath) -> PageResult {
    let person = find(&mut *ask.app.db.acquire().await?, path).await?;
    let now = ask.app.clock.now();
    view(&ask.app.db, person.id, ask.actor(ask.who.id), now).await?;
    view_as::begin(&ask.session, &ask.who, person.id, now).await?;
    Ok(see_other(ask.hx, person.role.home()))
}

async fn destroy_view(ask: Ask<Admin>) -> PageResult {
    let by = ask.actor(ask.who.id);
    let viewed = view_as::end(&ask.app, &ask.session, by, ask.app.clock.now()).await?;
    let person = match viewed {
        Some(id) => Person::find(&mut *ask.app.db.acquire().await?, id).await?,
        None => None,
    };
    Ok(see_other(ask.hx, &person.map_or("/admin".to_owned(), |person| person.home())))
}

/// Back to the person's page, with a message.
async fn leave(ask: &Ask<Admin>, person: &Person, kind: &str, text: String) -> Result<Response, AppError> {
    flash(&ask.session, kind, text).await?;
    Ok(see_other(ask.hx, &person.home()))
}
