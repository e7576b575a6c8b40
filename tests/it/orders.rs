//! Orders: the price is taken once, the account is made once, and what isn't known is never given back.

mod admin;
mod bulk;
mod changes;
mod drift;
mod import;
mod lists;
mod outage;
mod own;
mod pages;
mod placing;
mod provisioning;
pub mod purchase;
mod purchase_decided;
mod several;
mod suspension;
mod sync;
mod usage;

use rad_panel::{
    ids::{OrderId, PlanId, UserId},
    money::Toman,
    orders::{self, NewOrder, PlaceError},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::TestApp;

/// The price of [`month`] for agents, Toman.
const PRICE: i64 = 90_000;

/// A plan of 30 days and 30 GB.
async fn month(app: &TestApp) -> PlanId {
    app.plan("یک‌ماهه، ۳۰ گیگ", 30, Some(30), PRICE).await
}

/// A form as a buyer sends it.
#[derive(Clone)]
struct Form {
    buyer: UserId,
    plan: PlanId,
    price_seen: i64,
    username: String,
    on_hold: bool,
    request_id: Uuid,
}

impl Form {
    fn new(buyer: UserId, plan: PlanId, username: &str) -> Self {
        let username = username.to_owned();
        Self { buyer, plan, price_seen: PRICE, username, on_hold: false, request_id: Uuid::new_v4() }
    }

    /// Places the order in this database, at the clock of `app`.
    async fn place(&self, db: &PgPool, app: &TestApp) -> Result<OrderId, PlaceError> {
        let new = NewOrder {
            buyer: self.buyer,
            plan: self.plan,
            price_seen: Toman(self.price_seen),
            username: &self.username,
            alias: "سارا",
            note: "همکار",
            on_hold: self.on_hold,
            request_id: self.request_id,
        };
        orders::place(db, &new, app.clock.now()).await
    }

    async fn send(&self, app: &TestApp) -> Result<OrderId, PlaceError> {
        self.place(&app.db, app).await
    }
}

async fn status(app: &TestApp, id: OrderId) -> String {
    sqlx::query_scalar!("SELECT status FROM orders WHERE id = $1", id.0).fetch_one(&app.db).await.unwrap()
}

async fn order_count(app: &TestApp) -> i64 {
    sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM orders"#).fetch_one(&app.db).await.unwrap()
}

/// The ledger of a person about orders: type and change of the confirmed credit, oldest first.
async fn order_entries(app: &TestApp, user: UserId) -> Vec<(String, i64)> {
    sqlx::query!(
        "SELECT type, confirmed_delta FROM transactions WHERE user_id = $1 AND order_id IS NOT NULL ORDER BY seq",
        user.0
    )
    .fetch_all(&app.db)
    .await
    .unwrap()
    .into_iter()
    .map(|row| (row.r#type, row.confirmed_delta))
    .collect()
}
