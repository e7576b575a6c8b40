//! The form of a plan: filled, read, and shown with what is wrong.

use askama::Template;

use super::about;
use crate::{
    calendar::Time,
    ids::PlanId,
    locale::Tr,
    plans::{
        DAYS, GIGABYTES, MAX_NAME, PRICES, Terms,
        queries::{PlanDetail, PriceChange},
    },
    web::{Fields, Page},
};

#[derive(Template)]
#[template(path = "plans/form.html")]
pub struct FormPage {
    page: Page,
    form: Fields,
    /// Where the form is sent to.
    action: String,
    /// Of a plan that is not new.
    plan: Option<Shown>,
    /// What happened meanwhile, and how the plan stands now; empty without a conflict.
    conflict: String,
    now: String,
}

struct Shown {
    is_active: bool,
    history: Vec<PriceChange>,
}

impl FormPage {
    /// The form of a new plan.
    pub fn new(page: Page, form: Fields) -> Self {
        let title = page.t.plans_new();
        Self {
            page: page.titled(title),
            form,
            action: super::LIST.to_owned(),
            plan: None,
            conflict: String::new(),
            now: String::new(),
        }
    }

    /// The form of this plan.
    pub fn of(page: Page, id: PlanId, plan: &PlanDetail, history: Vec<PriceChange>, form: Fields) -> Self {
        let title = plan.terms.name.clone();
        Self {
            action: format!("{}/{id}", super::LIST),
            plan: Some(Shown { is_active: plan.is_active, history }),
            ..Self::new(page, form)
        }
        .titled(title)
    }

    fn titled(mut self, title: String) -> Self {
        self.page.title = title;
        self
    }

    /// Says who was first, and how the plan stands now.
    pub fn with_conflict(mut self, by: Option<(String, Time)>, plan: &PlanDetail) -> Self {
        let t = self.page.t;
        if let Some((who, at)) = by {
            let Terms { name, days, data_limit_gb, price_public, price_agent } = &plan.terms;
            let state = t.plans_state(
                about(&t, *days, *data_limit_gb),
                name,
                t.amount(*price_agent),
                t.amount(*price_public),
            );
            self.conflict = t.forms_conflict(t.datetime(at), who);
            self.now = t.forms_conflict_now(state);
        }
        self
    }
}

/// What stands in the form of a plan.
pub fn fill(terms: &Terms, t: &Tr) -> Fields {
    let mut form = Fields::default();
    form.set("name", terms.name.as_str());
    form.set("days", t.number(terms.days));
    match terms.data_limit_gb {
        Some(gb) => form.set("data_limit_gb", t.number(gb)),
        None => form.set("unlimited", "true"),
    }
    form.set("price_public", t.number(terms.price_public.0));
    form.set("price_agent", t.number(terms.price_agent.0));
    form
}

/// What was typed; `None` when something is wrong with it.
pub fn read(form: &mut Fields, t: &Tr) -> Option<Terms> {
    let name = form.line("name", MAX_NAME, t);
    let days = form.whole("days", DAYS, t);
    let gigabytes = read_volume(form, t);
    let price_public = form.toman("price_public", PRICES, t);
    let price_agent = form.toman("price_agent", PRICES, t);
    if let (Some(public), Some(agent)) = (price_public, price_agent)
        && agent >= public
    {
        form.fail("price_agent", t.plans_agent_price_not_below());
    }
    let small = |n: i64| i32::try_from(n).ok();
    let terms = Terms {
        name,
        days: days.and_then(small)?,
        data_limit_gb: gigabytes.and_then(small),
        price_public: price_public?,
        price_agent: price_agent?,
    };
    form.is_ok().then_some(terms)
}

/// An empty field is an oversight; unlimited must be ticked.
fn read_volume(form: &mut Fields, t: &Tr) -> Option<i64> {
    if !form.ticked("unlimited") {
        return form.whole("data_limit_gb", GIGABYTES, t);
    }
    if !form.get("data_limit_gb").is_empty() {
        form.fail("data_limit_gb", t.plans_volume_or_unlimited());
    }
    None
}
