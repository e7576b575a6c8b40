//! The owner's page of settings. Each section has its own form.

mod checklist;
mod marzban;
mod security;
mod texts;

use std::ops::RangeInclusive;

use askama::Template;
use axum::{
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};

use sqlx::PgConnection;

use super::{
    ChangeError, MAX_SHOP_NAME, Settings,
    end_users::{self, handlers::SwitchView},
};
use crate::{
    calendar::Time,
    locale::Tr,
    settings,
    web::{
        Admin, Ask, Fields, Page, PageResult,
        doors::{AdminDoor, Routes},
        drafts, html,
        page::flash,
        see_other,
    },
};

const PATH: &str = "/admin/settings";
/// What the limits of a payment may be, Toman.
const PAYMENTS: RangeInclusive<i64> = 1..=10_000_000_000;
/// What a ceiling of pending credit may be, Toman: 0 lets nobody spend it.
const CEILINGS: RangeInclusive<i64> = 0..=10_000_000_000;

/// What admins may reach.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new()
        .route(PATH, get(show).post(update))
        .route("/admin/settings/reasons", post(texts::update_reasons))
        .route("/admin/settings/messages", post(texts::update_messages))
        .route("/admin/settings/two-factor", post(security::update))
        .route("/admin/settings/checklist", post(checklist::update))
        .route(marzban::PATH, get(marzban::show))
        .route("/admin/settings/marzban/test", post(marzban::create_test))
        .merge(end_users::handlers::admin_routes())
}

#[derive(Template)]
#[template(path = "settings/show.html")]
struct SettingsPage {
    page: Page,
    form: Fields,
    /// Who changed them last; empty when nobody has yet.
    last: String,
    /// What happened meanwhile, and how the settings stand now; empty without a conflict.
    conflict: String,
    sections: Sections,
}

/// What stands below the limits.
struct Sections {
    /// What is open to end users.
    switches: Vec<SwitchView>,
    reasons: Fields,
    messages: Fields,
    needs_two_factor: bool,
    is_checklist_hidden: bool,
}

impl Sections {
    /// All as they are stored.
    async fn load(conn: &mut PgConnection, t: &Tr) -> sqlx::Result<Self> {
        let (texts, changed_at) = settings::texts::dated(conn).await?;
        Ok(Self {
            switches: end_users::handlers::views(t, end_users::get(conn).await?),
            reasons: texts::reasons_form(&texts, changed_at),
            messages: texts::messages_form(&texts, changed_at),
            needs_two_factor: settings::admins_need_two_factor(conn).await?,
            is_checklist_hidden: settings::is_checklist_hidden(conn).await?,
        })
    }
}

/// The page as it is stored, with a section in which something is wrong.
async fn draw(ask: &Ask<Admin>, replace: impl FnOnce(&mut SettingsPage)) -> PageResult {
    let t = ask.page.t;
    let mut conn = ask.app.db.acquire().await?;
    let (settings, updated_at) = settings::get_dated(&mut conn).await?;
    let mut form = fill(&settings, &t);
    form.set_seen(updated_at);
    let sections = Sections::load(&mut conn, &t).await?;
    let page = ask.page.clone().titled(t.settings_title());
    let mut page = SettingsPage { page, form, last: String::new(), conflict: String::new(), sections };
    replace(&mut page);
    html(&page)
}

async fn show(ask: Ask<Admin>) -> PageResult {
    let t = ask.page.t;
    let mut conn = ask.app.db.acquire().await?;
    let (settings, updated_at) = settings::get_dated(&mut conn).await?;
    let mut form = drafts::take(&ask.session, PATH).await?;
    if form.value("shop_name").is_empty() {
        form = fill(&settings, &t);
        form.set_seen(updated_at);
    }
    let last = settings::last_change(&mut conn).await?;
    let last = last.map(|(who, at)| t.settings_last_change(t.datetime(at), who)).unwrap_or_default();
    drop(conn);
    draw(&ask, |page| {
        page.form = form;
        page.last = last;
    })
    .await
}

async fn update(ask: Ask<Admin>, mut form: Fields) -> PageResult {
    let (t, seen) = (ask.page.t, form.seen()?);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    let mut conflict = String::new();
    if let Some(new) = read(&mut form, &t) {
        match settings::update(&ask.app.db, ask.actor(ask.who.id), &new, seen, ask.app.clock.now()).await {
            Ok(()) => {
                ask.app.remember_shop_name(&new.shop_name);
                flash(&ask.session, "ok", t.settings_saved()).await?;
                return Ok(see_other(ask.hx, PATH));
            }
            Err(ChangeError::LimitsReversed) => form.fail("payment_max", t.settings_limits_reversed()),
            Err(ChangeError::ChangedMeanwhile) => {
                status = StatusCode::CONFLICT;
                let mut conn = ask.app.db.acquire().await?;
                let (now, updated_at) = settings::get_dated(&mut conn).await?;
                form.set_seen(updated_at);
                conflict = conflict_text(&t, settings::last_change(&mut conn).await?, &now);
            }
            Err(ChangeError::Database(error)) => return Err(error.into()),
        }
    }
    let page = draw(&ask, |page| {
        page.form = form;
        page.conflict = conflict;
    });
    Ok((status, page.await?).into_response())
}

fn conflict_text(t: &Tr, by: Option<(String, Time)>, now: &Settings) -> String {
    let Some((who, at)) = by else { return String::new() };
    let state = t.settings_state(
        t.amount(now.default_pending_ceiling),
        t.amount(now.payment_max),
        t.amount(now.payment_min),
        &now.shop_name,
    );
    format!("{} {}", t.forms_conflict(t.datetime(at), who), t.forms_conflict_now(state))
}

fn fill(settings: &Settings, t: &Tr) -> Fields {
    let mut form = Fields::default();
    form.set("shop_name", settings.shop_name.as_str());
    form.set("payment_min", t.number(settings.payment_min.0));
    form.set("payment_max", t.number(settings.payment_max.0));
    form.set("default_pending_ceiling", t.number(settings.default_pending_ceiling.0));
    form
}

fn read(form: &mut Fields, t: &Tr) -> Option<Settings> {
    let shop_name = form.line("shop_name", MAX_SHOP_NAME, t);
    let payment_min = form.toman("payment_min", PAYMENTS, t);
    let payment_max = form.toman("payment_max", PAYMENTS, t);
    let ceiling = form.toman("default_pending_ceiling", CEILINGS, t);
    let new = Settings {
        shop_name,
        payment_min: payment_min?,
        payment_max: payment_max?,
        default_pending_ceiling: ceiling?,
    };
    form.is_ok().then_some(new)
}
