//! The owner's pages about payment methods.

mod form;
mod views;

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use axum_extra::extract::Query;

use self::{
    form::{FormPage, fill, read},
    views::MethodView,
};
use super::{ChangeError, MethodType, queries};
use crate::{
    ids::PaymentMethodId,
    locale::{Language, Tr},
    payment_methods,
    persian::{Bank, CardError, CardNumber, Sheba, ShebaError, clean_number},
    web::{
        Admin, AppError, Ask, Fields, Id, Page, PageResult,
        doors::{AdminDoor, Routes},
        drafts, html,
        page::flash,
        see_other,
    },
};

const LIST: &str = "/admin/payment-methods";
/// Where the form of a new method stands.
const NEW: &str = "/admin/payment-methods/new";

/// What admins may reach.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new()
        .route(LIST, get(index).post(create))
        .route(NEW, get(new))
        .route("/admin/payment-methods/bank", get(show_bank))
        .route("/admin/payment-methods/{id}", get(edit).post(update))
        .route("/admin/payment-methods/{id}/activation", post(create_activation))
        .route("/admin/payment-methods/{id}/deactivation", post(create_deactivation))
}

#[derive(Template)]
#[template(path = "payment_methods/index.html")]
struct IndexPage {
    page: Page,
    methods: Vec<MethodView>,
}

#[derive(Template)]
#[template(path = "payment_methods/_method.html")]
struct MethodPart {
    page: Page,
    method: MethodView,
}

async fn index(ask: Ask<Admin>) -> PageResult {
    let t = ask.page.t;
    let rows = queries::all(&mut *ask.app.db.acquire().await?, ask.app.clock.now()).await?;
    let methods = rows.iter().map(|row| MethodView::new(row, &t)).collect();
    html(&IndexPage { page: ask.page.titled(t.methods_title()), methods })
}

/// What the address of a new form says.
#[derive(serde::Deserialize)]
struct NewQuery {
    #[serde(default, rename = "type")]
    method_type: String,
}

async fn new(ask: Ask<Admin>, Query(query): Query<NewQuery>) -> PageResult {
    let mut form = drafts::take(&ask.session, NEW).await?;
    if form.value("alias").is_empty() {
        form = drafts::take(&ask.session, LIST).await?;
    }
    let typed = if form.value("type").is_empty() { query.method_type } else { form.get("type").to_owned() };
    let method_type = MethodType::of(&typed).unwrap_or(MethodType::Card);
    form.set_default("bonus_percent", ask.page.t.digits(form::USUAL_BONUS));
    html(&FormPage::new(ask.page, method_type, form))
}

async fn create(ask: Ask<Admin>, mut form: Fields) -> PageResult {
    let t = ask.page.t;
    let method_type = MethodType::of(form.get("type")).ok_or(AppError::BadRequest("type"))?;
    if let Some(draft) = read(&mut form, method_type, &t) {
        match payment_methods::add(&ask.app.db, ask.actor(ask.who.id), &draft, ask.app.clock.now()).await {
            Ok(id) => {
                flash(&ask.session, "ok", t.methods_created(&draft.alias)).await?;
                return Ok(see_other(ask.hx, &format!("{LIST}#method-{id}")));
            }
            Err(error) => explain(&mut form, &t, method_type, error)?,
        }
    }
    let body = html(&FormPage::new(ask.page, method_type, form))?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, body).into_response())
}

/// Puts what is wrong beside its field; what no field can say ends the request.
fn explain(form: &mut Fields, t: &Tr, method_type: MethodType, error: ChangeError) -> Result<(), AppError> {
    match error {
        ChangeError::NotFound => return Err(AppError::NotFound),
        ChangeError::AliasTaken => form.fail("alias", t.methods_alias_taken()),
        ChangeError::NumberTaken { alias } => form.fail(method_type.field(), t.methods_number_taken(alias)),
        ChangeError::NumberFixed => form.fail(method_type.field(), t.methods_number_fixed()),
        ChangeError::ChangedMeanwhile => return Err(AppError::BadRequest("seen")),
        ChangeError::Database(error) => return Err(error.into()),
    }
    Ok(())
}

async fn edit(ask: Ask<Admin>, Id(id): Id) -> PageResult {
    let now = ask.app.clock.now();
    let stored = queries::find(&mut *ask.app.db.acquire().await?, PaymentMethodId(id), now)
        .await?
        .ok_or(AppError::NotFound)?;
    let mut form = drafts::take(&ask.session, &format!("{LIST}/{id}")).await?;
    if form.value("alias").is_empty() {
        form = fill(&stored.draft, &ask.page.t);
        form.set_seen(stored.updated_at);
    }
    html(&FormPage::of(ask.page, PaymentMethodId(id), &stored, form))
}

