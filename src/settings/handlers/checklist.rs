//! Putting the list of first steps away, and bringing it back.

use super::PATH;
use crate::{
    settings,
    web::{Admin, AppError, Ask, Fields, PageResult, page::flash, see_other},
};

pub async fn update(ask: Ask<Admin>, form: Fields) -> PageResult {
    let t = ask.page.t;
    let (hidden, text, back) = match form.get("state") {
        "hidden" => (true, t.settings_checklist_hidden(), "/admin"),
        "shown" => (false, t.settings_checklist_shown(), PATH),
        _ => return Err(AppError::BadRequest("state")),
    };
    settings::hide_checklist(&ask.app.db, ask.actor(ask.who.id), hidden, ask.app.clock.now()).await?;
    flash(&ask.session, "ok", text).await?;
    Ok(see_other(ask.hx, back))
}
