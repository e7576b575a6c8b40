//! The owner's pages about plans.

mod form;
mod prices;

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};

use self::form::{FormPage, fill, read};
use super::{
    ChangeError, Direction,
    queries::{self, PlanRow},
};
use crate::{
    ids::PlanId,
    locale::Tr,
    plans,
    web::{
        Admin, AppError, Ask, Fields, Id, Page, PageResult,
        doors::{AdminDoor, Routes},
        drafts, html,
        page::flash,
        see_other,
    },
};

const LIST: &str = "/admin/plans";

/// What admins may reach.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new()
        .route(LIST, get(index).post(create))
        .route("/admin/plans/new", get(new))
        .route("/admin/plans/prices", get(prices::show).post(prices::update))
        .route("/admin/plans/{id}", get(edit).post(update))
        .route("/admin/plans/{id}/activation", post(create_activation))
        .route("/admin/plans/{id}/deactivation", post(create_deactivation))
        .route("/admin/plans/{id}/position", post(update_position))
}

#[derive(Template)]
#[template(path = "plans/index.html")]
struct IndexPage {
    page: Page,
    plans: Vec<PlanRow>,
    notice: String,
}

#[derive(Template)]
#[template(path = "plans/_list.html")]
struct ListPart {
    page: Page,
    plans: Vec<PlanRow>,
    notice: String,
}

impl PlanRow {
    fn about(&self, t: &Tr) -> String {
        about(t, self.days, self.data_limit_gb)
    }
}

/// Days and volume in words.
fn about(t: &Tr, days: i32, data_limit_gb: Option<i32>) -> String {
    let volume = match data_limit_gb {
        Some(gb) => t.plans_gigabytes(t.number(gb)),
        None => t.plans_unlimited(),
    };
    t.plans_about(t.number(days), volume)
}

async fn index(ask: Ask<Admin>) -> PageResult {
    let plans = queries::all(&mut *ask.app.db.acquire().await?).await?;
    let title = ask.page.t.plans_title();
    html(&IndexPage { page: ask.page.titled(title), plans, notice: String::new() })
}

async fn new(ask: Ask<Admin>) -> PageResult {
    let mut form = drafts::take(&ask.session, "/admin/plans/new").await?;
    if form.value("name").is_empty() {
        form = drafts::take(&ask.session, LIST).await?;
    }
    html(&FormPage::new(ask.page, form))
}

async fn create(ask: Ask<Admin>, mut form: Fields) -> PageResult {
    let t = ask.page.t;
    if let Some(terms) = read(&mut form, &t) {
        match plans::add(&ask.app.db, ask.actor(ask.who.id), &terms, ask.app.clock.now()).await {
            Ok(id) => {
                flash(&ask.session, "ok", t.plans_created(&terms.name)).await?;
                return Ok(see_other(ask.hx, &format!("{LIST}#plan-{id}")));
            }
            Err(error) => explain(&mut form, &t, error)?,
        }
    }
    let body = html(&FormPage::new(ask.page, form))?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, body).into_response())
}

/// Puts what is wrong beside its field; what no field can say ends the request.
fn explain(form: &mut Fields, t: &Tr, error: ChangeError) -> Result<(), AppError> {
    match error {
        ChangeError::NotFound => return Err(AppError::NotFound),
        ChangeError::NameTaken => form.fail("name", t.plans_name_taken()),
        ChangeError::AgentPriceNotBelow => form.fail("price_agent", t.plans_agent_price_not_below()),
        ChangeError::ChangedMeanwhile => return Err(AppError::BadRequest("seen")),
        ChangeError::Database(error) => return Err(error.into()),
    }
    Ok(())
}

