//! Everybody's orders, for the admin.

mod index;
mod show;
mod upkeep;

use axum::routing::{get, post};

use super::{
    ADMIN, Area,
    changes::{self, Keeper},
    create,
};
use crate::{
    audit::Actor,
    ids::UserId,
    locale::Tr,
    orders::{Status, all::ServerStatus, changes::By, queries::State, views::Badge},
    web::{
        Admin,
        doors::{AdminDoor, Routes},
    },
};

/// What the admin may reach.
pub fn routes() -> Routes<AdminDoor> {
    Routes::new()
        .route("/admin/create-user", get(create::new::<Admin>).post(create::create::<Admin>))
        .route("/admin/create-user/username", get(create::username::<Admin>))
        .route("/admin/orders", get(index::index))
        .route("/admin/orders/{id}", get(show::show))
        .route("/admin/orders/{id}/usage", get(show::usage))
        .route(
            "/admin/orders/{id}/renewal",
            get(changes::new_renewal::<Admin>).post(changes::create_renewal::<Admin>),
        )
        .route("/admin/orders/{id}/disabling", post(changes::create_disabling::<Admin>))
        .route("/admin/orders/{id}/enabling", post(changes::create_enabling::<Admin>))
        .route(
            "/admin/orders/{id}/deletion",
            get(changes::new_deletion::<Admin>).post(changes::create_deletion::<Admin>),
        )
        .route(
            "/admin/orders/{id}/revocation",
            get(changes::new_revocation::<Admin>).post(changes::create_revocation::<Admin>),
        )
        .route("/admin/orders/{id}/reset", get(changes::new_reset).post(changes::create_reset))
        .route("/admin/orders/{id}/edit", get(changes::edit::<Admin>).post(changes::update::<Admin>))
        .route("/admin/orders/{id}/retry", post(upkeep::create_retry))
        .route("/admin/orders/{id}/move", get(upkeep::new_move).post(upkeep::create_move))
}

impl Keeper for Admin {
    const AREA: Area = ADMIN;

    fn id(&self) -> UserId {
        self.id
    }

    fn by(actor: Actor) -> By {
        By::Admin(actor)
    }

    fn owner(&self) -> Option<UserId> {
        None
    }
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
pub(super) fn server_label(t: &Tr, status: ServerStatus) -> String {
    match status {
        ServerStatus::Active => t.orders_admin_server_active(),
        ServerStatus::OnHold => t.orders_admin_server_on_hold(),
        ServerStatus::Disabled => t.orders_admin_server_disabled(),
        ServerStatus::Limited => t.orders_admin_server_limited(),
        ServerStatus::Expired => t.orders_admin_server_expired(),
    }
}
