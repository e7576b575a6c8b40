//! Acting on several accounts: the summary before, the summary after.

use std::collections::BTreeSet;

use askama::Template;
use axum_extra::extract::Query;
use uuid::Uuid;

use super::{super::AGENT, words};
use crate::{
    ids::{OrderId, PlanId, SelectionId},
    locale::Tr,
    money::Toman,
    orders::{
        bulk::{
            MOST,
            preview::{Chosen, preview},
            queries::{SelectionItem, selection},
            selections::{self, Item, NewSelection},
        },
        changes::{ChangeStatus, Kind, views},
        views::{Badge, poll_seconds},
    },
    web::{Agent, AppError, Ask, Fields, Id, Page, PageResult, address, html, page::flash, see_other},
};

const FORM: &str = "/agent/users/selection";

/// What the list sends.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Selected {
    #[serde(rename = "do")]
    action: String,
    order: Vec<i64>,
    /// The list, to come back to.
    back: String,
}

#[derive(Template)]
#[template(path = "orders/selection.html")]
struct SelectionPage {
    page: Page,
    action: &'static str,
    request_id: String,
    count: String,
    left_out_count: String,
    going: Vec<Going>,
    left_out: Vec<Line>,
    /// What all cost, or what all pay back; empty where no money moves.
    sum: String,
    /// What the wallet holds after a renewal.
    after: String,
    advice: String,
    submit: String,
    is_deletion: bool,
    back: String,
}

/// An account that something will be done with.
struct Going {
    line: Line,
    field: String,
    value: String,
}

/// One account in words.
struct Line {
    href: String,
    username: String,
    alias: String,
    /// What will be done, or why nothing is.
    text: String,
    /// What it costs or pays back; empty without money.
    amount: String,
    badge: Option<Badge>,
}

fn action(kind: Kind) -> &'static str {
    match kind {
        Kind::Renew => "renew",
        Kind::Disable => "disable",
        Kind::Enable => "enable",
        Kind::Delete => "delete",
        Kind::Revoke | Kind::Reset => "",
    }
}

fn kind(action: &str) -> Option<Kind> {
    match action {
        "renew" => Some(Kind::Renew),
        "disable" => Some(Kind::Disable),
        "enable" => Some(Kind::Enable),
        "delete" => Some(Kind::Delete),
        _ => None,
    }
}

pub async fn new(ask: Ask<Agent>, Query(selected): Query<Selected>) -> PageResult {
    let t = ask.page.t;
    // Only the list itself: what an address says may come from anywhere.
    let is_list = selected.back.strip_prefix(AGENT.list).is_some_and(|rest| rest.starts_with('?'));
    let back = if is_list { selected.back } else { AGENT.list.to_owned() };
    if selected.order.len() > MOST {
        flash(&ask.session, "bad", t.bulk_too_many(t.number(MOST as i64))).await?;
        return Ok(see_other(ask.hx, &back));
    }
    let ids: Vec<OrderId> = selected.order.into_iter().map(OrderId).collect();
    let (app, now) = (&ask.app, ask.page.now);
    let chosen = match kind(&selected.action) {
        Some(kind) => (kind, preview(&app.db, &app.server, ask.who.id, kind, &ids, now).await?),
        None => (Kind::Renew, Vec::new()),
    };
    if chosen.1.is_empty() {
        flash(&ask.session, "warn", t.bulk_none()).await?;
        return Ok(see_other(ask.hx, &back));
    }
    summary(ask, chosen.0, &chosen.1, back)
}

