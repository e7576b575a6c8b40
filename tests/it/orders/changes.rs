//! What is done with an account after it was made: charged once, carried out once, and what isn't known waits.

mod deletion;
mod pages;
mod refund;
mod renewal;
mod reset;
mod rules;
mod switching;
mod upkeep;

use rad_panel::{
    demo::simulator::user::User,
    ids::{OrderId, PlanId, UserId},
    money::Toman,
    orders::changes::{self, By, ChangeError, Deletion, Renewal},
};
use sqlx::PgPool;
use uuid::Uuid;

use super::{Form, PRICE, month, order_entries, status};
use crate::support::TestApp;

pub const GB: i64 = 1 << 30;
pub const NAME: &str = "reza_ali";

/// An account of Reza's that works, made now; he has `credit` left.
pub async fn sold(app: &TestApp, credit: i64) -> (OrderId, PlanId) {
    sold_as(app, credit, false).await
}

/// The same, on hold until its first connection where that is said.
pub async fn sold_as(app: &TestApp, credit: i64, on_hold: bool) -> (OrderId, PlanId) {
    let plan = month(app).await;
    app.give_credit(app.reza, PRICE + credit).await;
    let order = Form { on_hold, ..Form::new(app.reza, plan, NAME) }.send(app).await.unwrap();
    assert_eq!(app.run_jobs().await, 1);
    assert_eq!(status(app, order).await, "ACTIVE");
    app.simulator.forget_requests();
    (order, plan)
}

/// The account as the server has it.
pub fn there(app: &TestApp) -> User {
    app.simulator.user(NAME).unwrap()
}

/// Lets the wait before the next attempt pass, and runs it.
pub async fn later(app: &TestApp) -> usize {
    app.clock.advance(time::Duration::minutes(11));
    app.run_jobs().await
}

pub fn owner(app: &TestApp) -> By {
    By::Owner(app.reza.into())
}

pub fn admin(app: &TestApp) -> By {
    By::Admin(app.sara.into())
}

pub fn renewal(order: OrderId, plan: PlanId) -> Renewal {
    Renewal { order, plan, price_seen: Toman(PRICE), request_id: Uuid::new_v4() }
}

pub async fn renew(app: &TestApp, order: OrderId, plan: PlanId) -> Result<(), ChangeError> {
    changes::renew(&app.db, &renewal(order, plan), owner(app), app.clock.now()).await.map(|_| ())
}

pub async fn disable(app: &TestApp, order: OrderId, by: By) -> Result<(), ChangeError> {
    changes::disable(&app.db, order, by, Uuid::new_v4(), app.clock.now()).await.map(|_| ())
}

pub async fn enable(app: &TestApp, order: OrderId, by: By) -> Result<(), ChangeError> {
    changes::enable(&app.db, order, by, Uuid::new_v4(), app.clock.now()).await.map(|_| ())
}

pub async fn delete(app: &TestApp, order: OrderId) -> Result<(), ChangeError> {
    delete_by(app, order, owner(app), None).await
}

pub async fn delete_by(app: &TestApp, order: OrderId, by: By, seen: Option<i64>) -> Result<(), ChangeError> {
    let deletion = Deletion { order, refund_seen: seen.map(Toman), request_id: Uuid::new_v4() };
    changes::delete(&app.db, &app.state.server, &deletion, by, app.clock.now()).await.map(|_| ())
}

/// The changes of an order: kind, status and refusal, oldest first.
pub async fn history(app: &TestApp, order: OrderId) -> Vec<(String, String, Option<String>)> {
    sqlx::query!("SELECT kind, status, refusal FROM order_changes WHERE order_id = $1 ORDER BY id", order.0)
        .fetch_all(&app.db)
        .await
        .unwrap()
        .into_iter()
        .map(|row| (row.kind, row.status, row.refusal))
        .collect()
}

/// The last change of an order, in short.
pub async fn last(app: &TestApp, order: OrderId) -> String {
    let (kind, status, refusal) = history(app, order).await.pop().unwrap_or_default();
    format!("{kind} {status} {}", refusal.unwrap_or_default()).trim_end().to_owned()
}

/// What the order's life line says happened, oldest first.
pub async fn life(app: &TestApp, order: OrderId) -> Vec<String> {
    sqlx::query_scalar!(
        "SELECT action FROM audit_log WHERE subject_type = 'order' AND subject_id = $1 ORDER BY id",
        order.0
    )
    .fetch_all(&app.db)
    .await
    .unwrap()
}

/// The rows of Reza's ledger about orders.
pub async fn entries(app: &TestApp) -> Vec<(String, i64)> {
    order_entries(app, app.reza).await
}

pub fn entry(entry_type: &str, toman: i64) -> (String, i64) {
    (entry_type.to_owned(), toman)
}

/// Somebody removed the account on the server by hand.
pub async fn remove_there(app: &TestApp) {
    assert!(app.state.server.delete_account(NAME).await.done().is_some());
}

pub async fn expire_at(db: &PgPool, order: OrderId) -> Option<i64> {
    sqlx::query_scalar!("SELECT expire_at FROM marzban_users WHERE order_id = $1", order.0)
        .fetch_one(db)
        .await
        .unwrap()
        .map(|end| end.unix_timestamp())
}

pub async fn credit(app: &TestApp, user: UserId) -> i64 {
    app.balance(user).await.total().0
}
