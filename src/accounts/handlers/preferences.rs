//! Language and colours, on this device and for the person.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};

use super::destination;
use crate::{
    accounts,
    locale::Language,
    web::{AppError, AppState, Fields, Viewer},
};

pub async fn update(
    State(app): State<AppState>,
    viewer: Option<axum::Extension<Viewer>>,
    jar: CookieJar,
    form: Fields,
) -> Result<Response, AppError> {
    let keep = |name: &'static str, value: &'static str| {
        Cookie::build((name, value)).path("/").permanent().http_only(true).same_site(SameSite::Lax).build()
    };
    let jar = match form.get("theme") {
        "light" => jar.add(keep("theme", "light")),
        "dark" => jar.add(keep("theme", "dark")),
        "system" => jar.add(keep("theme", "system")),
        _ => jar,
    };
    let jar = match form.get("language").parse::<Language>() {
        Ok(language) => {
            if let Some(viewer) = viewer {
                accounts::set_language(&app.db, viewer.id, language.code()).await?;
            }
            jar.add(keep("language", language.code()))
        }
        Err(()) => jar,
    };
    let back = destination(form.get("back"), "/").to_owned();
    Ok((jar, Redirect::to(&back)).into_response())
}
