//! The form that makes an account.

use std::{ops::Deref, time::Duration};

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use axum_extra::extract::Query;
use uuid::Uuid;

use super::{Area, changes::Keeper};
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
    web::{AppError, AppState, Ask, Fields, Page, PageResult, Viewer, drafts, html, see_other},
};

pub(super) use usernames::ALIAS_LENGTH;

/// The longest note, in characters.
pub(super) const NOTE_LENGTH: usize = 500;

#[derive(Template)]
#[template(path = "orders/create.html")]
struct CreatePage {
    page: Page,
    area: Area,
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

impl CreatePage {
    fn username_attributes(&self) -> String {
        format!(
            "autocapitalize=none spellcheck=false maxlength=64 hx-get={}/username \
             hx-trigger='input changed delay:400ms' hx-target='#username-check' hx-swap=outerHTML \
             hx-sync=this:replace",
            self.area.form
        )
    }
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

pub(super) async fn new<P>(ask: Ask<P>, Query(query): Query<NewQuery>) -> PageResult
where
    P: Keeper + Deref<Target = Viewer>,
{
    let (db, viewer) = (&ask.app.db, &*ask.who);
    let mut form = drafts::take(&ask.session, P::AREA.form).await?;
    if let Some(id) = query.again
        && let Some(order) = queries::order(db, viewer.id, OrderId(id)).await?
    {
        form.set_default("plan", order.plan_id.to_string());
        form.set_default("alias", order.alias);
        form.set_default("note", order.note);
        if order.on_hold {
            form.set_default("on_hold", "true");
        }
    }
    let prefix = usernames::prefix_of(db, viewer.id).await?;
    let stem = if prefix.is_empty() { format!("{}_", viewer.username) } else { prefix.clone() };
    form.set_default("username", usernames::suggest(db, &stem, &prefix).await?);
    form.set("request_id", Uuid::new_v4().to_string());
    html(&draw(&ask, form, Check::default()).await?)
}

pub(super) async fn create<P>(ask: Ask<P>, mut form: Fields) -> PageResult
where
    P: Keeper + Deref<Target = Viewer>,
{
    let request_id = form.request_id()?;
    let (app, buyer, t) = (&ask.app, ask.who.id(), ask.page.t);
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
            buyer,
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
                give_it_a_moment(app, order).await;
                return Ok(see_other(ask.hx, &format!("{}/{order}", P::AREA.orders)));
            }
            Err(PlaceError::FormUsed { order }) => {
                made_before = format!("{}/{order}", P::AREA.orders);
                form.set("request_id", Uuid::new_v4().to_string());
            }
            Err(PlaceError::UsernameTaken) => check = taken(app, buyer, &t, &mut form).await?,
            Err(error) => explain(&t, &mut form, error)?,
        }
    }
    let mut answer = draw(&ask, form, check).await?;
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

/// The live check beside the field: our rules, our orders, the server.
pub(super) async fn username<P: Keeper>(
    ask: Ask<P>,
    Query(query): Query<UsernameQuery>,
) -> Result<Response, AppError> {
    let (app, t) = (&ask.app, ask.page.t);
    let prefix = usernames::prefix_of(&app.db, ask.who.id()).await?;
    let check = match Username::parse(&query.username, &prefix) {
        Err(error) => Check { kind: "bad", text: name_error(&t, error), suggestion: String::new() },
        Ok(name) => match usernames::availability(&app.db, &app.server, &name).await? {
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
    html(&CheckPart { page: ask.page, check })
}

/// The plan and the price that were on the card.
pub(super) fn chosen(value: &str) -> Option<(PlanId, Toman)> {
    let (plan, price) = value.split_once(':')?;
    Some((PlanId(plan.parse().ok()?), Toman(price.parse().ok()?)))
}

async fn draw<P>(ask: &Ask<P>, form: Fields, check: Check) -> Result<CreatePage, AppError>
where
    P: Keeper + Deref<Target = Viewer>,
{
    let (app, viewer, t) = (&ask.app, &*ask.who, ask.page.t);
    let choices = queries::agent_choices(&app.db).await?;
    let prefix = usernames::prefix_of(&app.db, viewer.id).await?;
    let total = viewer.balance.total();
    let unlimited = P::AREA.spends_below_zero;
    let owes = total.is_negative() && !unlimited;
    let held_back = viewer.balance.pending > viewer.pending_ceiling && !unlimited;
    Ok(CreatePage {
        area: P::AREA,
        choices: choices.iter().map(|choice| card(&t, viewer, unlimited, choice, &form)).collect(),
        username_hint: if prefix.is_empty() {
            t.orders_username_hint()
        } else {
            t.orders_username_hint_prefix(&prefix)
        },
        check,
        owed: if owes { t.amount(-total) } else { String::new() },
        ceiling: if held_back { t.orders_ceiling(t.amount(viewer.pending_ceiling)) } else { String::new() },
        made_before: String::new(),
        form,
        page: ask.page.clone().titled(t.orders_create_title()),
    })
}

pub(super) fn card(t: &Tr, viewer: &Viewer, unlimited: bool, choice: &Choice, form: &Fields) -> ChoiceView {
    let spendable = viewer.balance.spendable(viewer.pending_ceiling);
    let is_affordable = unlimited || choice.price <= spendable;
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
