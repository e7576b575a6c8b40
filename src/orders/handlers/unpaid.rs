//! An order that waits for its payment, or was cancelled: what there is to do about it.

use axum::response::Response;
use axum_htmx::HxRequest;

use super::END_USER;
use crate::{
    ids::{OrderId, ReceiptId, UserId},
    ledger,
    locale::Tr,
    orders::{
        Status,
        purchase::{
            self, Cancelled, KEPT_FOR, Settled,
            queries::{self, Tied},
        },
        queries::Order,
    },
    web::{AppError, AppState, Ask, EndUser, Id, PageResult, page::flash, see_other},
};

/// What the page of such an order shows.
pub struct Unpaid {
    /// It waits; otherwise it was cancelled.
    pub is_open: bool,
    pub receipts: Vec<Receipt>,
    /// A receipt is with the admin.
    pub is_claimed: bool,
    pub price: String,
    /// What confirmed credit lacks; empty where it suffices.
    pub missing: String,
    /// What the shop approved of it so far is not all.
    pub is_short: bool,
    /// Until when it keeps its name, while no receipt is with the admin.
    pub until: String,
    /// Why the latest receipt was rejected; empty where it wasn't.
    pub reason: String,
    /// The form that places it once more; for cancelled ones whose plan is on offer.
    pub again: Option<Again>,
}

/// A payment for the order.
pub struct Receipt {
    pub id: ReceiptId,
    pub payment: i64,
    pub waits: bool,
    pub kind: &'static str,
    pub status: String,
    pub amount: String,
    pub time: String,
}

/// An order to be placed once more.
pub struct Again {
    /// Plan and price, as the form for buying sends them.
    pub plan: String,
    pub price: String,
    pub request_id: String,
}

impl Unpaid {
    /// What there is to show of this order; `None` where it was paid for.
    pub(super) async fn load(
        app: &AppState,
        t: &Tr,
        owner: UserId,
        order: &Order,
    ) -> Result<Option<Self>, AppError> {
        let is_open = order.status == Status::AwaitingPayment;
        if !is_open && order.status != Status::Cancelled {
            return Ok(None);
        }
        let mut conn = app.db.acquire().await?;
        let tied = queries::tied_payments(&mut conn, order.id).await?;
        let confirmed = ledger::balance(&mut conn, owner).await?.confirmed;
        let price_now = if is_open { None } else { queries::price_now(&mut conn, order.id).await? };
        let missing = order.amount - confirmed;
        let decided = tied.iter().filter_map(|payment| payment.processed_at).max();
        let is_claimed = tied.iter().any(|payment| payment.waits);
        let reason =
            tied.first().filter(|latest| latest.is_rejected).map(|latest| latest.admin_notes.clone());
        Ok(Some(Self {
            is_open,
            is_claimed,
            price: t.amount(order.amount),
            missing: if missing.0 > 0 { t.amount(missing) } else { String::new() },
            is_short: tied.iter().any(|payment| payment.is_approved),
            until: t.datetime(decided.unwrap_or(order.created_at).max(order.created_at) + KEPT_FOR),
            reason: reason.unwrap_or_default(),
            again: price_now.map(|price| Again {
                plan: format!("{}:{}", order.plan_id, price.0),
                price: t.amount(price),
                request_id: purchase::again_id(order.id).to_string(),
            }),
            receipts: tied.iter().map(|payment| Receipt::new(t, payment)).collect(),
        }))
    }
}

impl Receipt {
    fn new(t: &Tr, payment: &Tied) -> Self {
        let (kind, status) = match payment {
            Tied { waits: true, .. } => ("warn", t.payments_status_pending()),
            Tied { is_approved: true, .. } => ("ok", t.payments_status_approved()),
            Tied { is_rejected: true, .. } => ("bad", t.payments_status_rejected()),
            _ => ("mute", t.payments_status_withdrawn()),
        };
        Self {
            id: payment.receipt_id,
            payment: payment.id.0,
            waits: payment.waits,
            kind,
            status,
            amount: t.amount(payment.credited_amount.unwrap_or(payment.amount)),
            time: t.datetime(payment.created_at),
        }
    }
}

/// Pays from confirmed credit, in one tap.
pub(super) async fn create_purchase(ask: Ask<EndUser>, Id(id): Id) -> PageResult {
    let (order, t) = (OrderId(id), ask.page.t);
    let settled = purchase::finish(&ask.app.db, order, ask.actor(ask.who.id), ask.app.clock.now()).await?;
    match settled.ok_or(AppError::NotFound)? {
        Settled::Paid => super::create::give_it_a_moment(&ask.app, order).await,
        // Pressed twice, it was paid the first time; what else became of it its page says.
        Settled::NotWaiting => {}
        Settled::Short { missing } => {
            flash(&ask.session, "warn", t.orders_not_enough(t.amount(missing))).await?;
        }
        Settled::BuyerDisabled => return Err(AppError::Forbidden),
    }
    Ok(see_order(ask.hx, order))
}

/// Gives an unpaid order up.
pub(super) async fn create_cancellation(ask: Ask<EndUser>, Id(id): Id) -> PageResult {
    let (order, t) = (OrderId(id), ask.page.t);
    let outcome = purchase::cancel(&ask.app.db, order, ask.actor(ask.who.id), ask.app.clock.now()).await?;
    let (kind, text) = match outcome.ok_or(AppError::NotFound)? {
        Cancelled::Now => ("ok", t.orders_cancelled()),
        Cancelled::PaymentWaits => ("warn", t.orders_cancel_payment_waits()),
        Cancelled::NotWaiting => return Ok(see_order(ask.hx, order)),
    };
    flash(&ask.session, kind, text).await?;
    Ok(see_order(ask.hx, order))
}

fn see_order(hx: HxRequest, order: OrderId) -> Response {
    see_other(hx, &format!("{}/{order}", END_USER.orders))
}
