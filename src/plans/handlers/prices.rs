//! A change of all prices: asked for, previewed, made.

use std::ops::RangeInclusive;

use askama::Template;
use axum::{http::StatusCode, response::IntoResponse};
use axum_extra::extract::Query;

use super::{LIST, about};
use crate::{
    ids::PlanId,
    locale::Tr,
    money::Toman,
    plans::{
        prices::{Figures, RepriceError, reprice},
        queries::{self, PlanRow},
    },
    web::{Admin, AppError, Ask, Fields, Page, PageResult, html, page::flash, see_other},
};

const UP: RangeInclusive<i64> = 1..=100;
const DOWN: RangeInclusive<i64> = 1..=90;
/// What the names of the hidden fields begin with; the plan's number follows.
const FIGURES: &str = "plan_";

/// What is asked for, as typed.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct PricesQuery {
    direction: String,
    percent: String,
}

#[derive(Template)]
#[template(path = "plans/prices.html")]
struct PricesPage {
    page: Page,
    form: Fields,
    rows: Vec<Row>,
    /// Whether all figures may be applied.
    is_sound: bool,
    /// Prices changed since the preview.
    is_stale: bool,
}

/// One plan of the preview.
struct Row {
    name: String,
    about: String,
    is_active: bool,
    figures: Figures,
}

impl Row {
    fn new(t: &Tr, plan: &PlanRow, percent: i64) -> Self {
        Self {
            name: plan.name.clone(),
            about: about(t, plan.days, plan.data_limit_gb),
            is_active: plan.is_active,
            figures: Figures::of(plan, percent),
        }
    }

    fn field(&self) -> String {
        format!("{FIGURES}{}", self.figures.plan)
    }

    fn value(&self) -> String {
        let Figures { before, after, .. } = self.figures;
        format!("{}:{}:{}:{}", before.0.0, before.1.0, after.0.0, after.1.0)
    }
}

/// What a hidden field of the preview says.
fn figures_of(name: &str, value: &str) -> Option<Figures> {
    let plan = PlanId(name.strip_prefix(FIGURES)?.parse().ok()?);
    let numbers: Result<Vec<i64>, _> = value.split(':').map(str::parse).collect();
    let [a, b, c, d] = numbers.ok()?[..] else { return None };
    Some(Figures { plan, before: (Toman(a), Toman(b)), after: (Toman(c), Toman(d)) })
}

pub async fn show(ask: Ask<Admin>, Query(query): Query<PricesQuery>) -> PageResult {
    let mut form = Fields::default();
    form.set("direction", query.direction);
    form.set("percent", query.percent);
    preview(ask, form, false).await
}

async fn preview(ask: Ask<Admin>, mut form: Fields, is_stale: bool) -> PageResult {
    let t = ask.page.t;
    let mut rows = Vec::new();
    if !form.value("percent").is_empty() || !form.value("direction").is_empty() {
        let is_down = form.get("direction") == "down";
        let percent = form.whole("percent", if is_down { DOWN } else { UP }, &t);
        if let Some(percent) = percent.map(|percent| if is_down { -percent } else { percent }) {
            let plans = queries::all(&mut *ask.app.db.acquire().await?).await?;
            rows = plans.iter().map(|plan| Row::new(&t, plan, percent)).collect();
        }
    }
    let status = match (is_stale, form.is_ok()) {
        (true, _) => StatusCode::CONFLICT,
        (false, true) => StatusCode::OK,
        (false, false) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let is_sound = rows.iter().all(|row| row.figures.is_sound());
    let page = PricesPage { page: ask.page.titled(t.plans_prices_title()), form, rows, is_sound, is_stale };
    Ok((status, html(&page)?).into_response())
}

pub async fn update(ask: Ask<Admin>, form: Fields) -> PageResult {
    let values = form.clone().into_values();
    let hidden = values.iter().filter(|(name, _)| name.starts_with(FIGURES));
    let figures: Option<Vec<Figures>> = hidden.map(|(name, value)| figures_of(name, value)).collect();
    let figures = figures.filter(|all| !all.is_empty()).ok_or(AppError::BadRequest("figures"))?;
    match reprice(&ask.app.db, ask.actor(ask.who.id), &figures, ask.app.clock.now()).await {
        Ok(()) => {
            flash(&ask.session, "ok", ask.page.t.plans_repriced(ask.page.t.number(figures.len() as i64)))
                .await?;
            Ok(see_other(ask.hx, LIST))
        }
        Err(RepriceError::ChangedMeanwhile) => preview(ask, form, true).await,
        Err(RepriceError::Unsound) => Err(AppError::BadRequest("figures")),
        Err(RepriceError::Database(error)) => Err(error.into()),
    }
}