fn summary(ask: Ask<Agent>, kind: Kind, chosen: &[Chosen], back: String) -> PageResult {
    let t = ask.page.t;
    let now = ask.page.now;
    let mut going = Vec::new();
    let mut left_out = Vec::new();
    let mut sum = Toman::ZERO;
    for (place, one) in chosen.iter().enumerate() {
        let order = &one.order;
        let line = |text: String, amount: String| Line {
            href: format!("{}/{}", AGENT.orders, order.id),
            username: order.username.clone(),
            alias: order.alias.clone(),
            text,
            amount,
            badge: None,
        };
        match one.verdict {
            Err(refusal) => left_out.push(line(words(&t, refusal.why, refusal.amount), String::new())),
            Ok(amount) => {
                sum += amount;
                let text = match kind {
                    Kind::Renew => {
                        let end = views::renewed_end(&t, order, order.days, now);
                        t.bulk_renewed(t.changes_new_end(end), &order.plan_name)
                    }
                    Kind::Delete => order.plan_name.clone(),
                    _ => String::new(),
                };
                let money = matches!(kind, Kind::Renew) || amount > Toman::ZERO;
                going.push(Going {
                    line: line(text, if money { t.amount(amount) } else { String::new() }),
                    field: format!("item-{place:03}"),
                    value: format!("{}:{}:{}", order.id, order.plan_id, amount.0),
                });
            }
        }
    }
    let count = t.number(going.len() as i64);
    html(&SelectionPage {
        action: action(kind),
        request_id: Uuid::new_v4().to_string(),
        sum: if matches!(kind, Kind::Renew | Kind::Delete) { t.amount(sum) } else { String::new() },
        after: if kind == Kind::Renew { t.amount(ask.who.balance.total() - sum) } else { String::new() },
        advice: match kind {
            Kind::Renew => t.changes_renew_hint(),
            Kind::Disable => t.changes_disable_advice(),
            Kind::Enable | Kind::Revoke | Kind::Reset => t.bulk_enable_advice(),
            Kind::Delete => t.bulk_delete_advice(),
        },
        submit: t.bulk_do(&count, views::title(&t, kind)),
        count,
        left_out_count: t.number(left_out.len() as i64),
        is_deletion: kind == Kind::Delete,
        page: ask.page.titled(t.bulk_title(views::title(&t, kind))),
        going,
        left_out,
        back,
    })
}

/// One account as the summary sent it: its order, its plan, and the price or the refund that was shown.
fn item(kind: Kind, value: &str) -> Option<Item> {
    let mut parts = value.split(':').map(|part| part.parse::<i64>().ok());
    let (order, plan, seen) = (parts.next()??, parts.next()??, parts.next()??);
    Some(Item {
        order: OrderId(order),
        plan: (kind == Kind::Renew).then_some(PlanId(plan)),
        seen: matches!(kind, Kind::Renew | Kind::Delete).then_some(Toman(seen)),
    })
}

pub async fn create(ask: Ask<Agent>, form: Fields) -> PageResult {
    let request_id = form.request_id()?;
    let kind = kind(form.get("do")).ok_or(AppError::BadRequest("do"))?;
    let items: Option<Vec<Item>> = form.beginning("item-").map(|(_, value)| item(kind, value)).collect();
    let mut items = items.ok_or(AppError::BadRequest("item"))?;
    let mut seen = BTreeSet::new();
    items.retain(|item| seen.insert(item.order));
    if items.len() > MOST {
        return Err(AppError::BadRequest("item"));
    }
    let new = NewSelection { owner: ask.who.id, kind, request_id, items };
    let id = selections::store(&ask.app.db, &new, ask.app.clock.now()).await?.ok_or(AppError::NotFound)?;
    go_on(ask, id).await
}

pub async fn create_rest(ask: Ask<Agent>, id: Id) -> PageResult {
    go_on(ask, SelectionId(id.0)).await
}

async fn go_on(ask: Ask<Agent>, id: SelectionId) -> PageResult {
    let app = &ask.app;
    let actor = ask.actor(ask.who.id);
    if !selections::carry_out(&app.db, &app.server, id, actor, &app.clock).await? {
        return Err(AppError::NotFound);
    }
    Ok(see_other(ask.hx, &format!("/agent/users/selections/{id}")))
}

#[derive(Template)]
#[template(path = "orders/selection_result.html")]
struct ResultPage {
    page: Page,
    view: ResultView,
}

