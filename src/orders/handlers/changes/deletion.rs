//! Deleting, with what it pays back shown before.

use askama::Template;
use uuid::Uuid;

use super::{Keeper, arrive, by, excuse, find, is_busy, unprocessable, words};
use crate::{
    locale::Tr,
    money::Toman,
    orders::{
        Status,
        changes::{self, ChangeError, Deletion, Estimate, Kind},
        queries::Order,
        views::OrderView,
    },
    web::{AppError, Ask, Fields, Id, Page, PageResult, html},
};

#[derive(Template)]
#[template(path = "orders/deletion.html")]
struct DeletionPage {
    page: Page,
    order: OrderView,
    request_id: String,
    preview: Option<Preview>,
    /// Why it is not deleted; empty without a reason.
    trouble: String,
}

/// What deleting would pay back at this moment.
struct Preview {
    seen: i64,
    refund: String,
    has_refund: bool,
    used: String,
    /// Why nothing or not all comes back.
    why: String,
}

impl Preview {
    fn new(t: &Tr, order: &Order, estimate: &Estimate) -> Self {
        let used = estimate.account.as_ref().map(|account| account.lifetime_used_bytes);
        Self {
            seen: estimate.refund.0,
            refund: t.amount(estimate.refund),
            has_refund: estimate.refund > Toman::ZERO,
            used: used.map_or_else(String::new, |used| t.bytes(used)),
            why: if used.is_none() {
                t.changes_refund_missing()
            } else if !estimate.is_in_time {
                t.changes_refund_late()
            } else if estimate.refund == order.amount {
                t.changes_refund_whole()
            } else {
                t.changes_refund_part()
            },
        }
    }
}

pub async fn new_deletion<P: Keeper>(ask: Ask<P>, id: Id) -> PageResult {
    let order = find(&ask, id).await?;
    deletion_page(ask, &order, None).await
}

pub async fn create_deletion<P: Keeper>(ask: Ask<P>, id: Id, form: Fields) -> PageResult {
    let order = find(&ask, id).await?;
    let request_id = form.request_id()?;
    let seen = form.get("refund").parse().map_err(|_| AppError::BadRequest("refund"))?;
    let deletion = Deletion { order: order.id, refund_seen: Some(Toman(seen)), request_id };
    let (db, server) = (&ask.app.db, &ask.app.server);
    match changes::delete(db, server, &deletion, by(&ask), ask.app.clock.now()).await {
        Ok(change) => arrive(&ask, &order, Kind::Delete, change).await,
        Err(error @ ChangeError::RefundChanged { .. }) => {
            unprocessable(deletion_page(ask, &order, Some(error)).await)
        }
        Err(error) => excuse(&ask, &order, error).await,
    }
}

async fn deletion_page<P: Keeper>(ask: Ask<P>, order: &Order, error: Option<ChangeError>) -> PageResult {
    let t = ask.page.t;
    let mut trouble = error.map(|error| words(&t, error)).transpose()?.unwrap_or_default();
    let mut preview = None;
    if is_busy(&ask, order).await? {
        trouble = t.changes_busy();
    } else if !matches!(order.status, Status::Active | Status::Disabled) {
        trouble = t.changes_wrong_status();
    } else {
        match changes::estimate(&ask.app.db, &ask.app.server, order.id, ask.page.now).await {
            Ok(estimate) => preview = Some(Preview::new(&t, order, &estimate)),
            Err(error) => trouble = words(&t, error)?,
        }
    }
    html(&DeletionPage {
        order: OrderView::new(&t, order, P::AREA.orders, ask.page.now),
        request_id: Uuid::new_v4().to_string(),
        preview,
        trouble,
        page: ask.page.titled(t.changes_delete_title(&order.username)),
    })
}
