//! The form that makes an account.

use std::time::Duration;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use axum_extra::extract::Query;
use axum_htmx::HxRequest;
use tower_sessions::Session;
use uuid::Uuid;

use super::AGENT;
use crate::{
    ids::{OrderId, PlanId, UserId},
    locale::Tr,
    money::Toman,
    orders::{
        self, Availability, NewOrder, PlaceError, Username, UsernameError,
        queries::{self, Choice},
        usernames, views,
    },
    persian::normalize,
    web::{Agent, AppError, AppState, Fields, Page, PageResult, drafts, html, see_other},
};

pub(super) use usernames::ALIAS_LENGTH;

/// The longest note, in characters.
pub(super) const NOTE_LENGTH: usize = 500;
const FORM: &str = "/agent/create-user";

#[derive(Template)]
#[template(path = "orders/create.html")]
struct CreatePage {
    page: Page,
    form: Fields,
    choices: Vec<ChoiceView>,
    username_hint: String,
    check: Check,
    /// What is owed, where the wallet is below zero; then there is no form.
    owed: String,
    /// How much pending credit counts, where there is more of it; else empty.
    ceiling: String,
    /// Where the account is that the same form made before; else empty.
    made_before: String,
}

/// A plan as a card.
pub(super) struct ChoiceView {
    /// Plan and price: what is sent is what was seen.
    pub value: String,
    pub name: String,
    pub about: String,
    pub price: String,
    /// What the purchase leaves, or what is missing for it.
    pub note: String,
    pub is_affordable: bool,
    pub is_chosen: bool,
}

/// What is known of the typed name.
#[derive(Default)]
pub(super) struct Check {
    /// `ok`, `warn` or `bad`; empty says nothing.
    pub kind: &'static str,
    pub text: String,
    /// Another name; empty where none is needed.
    pub suggestion: String,
}

#[derive(Template)]
#[template(path = "orders/_username.html")]
struct CheckPart {
    page: Page,
    check: Check,
}

#[derive(serde::Deserialize)]
pub(super) struct NewQuery {
    /// A failed order whose form is to be filled in again.
    again: Option<i64>,
}

pub(super) async fn new(
    State(app): State<AppState>,
    viewer: Agent,
    session: Session,
    page: Page,
    Query(query): Query<NewQuery>,
) -> PageResult {
    let mut form = drafts::take(&session, FORM).await?;
    if let Some(id) = query.again
        && let Some(order) = queries::order(&app.db, viewer.id, OrderId(id)).await?
    {
        form.set_default("plan", order.plan_id.to_string());
        form.set_default("alias", order.alias);
        form.set_default("note", order.note);
        if order.on_hold {
            form.set_default("on_hold", "true");
        }
    }
    let prefix = usernames::prefix_of(&app.db, viewer.id).await?;
    let stem = if prefix.is_empty() { format!("{}_", viewer.username) } else { prefix.clone() };
    form.set_default("username", usernames::suggest(&app.db, &stem, &prefix).await?);
    form.set("request_id", Uuid::new_v4().to_string());
    html(&draw(&app, &viewer, page, form, Check::default()).await?)
}

pub(super) async fn create(
    State(app): State<AppState>,
    viewer: Agent,
    hx: HxRequest,
    page: Page,
    mut form: Fields,
) -> PageResult {
    let request_id = form.request_id()?;
    let t = page.t;
    let (alias, note) = (normalize(form.get("alias")), normalize(form.get("note")));
    if alias.chars().count() > ALIAS_LENGTH {
        form.fail("alias", t.orders_alias_long(t.digits(ALIAS_LENGTH)));
    }
    if note.chars().count() > NOTE_LENGTH {
        form.fail("note", t.orders_note_long(t.digits(NOTE_LENGTH)));
    }
    let chosen = chosen(form.get("plan"));
    if chosen.is_none() {
        form.fail("plan", t.orders_plan_choose());
    }
    let (plan, price_seen) = chosen.unwrap_or((PlanId(0), Toman::ZERO));
    let mut check = Check::default();
    let mut made_before = String::new();
    if form.is_ok() {
        let new = NewOrder {
            buyer: viewer.id,
            plan,
            price_seen,
            username: form.get("username"),
            alias: &alias,
            note: &note,
            on_hold: form.ticked("on_hold"),
            request_id,
        };
        match orders::place(&app.db, &new, app.clock.now()).await {
            Ok(order) => {
                give_it_a_moment(&app, order).await;
                return Ok(see_other(hx, &format!("{}/{order}", AGENT.orders)));
            }
            Err(PlaceError::FormUsed { order }) => {
                made_before = format!("{}/{order}", AGENT.orders);
                form.set("request_id", Uuid::new_v4().to_string());
            }
            Err(PlaceError::UsernameTaken) => check = taken(&app, viewer.id, &t, &mut form).await?,
            Err(error) => explain(&t, &mut form, error)?,
        }
    }
    let mut answer = draw(&app, &viewer, page, form, check).await?;
    answer.made_before = made_before;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&answer)?).into_response())
}

/// Most accounts are made at once. Waiting a moment shows the link right away, also without JavaScript.
pub(super) async fn give_it_a_moment(app: &AppState, order: OrderId) {
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(90)).await;
        // What can't be read now, the order's page will tell.
        if !matches!(queries::is_provisioning(&app.db, order).await, Ok(true)) {
            return;
        }
    }
}

