//! The form of a renewal: what it costs, what it leaves, when it ends.

use askama::Template;
use uuid::Uuid;

use super::{Keeper, arrive, by, find, is_busy, unprocessable, words};
use crate::{
    orders::{
        Status,
        changes::{self, ChangeError, Kind, Renewal, queries, views},
        handlers::create::chosen,
        queries::Order,
        sync,
        views::{OrderView, volume},
    },
    web::{Ask, Fields, Id, Page, PageResult, html},
};

#[derive(Template)]
#[template(path = "orders/renewal.html")]
struct RenewalPage {
    page: Page,
    order: OrderView,
    form: Fields,
    offers: Vec<Offer>,
    /// Why it can't be renewed at all; empty where it can.
    trouble: String,
    /// What is owed, where that is why.
    owed: String,
    is_agent: bool,
}

/// A plan as a card.
struct Offer {
    /// Plan and price: what is sent is what was seen.
    value: String,
    name: String,
    about: String,
    price: String,
    ends: String,
    /// What the renewal leaves, or what is missing for it.
    note: String,
    is_affordable: bool,
    is_chosen: bool,
}

pub async fn new_renewal<P: Keeper>(ask: Ask<P>, id: Id) -> PageResult {
    let order = find(&ask, id).await?;
    let is_stale = order.last_synced_at.is_some_and(|time| ask.page.now - time > sync::FRESH);
    // The end that the new days are added to should be the server's; whoever only looks on stores nothing.
    if is_stale && ask.page.viewed.is_none() {
        sync::refresh(&ask.app.db, &ask.app.server, &ask.app.clock, order.id).await?;
    }
    let order = find(&ask, id).await?;
    let mut form = Fields::default();
    form.set("plan", order.plan_id.to_string());
    form.set("request_id", Uuid::new_v4().to_string());
    renewal_page(ask, &order, form).await
}

pub async fn create_renewal<P: Keeper>(ask: Ask<P>, id: Id, mut form: Fields) -> PageResult {
    let order = find(&ask, id).await?;
    let t = ask.page.t;
    let request_id = form.request_id()?;
    let Some((plan, price_seen)) = chosen(form.get("plan")) else {
        form.fail("plan", t.orders_plan_choose());
        return unprocessable(renewal_page(ask, &order, form).await);
    };
    let renewal = Renewal { order: order.id, plan, price_seen, request_id };
    match changes::renew(&ask.app.db, &renewal, by(&ask), ask.app.clock.now()).await {
        Ok(change) => arrive(&ask, &order, Kind::Renew, change).await,
        Err(error) => {
            if matches!(error, ChangeError::FormUsed { .. }) {
                form.set("request_id", Uuid::new_v4().to_string());
            }
            form.fail("plan", words(&t, error)?);
            unprocessable(renewal_page(ask, &order, form).await)
        }
    }
}

async fn renewal_page<P: Keeper>(ask: Ask<P>, order: &Order, form: Fields) -> PageResult {
    let t = ask.page.t;
    let payer = queries::payer(&ask.app.db, order.owner).await?;
    let choices = queries::choices(&ask.app.db, &payer).await?;
    let before = form.get("plan").split(':').next().unwrap_or_default();
    let offers = choices.iter().map(|choice| {
        let missing = payer.missing(choice.price);
        Offer {
            value: format!("{}:{}", choice.id, choice.price.0),
            name: choice.name.clone(),
            about: t.orders_plan_about(t.number(choice.days), volume(&t, choice.data_limit_gb)),
            price: t.amount(choice.price),
            ends: t.changes_new_end(views::renewed_end(&t, order, choice.days, ask.page.now)),
            note: match missing {
                None => t.orders_plan_after(t.amount(payer.balance.total() - choice.price)),
                Some(missing) => t.orders_plan_missing(t.amount(missing)),
            },
            is_affordable: missing.is_none(),
            is_chosen: missing.is_none() && before == choice.id.to_string(),
        }
    });
    let offers = offers.collect();
    let is_busy = is_busy(&ask, order).await?;
    html(&RenewalPage {
        order: OrderView::new(&t, order, P::AREA.orders, ask.page.now),
        offers,
        trouble: match order.status {
            Status::Active if is_busy => t.changes_busy(),
            Status::Active => String::new(),
            Status::Disabled => t.changes_switched_off(),
            _ => t.changes_wrong_status(),
        },
        owed: payer.owed().map(|owed| t.amount(owed)).unwrap_or_default(),
        is_agent: P::AREA.is_agent,
        form,
        page: ask.page.titled(t.changes_renew_title(&order.username)),
    })
}
