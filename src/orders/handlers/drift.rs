//! The admin's page of the accounts about which the server says something else.

use askama::Template;
use axum::routing::{get, post};
use axum_extra::extract::Query;

use super::ADMIN;
use crate::{
    calendar::Time,
    ids::OrderId,
    locale::Tr,
    orders::{
        drift::{
            Drift,
            queries::{self, Drifted},
        },
        settlement::{self, SettleError, Way},
    },
    web::{
        Admin, AppError, Ask, Fields, Id, Page, PageResult, address,
        doors::{AdminDoor, Routes},
        html,
        page::flash,
        see_other,
    },
};

const PATH: &str = "/admin/upkeep/drift";
/// Accounts on one page.
const ROWS: usize = 25;

/// What admins may reach.
pub fn routes() -> Routes<AdminDoor> {
    Routes::new()
        .route(PATH, get(index))
        .route("/admin/upkeep/drift/{order}/taking-over", post(take_over))
        .route("/admin/upkeep/drift/{order}/setting-there", post(set_there))
}

#[derive(Template)]
#[template(path = "orders/drift.html")]
struct DriftPage {
    page: Page,
    accounts: Vec<DriftView>,
    next: String,
    first: String,
}

/// A drifted account in words, for `orders/_drift.html`.
pub struct DriftView {
    pub order: OrderId,
    pub username: String,
    pub owner: String,
    pub since: String,
    /// What differs, and what may be known about it.
    pub findings: Vec<String>,
    /// The note that the account should bear; empty where that is not the question.
    pub note: String,
    pub is_under_way: bool,
    /// It stands on the order's own page, and leads back there.
    pub is_alone: bool,
    /// The words of the two ways; empty where a way is closed.
    pub take_over: String,
    pub set_there: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct ListQuery {
    before: String,
}

async fn index(ask: Ask<Admin>, Query(query): Query<ListQuery>) -> PageResult {
    let (t, now) = (ask.page.t, ask.app.clock.now());
    let before = query.before.parse().ok().map(OrderId);
    let mut drifted = queries::list(&ask.app.db, before, ROWS as i64 + 1).await?;
    let more = drifted.len() > ROWS;
    drifted.truncate(ROWS);
    let next =
        drifted.last().filter(|_| more).map(|last| address(PATH, &[("before", &last.order.to_string())]));
    let accounts = drifted.iter().map(|drifted| DriftView::new(&t, drifted, now)).collect();
    html(&DriftPage {
        page: ask.page.titled(t.drift_title()),
        accounts,
        next: next.unwrap_or_default(),
        first: if before.is_some() { PATH.to_owned() } else { String::new() },
    })
}

async fn take_over(ask: Ask<Admin>, id: Id, form: Fields) -> PageResult {
    settle(ask, id, Way::TakeOver, &form).await
}

async fn set_there(ask: Ask<Admin>, id: Id, form: Fields) -> PageResult {
    settle(ask, id, Way::SetThere, &form).await
}

async fn settle(ask: Ask<Admin>, Id(order): Id, way: Way, form: &Fields) -> PageResult {
    let t = ask.page.t;
    let settled =
        settlement::settle(&ask.app.db, ask.actor(ask.who.id), OrderId(order), way, ask.app.clock.now());
    let (kind, text) = match (settled.await, way) {
        (Ok(()), Way::TakeOver) => ("ok", t.drift_taken_over()),
        (Ok(()), Way::SetThere) => ("ok", t.drift_being_set()),
        (Err(SettleError::NotFound), _) => ("info", t.drift_settled_already()),
        (Err(SettleError::NotSo), _) => ("bad", t.drift_not_so()),
        (Err(SettleError::Busy), _) => ("info", t.drift_busy()),
        (Err(SettleError::Database(error)), _) => return Err(AppError::from(error)),
    };
    flash(&ask.session, kind, text).await?;
    let back =
        if form.get("back") == "order" { format!("{}/{order}", ADMIN.orders) } else { PATH.to_owned() };
    Ok(see_other(ask.hx, &back))
}

impl DriftView {
    /// The same on the order's own page.
    #[must_use]
    pub(super) fn alone(self) -> Self {
        Self { is_alone: true, ..self }
    }

    /// What is said of it at this instant.
    pub fn new(t: &Tr, drifted: &Drifted, now: Time) -> Self {
        let is_missing = drifted.kinds.contains(&Drift::Missing);
        let allowed = |way, words: String| if drifted.allows(way, now) { words } else { String::new() };
        Self {
            order: drifted.order,
            username: drifted.username.clone(),
            owner: drifted.owner_name.clone(),
            since: t.drift_since(t.ago(drifted.since, now)),
            findings: drifted.kinds.iter().map(|kind| finding(t, drifted, *kind)).collect(),
            note: if drifted.kinds.contains(&Drift::Foreign) { drifted.note() } else { String::new() },
            is_under_way: drifted.is_under_way,
            is_alone: false,
            take_over: allowed(
                Way::TakeOver,
                if is_missing { t.drift_count_deleted() } else { t.drift_take_over() },
            ),
            set_there: allowed(
                Way::SetThere,
                if is_missing { t.drift_make_again() } else { t.drift_set_there() },
            ),
        }
    }
}

fn finding(t: &Tr, drifted: &Drifted, kind: Drift) -> String {
    let end = |end: Option<Time>| end.map_or_else(|| t.drift_endless(), |end| t.datetime(end));
    let volume = |bytes: Option<i64>| bytes.map_or_else(|| t.drift_unlimited(), |bytes| t.bytes(bytes));
    match kind {
        Drift::OffThere => t.drift_off_there(),
        Drift::OnThere => t.drift_on_there(),
        Drift::Expiry => t.drift_expiry(end(drifted.ours.end), end(drifted.there.end)),
        Drift::Volume => {
            t.drift_volume(volume(drifted.ours.data_limit_bytes), volume(drifted.there.data_limit_bytes))
        }
        Drift::Foreign => t.drift_foreign(),
        Drift::Unreadable => t.drift_unreadable(),
        Drift::Missing => {
            t.drift_missing(drifted.missing_since.map(|since| t.datetime(since)).unwrap_or_default())
        }
    }
}
