//! The form by which an end user buys.

use askama::Template;
use axum::{http::StatusCode, response::IntoResponse};
use axum_extra::extract::Query;
use uuid::Uuid;

use super::{
    END_USER,
    create::{self, Check, ChoiceView},
};
use crate::{
    ids::{OrderId, PlanId},
    locale::Tr,
    money::Toman,
    orders::{
        NewOrder, PlaceError,
        purchase::{self, MOST_UNPAID, PurchaseError},
        queries::{self, Choice},
        usernames, views,
    },
    web::{AppError, Ask, EndUser, Fields, Page, PageResult, drafts, html, see_other},
};

#[derive(Template)]
#[template(path = "orders/buy.html")]
struct BuyPage {
    page: Page,
    form: Fields,
    /// The shop takes orders.
    is_open: bool,
    choices: Vec<ChoiceView>,
    check: Check,
    /// Confirmed credit, where it suffices for one of the plans; else empty.
    credit: String,
    /// Where the order is that the same form made before; else empty.
    made_before: String,
}

#[derive(serde::Deserialize)]
pub(super) struct BuyQuery {
    /// An order whose form is to be filled in again.
    again: Option<i64>,
}

pub(super) async fn new(ask: Ask<EndUser>, Query(query): Query<BuyQuery>) -> PageResult {
    let db = &ask.app.db;
    let mut form = drafts::take(&ask.session, END_USER.form).await?;
    if let Some(id) = query.again
        && let Some(order) = queries::order(db, ask.who.id, OrderId(id)).await?
    {
        form.set_default("plan", order.plan_id.to_string());
    }
    let stem = format!("{}_", ask.who.username);
    form.set_default("username", usernames::suggest(db, &stem, "").await?);
    form.set("request_id", Uuid::new_v4().to_string());
    html(&draw(&ask, form, Check::default()).await?)
}

pub(super) async fn create(ask: Ask<EndUser>, mut form: Fields) -> PageResult {
    let request_id = form.request_id()?;
    let t = ask.page.t;
    let chosen = create::chosen(form.get("plan"));
    if chosen.is_none() {
        form.fail("plan", t.orders_plan_choose());
    }
    let mut check = Check::default();
    let mut made_before = String::new();
    if let Some((plan, price_seen)) = chosen {
        match place(&ask, &form, (plan, price_seen), request_id).await {
            Ok(address) => return Ok(see_other(ask.hx, &address)),
            Err(PurchaseError::Place(PlaceError::FormUsed { order })) => {
                made_before = format!("{}/{order}", END_USER.orders);
                form.set("request_id", Uuid::new_v4().to_string());
            }
            Err(PurchaseError::Place(PlaceError::UsernameTaken)) => {
                check = create::taken(&ask.app, ask.who.id, &t, &mut form).await?;
            }
            Err(error) => explain(&t, &mut form, error)?,
        }
    }
    let mut answer = draw(&ask, form, check).await?;
    answer.made_before = made_before;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&answer)?).into_response())
}

/// Places the order, from credit or to be paid for. Returns where she goes on.
async fn place(
    ask: &Ask<EndUser>,
    form: &Fields,
    (plan, price_seen): (PlanId, Toman),
    request_id: Uuid,
) -> Result<String, PurchaseError> {
    let (db, now) = (&ask.app.db, ask.app.clock.now());
    let new = NewOrder {
        buyer: ask.who.id,
        plan,
        price_seen,
        username: form.get("username"),
        alias: "",
        note: "",
        on_hold: false,
        request_id,
    };
    if form.get("pay") == "credit" {
        let order = purchase::buy(db, &new, now).await?;
        create::give_it_a_moment(&ask.app, order).await;
        return Ok(format!("{}/{order}", END_USER.orders));
    }
    let order = purchase::reserve(db, &new, ask.actor(ask.who.id), now).await?;
    // Where nothing is left to be paid for it, that page leads on to the order's own.
    Ok(format!("/user/payments/new?order={order}"))
}

/// Puts a refusal beside its field.
fn explain(t: &Tr, form: &mut Fields, error: PurchaseError) -> Result<(), AppError> {
    match error {
        // The page itself says so.
        PurchaseError::Closed => form.fail("form", t.orders_buying_closed()),
        PurchaseError::TooManyUnpaid => form.fail("form", t.orders_too_many_unpaid(t.digits(MOST_UNPAID))),
        PurchaseError::Place(PlaceError::BelowZero { owed }) => {
            form.fail("form", t.orders_below_zero(t.amount(owed)));
        }
        PurchaseError::Place(error) => create::explain(t, form, error)?,
    }
    Ok(())
}

async fn draw(ask: &Ask<EndUser>, form: Fields, check: Check) -> Result<BuyPage, AppError> {
    let t = ask.page.t;
    let is_open = purchase::is_open(&mut *ask.app.db.acquire().await?).await?;
    let choices = purchase::queries::public_choices(&ask.app.db).await?;
    let credit = ask.who.balance.confirmed;
    let suffices = choices.iter().any(|choice| choice.price <= credit);
    Ok(BuyPage {
        page: ask.page.clone().titled(t.orders_buy_title()),
        is_open,
        choices: choices.iter().map(|choice| card(&t, credit, choice, &form)).collect(),
        check,
        credit: if suffices { t.amount(credit) } else { String::new() },
        made_before: String::new(),
        form,
    })
}

fn card(t: &Tr, credit: Toman, choice: &Choice, form: &Fields) -> ChoiceView {
    let is_affordable = choice.price <= credit;
    // A form that was filled in earlier may hold an older price, or none.
    let before = form.get("plan").split(':').next().unwrap_or_default();
    ChoiceView {
        value: format!("{}:{}", choice.id, choice.price.0),
        name: choice.name.clone(),
        about: t.orders_plan_about(t.number(choice.days), views::volume(t, choice.data_limit_gb)),
        price: t.amount(choice.price),
        note: if is_affordable {
            t.orders_plan_covered()
        } else if credit > Toman::ZERO {
            t.orders_plan_rest(t.amount(choice.price - credit))
        } else {
            String::new()
        },
        is_affordable,
        is_chosen: before == choice.id.to_string(),
    }
}