/// Puts a refusal beside its field.
pub(super) fn explain(t: &Tr, form: &mut Fields, error: PlaceError) -> Result<(), AppError> {
    match error {
        PlaceError::PlanInactive => form.fail("plan", t.orders_plan_inactive()),
        PlaceError::PriceChanged { now } => form.fail("plan", t.orders_plan_price_changed(t.amount(now))),
        PlaceError::NotEnough { missing } => form.fail("plan", t.orders_not_enough(t.amount(missing))),
        PlaceError::Username(error) => form.fail("username", name_error(t, error)),
        PlaceError::UsernameTaken => form.fail("username", t.orders_username_taken(form.get("username"))),
        PlaceError::BuyerDisabled => return Err(AppError::Forbidden),
        // The page itself says so, and what is owed.
        PlaceError::BelowZero { .. } | PlaceError::FormUsed { .. } => {}
        PlaceError::Database(error) => return Err(error.into()),
    }
    Ok(())
}

pub(super) fn name_error(t: &Tr, error: UsernameError) -> String {
    match error {
        UsernameError::Empty => t.orders_username_empty(),
        UsernameError::Length => t.orders_username_length(),
        UsernameError::FirstCharacter => t.orders_username_first(),
        UsernameError::Characters => t.orders_username_characters(),
    }
}

/// Says beside the field that the name is taken, and suggests another.
pub(super) async fn taken(
    app: &AppState,
    buyer: UserId,
    t: &Tr,
    form: &mut Fields,
) -> Result<Check, AppError> {
    let prefix = usernames::prefix_of(&app.db, buyer).await?;
    let name =
        Username::parse(form.get("username"), &prefix).map(|name| name.to_string()).unwrap_or_default();
    form.fail("username", t.orders_username_taken(&name));
    let suggestion = usernames::suggest(&app.db, &name, &prefix).await?;
    Ok(Check { suggestion, ..Check::default() })
}

#[derive(serde::Deserialize)]
pub(super) struct UsernameQuery {
    #[serde(default)]
    username: String,
}

pub(super) async fn username(
    State(app): State<AppState>,
    viewer: Agent,
    page: Page,
    query: Query<UsernameQuery>,
) -> Result<Response, AppError> {
    check_username(&app, viewer.id, page, query).await
}

/// The live check beside the field: our rules, our orders, the server.
pub(super) async fn check_username(
    app: &AppState,
    buyer: UserId,
    page: Page,
    Query(query): Query<UsernameQuery>,
) -> Result<Response, AppError> {
    let t = page.t;
    let prefix = usernames::prefix_of(&app.db, buyer).await?;
    let check = match Username::parse(&query.username, &prefix) {
        Err(error) => Check { kind: "bad", text: name_error(&t, error), suggestion: String::new() },
        Ok(name) => match usernames::availability(&app.db, &app.marzban, &name).await? {
            Availability::Free => {
                Check { kind: "ok", text: t.orders_username_free(&name), suggestion: String::new() }
            }
            Availability::Unasked => {
                Check { kind: "warn", text: t.orders_username_unasked(&name), suggestion: String::new() }
            }
            Availability::Taken => Check {
                kind: "bad",
                text: t.orders_username_taken(&name),
                suggestion: usernames::suggest(&app.db, name.as_str(), &prefix).await?,
            },
        },
    };
    html(&CheckPart { page, check })
}

/// The plan and the price that were on the card.
pub(super) fn chosen(value: &str) -> Option<(PlanId, Toman)> {
    let (plan, price) = value.split_once(':')?;
    Some((PlanId(plan.parse().ok()?), Toman(price.parse().ok()?)))
}

async fn draw(
    app: &AppState,
    viewer: &Agent,
    page: Page,
    form: Fields,
    check: Check,
) -> Result<CreatePage, AppError> {
    let t = page.t;
    let choices = queries::agent_choices(&app.db).await?;
    let prefix = usernames::prefix_of(&app.db, viewer.id).await?;
    let total = viewer.balance.total();
    let held_back = viewer.balance.pending > viewer.pending_ceiling;
    Ok(CreatePage {
        choices: choices.iter().map(|choice| card(&t, viewer, choice, &form)).collect(),
        username_hint: if prefix.is_empty() {
            t.orders_username_hint()
        } else {
            t.orders_username_hint_prefix(&prefix)
        },
        check,
        owed: if total.is_negative() { t.amount(-total) } else { String::new() },
        ceiling: if held_back { t.orders_ceiling(t.amount(viewer.pending_ceiling)) } else { String::new() },
        made_before: String::new(),
        form,
        page: page.titled(t.orders_create_title()),
    })
}

pub(super) fn card(t: &Tr, viewer: &Agent, choice: &Choice, form: &Fields) -> ChoiceView {
    let spendable = viewer.balance.spendable(viewer.pending_ceiling);
    let is_affordable = choice.price <= spendable;
    // A form that was filled in earlier may hold an older price, or none.
    let before = form.get("plan").split(':').next().unwrap_or_default();
    ChoiceView {
        value: format!("{}:{}", choice.id, choice.price.0),
        name: choice.name.clone(),
        about: t.orders_plan_about(t.number(choice.days), views::volume(t, choice.data_limit_gb)),
        price: t.amount(choice.price),
        note: if is_affordable {
            t.orders_plan_after(t.amount(viewer.balance.total() - choice.price))
        } else {
            t.orders_plan_missing(t.amount(choice.price - spendable))
        },
        is_affordable,
        is_chosen: is_affordable && before == choice.id.to_string(),
    }
}