async fn edit(ask: Ask<Admin>, Id(id): Id) -> PageResult {
    let mut conn = ask.app.db.acquire().await?;
    let plan = queries::find(&mut conn, PlanId(id)).await?.ok_or(AppError::NotFound)?;
    let mut form = drafts::take(&ask.session, &format!("{LIST}/{id}")).await?;
    if form.value("name").is_empty() {
        form = fill(&plan.terms, &ask.page.t);
        form.set_seen(plan.updated_at);
    }
    let history = queries::price_history(&mut conn, PlanId(id)).await?;
    html(&FormPage::of(ask.page, PlanId(id), &plan, history, form))
}

async fn update(ask: Ask<Admin>, Id(id): Id, mut form: Fields) -> PageResult {
    let (t, seen) = (ask.page.t, form.seen()?);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let Some(terms) = read(&mut form, &t) {
        let now = ask.app.clock.now();
        match plans::update(&ask.app.db, ask.actor(ask.who.id), PlanId(id), &terms, seen, now).await {
            Ok(()) => {
                flash(&ask.session, "ok", t.plans_updated(&terms.name)).await?;
                return Ok(see_other(ask.hx, &format!("{LIST}#plan-{id}")));
            }
            Err(ChangeError::ChangedMeanwhile) => status = StatusCode::CONFLICT,
            Err(error) => explain(&mut form, &t, error)?,
        }
    }
    edit_again(ask, PlanId(id), form, status).await
}

/// The form with what was typed; after a conflict it shows what the plan is now, and may be sent again.
async fn edit_again(ask: Ask<Admin>, id: PlanId, mut form: Fields, status: StatusCode) -> PageResult {
    let mut conn = ask.app.db.acquire().await?;
    let plan = queries::find(&mut conn, id).await?.ok_or(AppError::NotFound)?;
    let history = queries::price_history(&mut conn, id).await?;
    let mut conflict = None;
    if status == StatusCode::CONFLICT {
        conflict = queries::last_change(&mut conn, id).await?;
        form.set_seen(plan.updated_at);
    }
    let page = FormPage::of(ask.page, id, &plan, history, form);
    let body = html(&page.with_conflict(conflict, &plan))?;
    Ok((status, body).into_response())
}

async fn create_activation(ask: Ask<Admin>, Id(id): Id) -> PageResult {
    set_active(ask, PlanId(id), true).await
}

async fn create_deactivation(ask: Ask<Admin>, Id(id): Id) -> PageResult {
    set_active(ask, PlanId(id), false).await
}

async fn set_active(ask: Ask<Admin>, id: PlanId, active: bool) -> PageResult {
    let notice =
        match plans::set_active(&ask.app.db, ask.actor(ask.who.id), id, active, ask.app.clock.now()).await {
            Ok(()) => String::new(),
            Err(ChangeError::NameTaken) => ask.page.t.plans_name_taken(),
            Err(ChangeError::Database(error)) => return Err(error.into()),
            Err(_) => return Err(AppError::NotFound),
        };
    list_again(ask, id, notice).await
}

async fn update_position(ask: Ask<Admin>, Id(id): Id, form: Fields) -> PageResult {
    let direction = match form.get("direction") {
        "up" => Direction::Up,
        "down" => Direction::Down,
        _ => return Err(AppError::BadRequest("direction")),
    };
    match plans::shift(&ask.app.db, ask.actor(ask.who.id), PlanId(id), direction, ask.app.clock.now()).await {
        Ok(()) => list_again(ask, PlanId(id), String::new()).await,
        Err(ChangeError::Database(error)) => Err(error.into()),
        Err(_) => Err(AppError::NotFound),
    }
}

/// The list after a change: the part alone for htmx, the page at this plan for a browser.
async fn list_again(ask: Ask<Admin>, id: PlanId, notice: String) -> Result<Response, AppError> {
    if ask.hx.0 {
        let plans = queries::all(&mut *ask.app.db.acquire().await?).await?;
        return html(&ListPart { page: ask.page, plans, notice });
    }
    if !notice.is_empty() {
        flash(&ask.session, "bad", notice).await?;
    }
    Ok(see_other(ask.hx, &format!("{LIST}#plan-{id}")))
}
