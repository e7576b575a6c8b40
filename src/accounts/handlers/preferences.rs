//! Language, colours and digits, on this device and for the person.

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
    accounts::{self, Choice},
    locale::{Digits, Language},
    web::{AppError, AppState, Fields, Viewer, client::Theme},
};

pub async fn update(
    State(app): State<AppState>,
    viewer: Option<axum::Extension<Viewer>>,
    jar: CookieJar,
    form: Fields,
) -> Result<Response, AppError> {
    let choice = Choice {
        language: form.get("language").parse::<Language>().ok(),
        theme: form.get("theme").parse::<Theme>().ok().map(Theme::code),
        digits: form.get("digits").parse::<Digits>().ok(),
    };
    if let Some(viewer) = viewer {
        accounts::choose(&app.db, viewer.id, choice).await?;
    }
    // The device remembers too, for pages without a person.
    let chosen = [
        ("language", choice.language.map(Language::code)),
        ("theme", choice.theme),
        ("digits", choice.digits.map(Digits::code)),
    ];
    let jar = chosen.into_iter().filter_map(|(name, value)| Some((name, value?))).fold(jar, |jar, cookie| {
        jar.add(Cookie::build(cookie).path("/").permanent().http_only(true).same_site(SameSite::Lax).build())
    });
    let back = destination(form.get("back"), "/").to_owned();
    Ok((jar, Redirect::to(&back)).into_response())
}
