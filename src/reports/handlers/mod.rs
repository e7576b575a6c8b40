//! Reports over HTTP.

mod exports;
mod index;
mod lines;
mod print;
mod query;
mod statement;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use crate::web::{
    Admin, Agent, AppError, EndUser,
    doors::{AdminDoor, AgentDoor, EndUserDoor, Routes},
};

/// Where reports stand.
const HOME: &str = "/admin/reports";
/// Where exports stand.
const EXPORTS: &str = "/admin/reports/exports";

/// The admin's reports, and everybody's statement.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new()
        .route("/admin/reports", get(index::index))
        .route("/admin/reports/print", get(print::show))
        .route("/admin/reports/exports", get(exports::index).post(exports::create))
        .route("/admin/reports/exports/{id}", get(exports::show))
        .route("/admin/reports/exports/{id}/file", get(exports::file))
        .route("/admin/reports/exports/{id}/cancellation", post(exports::create_cancellation))
        .route("/admin/wallet/statement", get(statement::own::<Admin>))
        .route("/admin/wallet/statement/excel", get(statement::own_excel::<Admin>))
        .route("/admin/people/{id}/statement", get(statement::of_person))
        .route("/admin/people/{id}/statement/excel", get(statement::excel_of_person))
}

/// The agent's own statement.
pub fn agent_routes() -> Routes<AgentDoor> {
    Routes::new()
        .route("/agent/wallet/statement", get(statement::own::<Agent>))
        .route("/agent/wallet/statement/excel", get(statement::own_excel::<Agent>))
}

/// The end user's own statement.
pub fn end_user_routes() -> Routes<EndUserDoor> {
    Routes::new()
        .route("/user/payments/statement", get(statement::own::<EndUser>))
        .route("/user/payments/statement/excel", get(statement::own_excel::<EndUser>))
}

/// What Excel calls its files.
const EXCEL: HeaderValue =
    HeaderValue::from_static("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");

/// An Excel file to be saved under this name.
fn attachment(name: &str, body: impl IntoResponse) -> Result<Response, AppError> {
    let disposition = format!("attachment; filename=\"{name}\"");
    let disposition = HeaderValue::from_str(&disposition).map_err(AppError::internal)?;
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, EXCEL);
    response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}
