//! The switches on the page of settings.

use axum::routing::post;

use super::{Openings, Switch};
use crate::{
    locale::Tr,
    web::{
        Admin, AppError, Ask, Fields, PageResult,
        doors::{AdminDoor, Routes},
        page::flash,
        see_other,
    },
};

/// What admins may reach.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new().route("/admin/settings/end-users", post(update))
}

/// A switch as the page shows it.
pub struct SwitchView {
    pub code: &'static str,
    pub label: String,
    /// What closing and opening it does.
    pub hint: String,
    pub is_open: bool,
}

/// The switches as they stand.
pub fn views(t: &Tr, openings: Openings) -> Vec<SwitchView> {
    let view = |switch: Switch| {
        let (label, hint) = texts(t, switch);
        SwitchView { code: switch.code(), label, hint, is_open: switch.is_open(openings) }
    };
    Switch::ALL.map(view).into()
}

fn texts(t: &Tr, switch: Switch) -> (String, String) {
    match switch {
        Switch::Registration => (t.settings_registration(), t.settings_registration_hint()),
        Switch::Purchase => (t.settings_purchase(), t.settings_purchase_hint()),
        Switch::Charging => (t.settings_charging(), t.settings_charging_hint()),
    }
}

async fn update(ask: Ask<Admin>, form: Fields) -> PageResult {
    let t = ask.page.t;
    let switch = Switch::ALL.into_iter().find(|switch| switch.code() == form.get("switch"));
    let switch = switch.ok_or(AppError::BadRequest("switch"))?;
    let open = match form.get("state") {
        "open" => true,
        "closed" => false,
        _ => return Err(AppError::BadRequest("state")),
    };
    super::set(&ask.app.db, ask.actor(ask.who.id), switch, open, ask.app.clock.now()).await?;
    let (label, _) = texts(&t, switch);
    let text = if open { t.settings_opened(label) } else { t.settings_closed(label) };
    flash(&ask.session, "ok", text).await?;
    Ok(see_other(ask.hx, "/admin/settings#end-users"))
}