#[derive(Template)]
#[template(path = "orders/_selection_result.html")]
struct ResultPart {
    page: Page,
    view: ResultView,
}

struct ResultView {
    href: String,
    what: String,
    when: String,
    asked: String,
    failed: String,
    has_failed: bool,
    /// What was charged or will be paid back; empty without money.
    sum: String,
    is_deletion: bool,
    is_waiting: bool,
    poll_seconds: i64,
    /// How many were not reached; empty where all were.
    rest: String,
    /// Where those that were not done can be chosen again.
    again: String,
    lines: Vec<Line>,
}

pub async fn show(ask: Ask<Agent>, id: Id) -> PageResult {
    let id = SelectionId(id.0);
    let t = ask.page.t;
    let (kind, created_at, items) =
        selection(&ask.app.db, ask.who.id, id).await?.ok_or(AppError::NotFound)?;
    let count = |test: fn(&SelectionItem) -> bool| items.iter().filter(|item| test(item)).count();
    let number = |count: usize| t.number(count as i64);
    let failed = count(is_failed);
    let rest = count(|item| item.status.is_none() && item.trouble.is_none());
    let kept =
        items.iter().filter(|item| matches!(item.status, Some(ChangeStatus::Waiting | ChangeStatus::Done)));
    let sum: Toman = kept.filter_map(|item| item.amount.or(item.refund)).sum();
    let again: Vec<String> =
        items.iter().filter(|item| is_failed(item)).map(|item| item.order.to_string()).collect();
    let pairs: Vec<_> = again.iter().map(|id| ("order", id.as_str())).chain([("do", action(kind))]).collect();
    let view = ResultView {
        href: format!("/agent/users/selections/{id}"),
        what: views::title(&t, kind),
        when: t.datetime(created_at),
        asked: number(items.len() - failed - rest),
        failed: number(failed),
        has_failed: failed > 0,
        sum: if matches!(kind, Kind::Renew | Kind::Delete) { t.amount(sum) } else { String::new() },
        is_deletion: kind == Kind::Delete,
        is_waiting: count(|item| item.status == Some(ChangeStatus::Waiting)) > 0,
        poll_seconds: poll_seconds(created_at, ask.page.now).max(3),
        rest: if rest > 0 { number(rest) } else { String::new() },
        again: if again.is_empty() { String::new() } else { address(FORM, &pairs) },
        lines: items.iter().map(|item| line(&t, item)).collect(),
    };
    let hx = ask.hx;
    let page = ask.page.titled(t.bulk_result_title(&view.what));
    if hx.0 { html(&ResultPart { page, view }) } else { html(&ResultPage { page, view }) }
}

fn is_failed(item: &SelectionItem) -> bool {
    item.trouble.is_some() || matches!(item.status, Some(ChangeStatus::Refused | ChangeStatus::Cancelled))
}

fn line(t: &Tr, item: &SelectionItem) -> Line {
    let (kind, state) = match (item.status, item.trouble) {
        (Some(ChangeStatus::Waiting), _) => ("info", t.changes_status_waiting()),
        (Some(ChangeStatus::Done), _) => ("ok", t.changes_status_done()),
        (Some(ChangeStatus::Refused), _) | (None, Some(_)) => ("bad", t.changes_status_refused()),
        (Some(ChangeStatus::Cancelled), _) => ("mute", t.changes_status_cancelled()),
        (None, None) => ("warn", t.bulk_not_reached()),
    };
    let amount = item.amount.or(item.refund.filter(|refund| *refund > Toman::ZERO));
    Line {
        href: format!("{}/{}", AGENT.orders, item.order),
        username: item.username.clone(),
        alias: item.alias.clone(),
        text: match item.trouble {
            Some(why) => words(t, why, item.trouble_amount),
            None if item.status == Some(ChangeStatus::Refused) => t.changes_refused(),
            None => String::new(),
        },
        amount: amount.filter(|_| !is_failed(item)).map(|amount| t.amount(amount)).unwrap_or_default(),
        badge: Some(Badge { kind, text: state }),
    }
}
