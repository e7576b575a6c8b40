//! One order: its owner, its account, and everything that happened to it.

use askama::Template;

use super::server_label;
use crate::{
    ids::OrderId,
    locale::Tr,
    orders::{
        DisabledReason, FailureReason, Status,
        all::{
            life::{self, Event},
            queries::{self as all, Background},
        },
        changes::{By, queries::recent, views::ChangesView},
        drift,
        handlers::{ADMIN, Area, DriftView},
        queries::{self, Order},
        views::OrderView,
    },
    web::{Admin, AppError, Ask, Id, Page, PageResult, html},
};

#[derive(Template)]
#[template(path = "orders/admin/show.html")]
struct OrderPage {
    page: Page,
    view: View,
}

#[derive(Template)]
#[template(path = "orders/admin/_order.html")]
struct OrderPart {
    page: Page,
    view: View,
}

/// An order with what only the admin sees.
struct View {
    number: String,
    order: OrderView,
    area: Area,
    owner: String,
    owner_username: String,
    /// Empty for an admin.
    owner_href: String,
    server: String,
    online: String,
    lifetime: String,
    /// What went wrong, or why it is switched off; empty when all is well.
    trouble: String,
    changes: ChangesView,
    can_move: bool,
    /// What the server says otherwise.
    drift: Option<DriftView>,
    events: Vec<Event>,
}

impl View {
    fn new(
        t: &Tr,
        order: &Order,
        background: &Background,
        (events, changes): (Vec<Event>, ChangesView),
        page: &Page,
    ) -> Self {
        let has_account = order.last_synced_at.is_some();
        let online = match background.online_at {
            Some(at) => t.ago(at, page.now),
            None if has_account => t.orders_admin_never_online(),
            None => String::new(),
        };
        Self {
            number: t.digits(order.id),
            order: OrderView::new(t, order, ADMIN.orders, page.now),
            area: ADMIN,
            owner: background.owner.name.clone(),
            owner_username: background.owner.username.clone(),
            owner_href: background.owner.home(),
            server: background.server.map(|status| server_label(t, status)).unwrap_or_default(),
            online,
            lifetime: background.lifetime_used_bytes.map(|bytes| t.bytes(bytes)).unwrap_or_default(),
            trouble: trouble(t, order),
            can_move: !changes.is_waiting() && matches!(order.status, Status::Active | Status::Disabled),
            drift: None,
            events,
            changes,
        }
    }
}

/// The same as the owner reads it, told to the admin.
fn trouble(t: &Tr, order: &Order) -> String {
    match (order.failure_reason, order.disabled_reason) {
        (Some(FailureReason::UsernameTaken), _) => t.orders_failed_taken(&order.username),
        (Some(FailureReason::Refused), _) => t.orders_admin_failed_refused(),
        (None, Some(DisabledReason::ByOwner)) => t.orders_admin_disabled_by_owner(),
        (None, Some(DisabledReason::ByAdmin)) => t.orders_admin_disabled_by_admin(),
        (None, Some(DisabledReason::NegativeCredit)) => t.orders_disabled_negative(),
        (None, None) => String::new(),
    }
}

pub async fn show(ask: Ask<Admin>, Id(id): Id) -> PageResult {
    let id = OrderId(id);
    let t = ask.page.t;
    let mut conn = ask.app.db.acquire().await?;
    let background = all::background(&mut conn, id).await?.ok_or(AppError::NotFound)?;
    let order = queries::order(&ask.app.db, background.owner.id, id).await?.ok_or(AppError::NotFound)?;
    let events = life::line(&mut conn, &t, id, ask.page.now).await?;
    let made = recent(&ask.app.db, id).await?;
    let by = By::Admin(ask.actor(ask.who.id));
    let changes = ChangesView::new(&t, &order, &made, by, true, ask.page.now);
    let drifted = drift::queries::of(&ask.app.db, id).await?;
    let drift = drifted.map(|drifted| DriftView::new(&t, &drifted, ask.page.now).alone());
    let view = View { drift, ..View::new(&t, &order, &background, (events, changes), &ask.page) };
    let page = ask.page.titled(order.username.clone());
    if ask.hx.0 { html(&OrderPart { page, view }) } else { html(&OrderPage { page, view }) }
}

pub async fn usage(ask: Ask<Admin>, Id(id): Id) -> PageResult {
    let id = OrderId(id);
    let background = all::background(&mut *ask.app.db.acquire().await?, id).await?;
    let owner = background.ok_or(AppError::NotFound)?.owner.id;
    super::super::usage(&ask.app, ADMIN, owner, id, ask.page).await
}
