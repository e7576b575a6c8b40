//! Everybody's orders, for the admin.

mod index;
mod show;
mod upkeep;

use axum::routing::{get, post};

use crate::{
    locale::Tr,
    orders::{Status, all::ServerStatus, queries::State, views::Badge},
    web::doors::{AdminDoor, Routes},
};

/// What the admin may reach.
pub fn routes() -> Routes<AdminDoor> {
    Routes::new()
        .route("/admin/orders", get(index::index))
        .route("/admin/orders/{id}", get(show::show))
        .route("/admin/orders/{id}/usage", get(show::usage))
        .route("/admin/orders/{id}/retry", post(upkeep::create_retry))
        .route("/admin/orders/{id}/move", get(upkeep::new_move).post(upkeep::create_move))
}

/// A status of an order in words.
fn status_label(t: &Tr, status: Status) -> String {
    let state = match status {
        Status::AwaitingPayment => State::AwaitingPayment,
        Status::Provisioning => State::Provisioning,
        Status::Active => State::Active,
        Status::Disabled => State::Disabled,
        Status::Deleted => State::Deleted,
        Status::Failed => State::Failed,
        Status::Cancelled => State::Cancelled,
    };
    Badge::new(t, state).text
}

/// What the server says of an account.
fn server_label(t: &Tr, status: ServerStatus) -> String {
    match status {
        ServerStatus::Active => t.orders_admin_server_active(),
        ServerStatus::OnHold => t.orders_admin_server_on_hold(),
        ServerStatus::Disabled => t.orders_admin_server_disabled(),
        ServerStatus::Limited => t.orders_admin_server_limited(),
        ServerStatus::Expired => t.orders_admin_server_expired(),
    }
}
