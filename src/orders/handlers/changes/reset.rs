//! The form by which the admin lets a volume begin anew.

use askama::Template;
use uuid::Uuid;

use super::{arrive, excuse, find, is_busy, unprocessable};
use crate::{
    locale::Tr,
    orders::{
        Status,
        changes::{self, Kind, queries},
        handlers::ADMIN,
        queries::Order,
        views::OrderView,
    },
    web::{Admin, AppError, Ask, Fields, Id, Page, PageResult, html},
};

/// The longest reason, in characters.
const REASON: usize = 300;

#[derive(Template)]
#[template(path = "orders/admin/reset.html")]
struct ResetPage {
    page: Page,
    order: OrderView,
    form: Fields,
    /// Why it is not to be had; empty where it is.
    trouble: String,
}

pub async fn new_reset(ask: Ask<Admin>, id: Id) -> PageResult {
    let order = find(&ask, id).await?;
    let mut form = Fields::default();
    form.set("request_id", Uuid::new_v4().to_string());
    draw(ask, &order, form).await
}

pub async fn create_reset(ask: Ask<Admin>, id: Id, mut form: Fields) -> PageResult {
    let order = find(&ask, id).await?;
    let request_id = form.request_id()?;
    let reason = form.optional_line("reason", REASON, &ask.page.t);
    if !form.is_ok() {
        return unprocessable(draw(ask, &order, form).await);
    }
    let (db, admin) = (&ask.app.db, ask.actor(ask.who.id));
    match changes::reset(db, order.id, admin, &reason, request_id, ask.app.clock.now()).await {
        Ok(change) => arrive(&ask, &order, Kind::Reset, change).await,
        Err(error) => excuse(&ask, &order, error).await,
    }
}

async fn draw(ask: Ask<Admin>, order: &Order, form: Fields) -> PageResult {
    let t = ask.page.t;
    html(&ResetPage {
        order: OrderView::new(&t, order, ADMIN.orders, ask.page.now),
        form,
        trouble: trouble(&ask, order, &t).await?,
        page: ask.page.titled(t.changes_reset_title(&order.username)),
    })
}

async fn trouble(ask: &Ask<Admin>, order: &Order, t: &Tr) -> Result<String, AppError> {
    if is_busy(ask, order).await? {
        return Ok(t.changes_busy());
    }
    match order.status {
        Status::Active => {}
        Status::Disabled => return Ok(t.changes_switched_off()),
        _ => return Ok(t.changes_wrong_status()),
    }
    let owed = queries::payer(&ask.app.db, order.owner).await?.owed();
    Ok(owed.map(|owed| t.changes_below_zero(t.amount(owed))).unwrap_or_default())
}
