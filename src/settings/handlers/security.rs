//! The section of the second factor.

use super::PATH;
use crate::{
    settings,
    web::{Admin, Ask, Fields, PageResult, page::flash, see_other},
};

pub async fn update(ask: Ask<Admin>, form: Fields) -> PageResult {
    let (by, now) = (ask.actor(ask.who.id), ask.app.clock.now());
    settings::require_two_factor(&ask.app.db, by, form.ticked("required"), now).await?;
    flash(&ask.session, "ok", ask.page.t.settings_saved()).await?;
    Ok(see_other(ask.hx, PATH))
}
