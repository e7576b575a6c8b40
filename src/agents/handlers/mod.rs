//! The admin's pages about agents.

mod form;
mod index;
mod show;

use axum::{
    extract::{Path, rejection::PathRejection},
    routing::{get, post},
};

use crate::{
    ids::UserId,
    web::{
        AppError,
        doors::{AdminDoor, Routes},
    },
};

/// What the admin may reach.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new()
        .route("/admin/agents", get(index::index).post(form::create))
        .route("/admin/agents/new", get(form::new))
        .route("/admin/agents/{id}", get(show::show).post(form::update))
        .route("/admin/agents/{id}/edit", get(form::edit))
        .route("/admin/agents/{id}/deferral", post(show::create_deferral))
        .route("/admin/agents/{id}/deferral/end", post(show::destroy_deferral))
}

/// What stands in an address as an agent's number may be anything.
type AgentPath = Result<Path<i64>, PathRejection>;

fn agent_id(path: AgentPath) -> Result<UserId, AppError> {
    path.map(|Path(id)| UserId(id)).map_err(|_| AppError::NotFound)
}
