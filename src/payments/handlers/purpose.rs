//! What a payment is for: one order of the payer's, or her wallet.

use sqlx::PgConnection;

use crate::{
    ids::{OrderId, UserId},
    locale::Tr,
    money::Toman,
    payments::{self, queries, queries::OrderDue},
    web::{AppError, Fields},
};

/// The field of the form that names the order.
pub const ORDER: &str = "order";

/// What the form pays for.
pub struct Purpose {
    pub order: Option<OrderDue>,
    /// Wallets can't be charged now, and no order is named.
    pub is_closed: bool,
}

impl Purpose {
    /// What this form says; an order that is not this payer's is not found.
    pub async fn read(conn: &mut PgConnection, payer: UserId, form: &Fields) -> Result<Self, AppError> {
        let order = match form.get(ORDER) {
            "" => None,
            typed => {
                let id = typed.parse().map_err(|_| AppError::NotFound)?;
                let order = queries::order_due(conn, payer, OrderId(id)).await?;
                Some(order.ok_or(AppError::NotFound)?)
            }
        };
        let is_closed = order.is_none() && !payments::may_charge(conn, payer).await?;
        Ok(Self { order, is_closed })
    }

    /// The order's number.
    pub fn order_id(&self) -> Option<OrderId> {
        self.order.as_ref().map(|order| order.id)
    }

    /// What is to be paid, Toman, where that is known.
    pub fn due(&self) -> Option<Toman> {
        self.order.as_ref().map(|order| order.due).filter(|due| *due > Toman::ZERO)
    }

    /// Whether nothing stands in the order's way but its payment; so it is for a wallet.
    pub fn waits(&self) -> bool {
        self.order.as_ref().is_none_or(|order| order.waits)
    }

    /// The order waits no more, but she may have sent the money: the form goes on as one for her wallet.
    pub fn lose_order(&mut self, form: &mut Fields, t: &Tr) {
        form.set(ORDER, "");
        form.fail("method", t.payments_order_gone());
        self.order = None;
    }

    /// Where the order's page stands.
    pub fn order_page(&self) -> Option<String> {
        self.order_id().map(|id| format!("/user/accounts/{id}"))
    }
}
