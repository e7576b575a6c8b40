//! The base of all handlers: state, sessions and doors, forms, errors as pages, live changes, looking on. Imports no room.

pub mod answers;
mod ask;
pub mod assets;
pub mod chart;
pub mod client;
pub mod doors;
pub mod drafts;
pub mod error;
pub mod forms;
pub mod health;
pub mod live;
pub mod page;
pub mod session;
pub mod session_store;
pub mod state;
pub mod typed;
pub mod view_as;
pub mod viewer;

use askama::Template;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum_htmx::{HxRedirect, HxRequest};

pub use crate::role::Role;
pub use ask::{Ask, Id, address};
pub use doors::{Admin, Agent, EndUser, Member};
pub use error::AppError;
pub use forms::Fields;
pub use page::Page;
pub use state::AppState;
pub use viewer::Viewer;

/// What a handler answers.
pub type PageResult = Result<Response, AppError>;

/// The page or partial as an answer.
///
/// # Errors
/// [`AppError::Internal`] when the template fails.
pub fn html(template: &impl Template) -> PageResult {
    Ok(Html(template.render().map_err(AppError::internal)?).into_response())
}

/// Leads on to `address` after a form was taken: 303 for a browser, `HX-Redirect` for htmx.
pub fn see_other(hx: HxRequest, address: &str) -> Response {
    if hx.0 {
        (HxRedirect(address.to_owned()), ()).into_response()
    } else {
        Redirect::to(address).into_response()
    }
}