async fn update(ask: Ask<Admin>, Id(id): Id, mut form: Fields) -> PageResult {
    let (t, now, seen, id) = (ask.page.t, ask.app.clock.now(), form.seen()?, PaymentMethodId(id));
    let stored =
        queries::find(&mut *ask.app.db.acquire().await?, id, now).await?.ok_or(AppError::NotFound)?;
    let method_type = stored.draft.method_type;
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let Some(draft) = read(&mut form, method_type, &t) {
        match payment_methods::update(&ask.app.db, ask.actor(ask.who.id), id, &draft, seen, now).await {
            Ok(()) => {
                flash(&ask.session, "ok", t.methods_updated(&draft.alias)).await?;
                return Ok(see_other(ask.hx, &format!("{LIST}#method-{id}")));
            }
            Err(ChangeError::ChangedMeanwhile) => status = StatusCode::CONFLICT,
            Err(error) => explain(&mut form, &t, method_type, error)?,
        }
    }
    edit_again(ask, id, form, status).await
}

/// The form with what was typed; after a conflict it says who was first, and may be sent again.
async fn edit_again(
    ask: Ask<Admin>,
    id: PaymentMethodId,
    mut form: Fields,
    status: StatusCode,
) -> PageResult {
    let mut conn = ask.app.db.acquire().await?;
    let stored = queries::find(&mut conn, id, ask.app.clock.now()).await?.ok_or(AppError::NotFound)?;
    let mut conflict = None;
    if status == StatusCode::CONFLICT {
        conflict = queries::last_change(&mut conn, id).await?;
        form.set_seen(stored.updated_at);
    }
    let body = html(&FormPage::of(ask.page, id, &stored, form).with_conflict(conflict))?;
    Ok((status, body).into_response())
}

async fn create_activation(ask: Ask<Admin>, Id(id): Id) -> PageResult {
    set_active(ask, PaymentMethodId(id), true).await
}

async fn create_deactivation(ask: Ask<Admin>, Id(id): Id) -> PageResult {
    set_active(ask, PaymentMethodId(id), false).await
}

async fn set_active(ask: Ask<Admin>, id: PaymentMethodId, active: bool) -> Result<Response, AppError> {
    let now = ask.app.clock.now();
    match payment_methods::set_active(&ask.app.db, ask.actor(ask.who.id), id, active, now).await {
        Ok(()) => {}
        Err(ChangeError::Database(error)) => return Err(error.into()),
        Err(_) => return Err(AppError::NotFound),
    }
    if ask.hx.0 {
        let rows = queries::all(&mut *ask.app.db.acquire().await?, now).await?;
        let row = rows.iter().find(|row| row.id == id).ok_or(AppError::NotFound)?;
        return html(&MethodPart { method: MethodView::new(row, &ask.page.t), page: ask.page });
    }
    Ok(see_other(ask.hx, &format!("{LIST}#method-{id}")))
}

/// A number that is being typed.
#[derive(serde::Deserialize)]
#[serde(default)]
#[derive(Default)]
struct BankQuery {
    card_number: String,
    sheba: String,
}

#[derive(Template)]
#[template(path = "payment_methods/_bank.html")]
struct BankPart {
    bank: String,
    /// A whole number whose check digits are wrong.
    wrong: String,
}

impl BankPart {
    fn of(t: &Tr, card_number: &str, sheba: &str) -> Self {
        let wrong = match (CardNumber::parse(card_number), Sheba::parse(sheba)) {
            (Err(CardError::WrongCheckDigit), _) => t.methods_card_check(),
            (_, Err(ShebaError::WrongCheckDigits)) => t.methods_sheba_check(),
            _ => String::new(),
        };
        let bank = bank_of_card(card_number).or_else(|| bank_of_sheba(sheba));
        Self { bank: bank.map(|bank| t.bank(bank)).unwrap_or_default(), wrong }
    }
}

/// The bank as soon as six digits of the card are there.
fn bank_of_card(typed: &str) -> Option<Bank> {
    Bank::of_card_prefix(clean_number(typed).get(..6)?)
}

/// The bank as soon as check digits and bank code are there.
fn bank_of_sheba(typed: &str) -> Option<Bank> {
    let text = clean_number(typed).to_ascii_uppercase();
    Bank::of_sheba_code(text.strip_prefix("IR").unwrap_or(&text).get(2..5)?)
}

/// The bank's name as payers read it: they are at home in Persian.
fn stored_name(bank: Bank) -> String {
    Tr::new(Language::Fa).bank(bank)
}

async fn show_bank(ask: Ask<Admin>, Query(query): Query<BankQuery>) -> PageResult {
    html(&BankPart::of(&ask.page.t, &query.card_number, &query.sheba))
}
