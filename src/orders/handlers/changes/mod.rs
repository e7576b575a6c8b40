//! What is done with an account from its page: the same for each area, whoever stands there.

mod deletion;
mod renewal;
mod reset;

use std::time::Duration;

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::{
    AGENT, Area, END_USER,
    create::{ALIAS_LENGTH, NOTE_LENGTH},
};
use crate::{
    audit::Actor,
    ids::{ChangeId, OrderId, UserId},
    locale::Tr,
    orders::{
        Unaffordable,
        changes::{self, By, ChangeError, ChangeStatus, Kind, queries, views},
        queries::{self as order_queries, Order},
        views::OrderView,
    },
    persian::normalize,
    web::{Agent, AppError, Ask, EndUser, Fields, Id, Page, PageResult, html, page::flash, see_other},
};

pub(super) use deletion::{create_deletion, new_deletion};
pub(super) use renewal::{create_renewal, new_renewal};
pub(super) use reset::{create_reset, new_reset};

/// Whoever acts on orders from her own pages.
pub(super) trait Keeper: Send + Sync + 'static {
    const AREA: Area;
    fn id(&self) -> UserId;
    /// By what right.
    fn by(actor: Actor) -> By;
    /// Whose orders she may see; `None` is everybody's.
    fn owner(&self) -> Option<UserId>;
}

macro_rules! owners {
    ($($person:ty: $area:expr),+) => {$(
        impl Keeper for $person {
            const AREA: Area = $area;
            fn id(&self) -> UserId {
                self.id
            }
            fn by(actor: Actor) -> By {
                By::Owner(actor)
            }
            fn owner(&self) -> Option<UserId> {
                Some(self.id)
            }
        }
    )+};
}
owners!(Agent: AGENT, EndUser: END_USER);

async fn find<P: Keeper>(ask: &Ask<P>, id: Id) -> Result<Order, AppError> {
    order_queries::order(&ask.app.db, ask.who.owner(), OrderId(id.0)).await?.ok_or(AppError::NotFound)
}

fn by<P: Keeper>(ask: &Ask<P>) -> By {
    P::by(ask.actor(ask.who.id()))
}

fn unprocessable(page: PageResult) -> PageResult {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page?).into_response())
}

/// Back to the order, with what came of it. Most changes take a moment, so one is waited for.
async fn arrive<P: Keeper>(ask: &Ask<P>, order: &Order, kind: Kind, change: ChangeId) -> PageResult {
    let db = &ask.app.db;
    let mut status = ChangeStatus::Waiting;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(90)).await;
        // What can't be read now, the order's page will tell.
        status = queries::status(db, change).await.unwrap_or(ChangeStatus::Waiting);
        if status != ChangeStatus::Waiting {
            break;
        }
    }
    let t = ask.page.t;
    if status == ChangeStatus::Done {
        flash(&ask.session, "ok", t.changes_done(views::title(&t, kind))).await?;
    }
    Ok(back::<P>(ask, order))
}

fn back<P: Keeper>(ask: &Ask<P>, order: &Order) -> Response {
    see_other(ask.hx, &format!("{}/{}", P::AREA.orders, order.id))
}

/// Back to the order of a button that could not be followed.
async fn excuse<P: Keeper>(ask: &Ask<P>, order: &Order, error: ChangeError) -> PageResult {
    let text = words(&ask.page.t, error)?;
    flash(&ask.session, "bad", text).await?;
    Ok(back::<P>(ask, order))
}

/// Why nothing was changed.
fn words(t: &Tr, error: ChangeError) -> Result<String, AppError> {
    Ok(match error {
        ChangeError::NotFound => return Err(AppError::NotFound),
        ChangeError::Busy => t.changes_busy(),
        ChangeError::SwitchedOff => t.changes_switched_off(),
        ChangeError::WrongStatus { .. } => t.changes_wrong_status(),
        ChangeError::NotAllowed => t.changes_not_allowed(),
        ChangeError::FormUsed { .. } => t.changes_form_used(),
        ChangeError::Unreadable(_) => t.changes_unreadable(),
        ChangeError::NotOurs => t.changes_refused_not_ours(),
        ChangeError::RefundChanged { now } => t.changes_refund_changed(t.amount(now)),
        ChangeError::Unaffordable(why) => match why {
            Unaffordable::BuyerDisabled => return Err(AppError::Forbidden),
            Unaffordable::PlanInactive => t.orders_plan_inactive(),
            Unaffordable::PriceChanged { now } => t.orders_plan_price_changed(t.amount(now)),
            Unaffordable::BelowZero { owed } => t.changes_below_zero(t.amount(owed)),
            Unaffordable::NotEnough { missing } => t.changes_not_enough(t.amount(missing)),
            Unaffordable::Database(error) => return Err(error.into()),
        },
        ChangeError::Database(error) => return Err(error.into()),
    })
}

