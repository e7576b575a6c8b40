//! Marzban's ways of saying no.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// A refusal in the recorded shapes.
#[derive(Debug)]
pub enum Refusal {
    /// `{"detail": "<text>"}`.
    Detail(StatusCode, String),
    /// 422 `{"detail": {"<field>": "<message>"}}`, all invalid fields at once.
    Fields(Map<String, Value>),
    /// Python raised: 500 as plain text, after which the server closes the connection.
    Crash,
}

impl Refusal {
    /// Any status with a text.
    pub fn detail(status: StatusCode, text: impl Into<String>) -> Self {
        Self::Detail(status, text.into())
    }

    /// 404 of a user call; an unknown route says `Not Found` instead.
    pub fn no_user() -> Self {
        Self::detail(StatusCode::NOT_FOUND, "User not found")
    }

    /// 404 of an admin call.
    pub fn no_admin() -> Self {
        Self::detail(StatusCode::NOT_FOUND, "Admin not found")
    }

    /// 404 of an unknown route and of an unknown subscription.
    pub fn not_found() -> Self {
        Self::detail(StatusCode::NOT_FOUND, "Not Found")
    }

    /// 403.
    pub fn not_allowed() -> Self {
        Self::detail(StatusCode::FORBIDDEN, "You're not allowed")
    }

    /// 401 with the given reason.
    pub fn unauthorized(reason: &str) -> Self {
        Self::detail(StatusCode::UNAUTHORIZED, reason)
    }

    /// 422 with one field.
    pub fn field(name: &str, message: impl Into<String>) -> Self {
        Self::Fields(Map::from_iter([(name.to_owned(), Value::from(message.into()))]))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Detail(status, text) => {
                let mut answer = (status, Json(json!({"detail": text}))).into_response();
                if status == StatusCode::UNAUTHORIZED {
                    answer
                        .headers_mut()
                        .insert(WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Bearer"));
                }
                answer
            }
            Self::Fields(fields) => {
                (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"detail": fields}))).into_response()
            }
            Self::Crash => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response(),
        }
    }
}

/// The answer of a handler.
pub type Answer = Result<Json<Value>, Refusal>;