async fn is_busy<P: Keeper>(ask: &Ask<P>, order: &Order) -> Result<bool, AppError> {
    let made = queries::recent(&ask.app.db, order.id).await?;
    Ok(made.iter().any(|change| change.status == ChangeStatus::Waiting))
}

pub(super) async fn create_disabling<P: Keeper>(ask: Ask<P>, id: Id, form: Fields) -> PageResult {
    let order = find(&ask, id).await?;
    let request_id = form.request_id()?;
    match changes::disable(&ask.app.db, order.id, by(&ask), request_id, ask.app.clock.now()).await {
        Ok(change) => arrive(&ask, &order, Kind::Disable, change).await,
        Err(error) => excuse(&ask, &order, error).await,
    }
}

pub(super) async fn create_enabling<P: Keeper>(ask: Ask<P>, id: Id, form: Fields) -> PageResult {
    let order = find(&ask, id).await?;
    let request_id = form.request_id()?;
    match changes::enable(&ask.app.db, order.id, by(&ask), request_id, ask.app.clock.now()).await {
        Ok(change) => arrive(&ask, &order, Kind::Enable, change).await,
        Err(error) => excuse(&ask, &order, error).await,
    }
}

#[derive(Template)]
#[template(path = "orders/revocation.html")]
struct RevocationPage {
    page: Page,
    order: OrderView,
    request_id: String,
}

pub(super) async fn new_revocation<P: Keeper>(ask: Ask<P>, id: Id) -> PageResult {
    let order = find(&ask, id).await?;
    let t = ask.page.t;
    html(&RevocationPage {
        order: OrderView::new(&t, &order, P::AREA.orders, ask.page.now),
        request_id: Uuid::new_v4().to_string(),
        page: ask.page.titled(t.changes_revoke_title(&order.username)),
    })
}

pub(super) async fn create_revocation<P: Keeper>(ask: Ask<P>, id: Id, form: Fields) -> PageResult {
    let order = find(&ask, id).await?;
    let request_id = form.request_id()?;
    match changes::revoke(&ask.app.db, order.id, by(&ask), request_id, ask.app.clock.now()).await {
        Ok(change) => arrive(&ask, &order, Kind::Revoke, change).await,
        Err(error) => excuse(&ask, &order, error).await,
    }
}

#[derive(Template)]
#[template(path = "orders/edit.html")]
struct EditPage {
    page: Page,
    order: OrderView,
    form: Fields,
}

pub(super) async fn edit<P: Keeper>(ask: Ask<P>, id: Id) -> PageResult {
    let order = find(&ask, id).await?;
    let mut form = Fields::default();
    form.set("alias", order.alias.clone());
    form.set("note", order.note.clone());
    edit_page(ask, &order, form)
}

pub(super) async fn update<P: Keeper>(ask: Ask<P>, id: Id, mut form: Fields) -> PageResult {
    let order = find(&ask, id).await?;
    let t = ask.page.t;
    let (alias, note) = (normalize(form.get("alias")), normalize(form.get("note")));
    if alias.chars().count() > ALIAS_LENGTH {
        form.fail("alias", t.orders_alias_long(t.digits(ALIAS_LENGTH)));
    }
    if note.chars().count() > NOTE_LENGTH {
        form.fail("note", t.orders_note_long(t.digits(NOTE_LENGTH)));
    }
    if !form.is_ok() {
        return unprocessable(edit_page(ask, &order, form));
    }
    match changes::edit(&ask.app.db, order.id, (&alias, &note), by(&ask), ask.app.clock.now()).await {
        Ok(()) => {
            flash(&ask.session, "ok", t.changes_edited()).await?;
            Ok(back::<P>(&ask, &order))
        }
        Err(error) => excuse(&ask, &order, error).await,
    }
}

fn edit_page<P: Keeper>(ask: Ask<P>, order: &Order, form: Fields) -> PageResult {
    let t = ask.page.t;
    html(&EditPage {
        order: OrderView::new(&t, order, P::AREA.orders, ask.page.now),
        form,
        page: ask.page.titled(t.changes_edit_title(&order.username)),
    })
}
