//! Changes in the words of a page.

use time::Duration;
use uuid::Uuid;

use super::{By, ChangeRefusal, ChangeStatus, Kind, queries::Change};
use crate::{
    calendar::Time,
    locale::Tr,
    orders::{
        DAY, Status,
        queries::Order,
        views::{Badge, poll_seconds, waits},
    },
};

/// What was done with an account, and what can be done.
#[derive(Clone, Debug)]
pub struct ChangesView {
    /// What is under way, in words; empty when nothing is.
    pub waiting: String,
    /// While something is, look again after so many seconds.
    pub poll_seconds: i64,
    pub lines: Vec<Line>,
    pub can_renew: bool,
    pub can_disable: bool,
    pub can_enable: bool,
    pub can_delete: bool,
    pub can_revoke: bool,
    pub can_reset: bool,
    pub can_edit: bool,
    /// For the forms on the page itself.
    pub request_id: String,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Line {
    pub title: String,
    pub about: String,
    pub badge: Badge,
}

impl ChangesView {
    /// `is_trade` is whether the page is of somebody who sells, and not of the customer.
    pub fn new(t: &Tr, order: &Order, changes: &[Change], by: By, is_trade: bool, now: Time) -> Self {
        let waiting = changes.iter().find(|change| change.status == ChangeStatus::Waiting);
        let is_free = waiting.is_none();
        let lives = is_free && matches!(order.status, Status::Active | Status::Disabled);
        let is_on = lives && order.status == Status::Active;
        Self {
            waiting: waiting.map(|change| waiting_text(t, change.kind)).unwrap_or_default(),
            poll_seconds: waiting.map_or(0, |change| poll_seconds(change.created_at, now)),
            lines: changes.iter().map(|change| Line::new(t, change)).collect(),
            can_renew: is_on,
            can_disable: is_on && is_trade,
            can_enable: lives && order.disabled_reason.is_some_and(|reason| by.may_enable(reason)),
            can_delete: lives,
            can_revoke: lives && is_trade,
            can_reset: is_on && matches!(by, By::Admin(_)) && order.data_limit_bytes.is_some(),
            can_edit: is_trade,
            request_id: Uuid::new_v4().to_string(),
        }
    }

    /// Whether there is anything to be done from the page.
    pub fn has_actions(&self) -> bool {
        self.can_renew || self.can_enable || self.can_delete || self.can_edit
    }

    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl Line {
    fn new(t: &Tr, change: &Change) -> Self {
        let when = t.datetime(change.created_at);
        let (kind, text) = match change.status {
            ChangeStatus::Waiting => ("info", t.changes_status_waiting()),
            ChangeStatus::Done => ("ok", t.changes_status_done()),
            ChangeStatus::Refused => ("bad", t.changes_status_refused()),
            ChangeStatus::Cancelled => ("mute", t.changes_status_cancelled()),
        };
        let what = detail(t, change);
        Self {
            title: title(t, change.kind),
            about: if what.is_empty() { when } else { t.changes_about(what, when) },
            badge: Badge { kind, text },
        }
    }
}

/// The name of what is done.
pub fn title(t: &Tr, kind: Kind) -> String {
    match kind {
        Kind::Renew => t.changes_renew(),
        Kind::Disable => t.changes_disable(),
        Kind::Enable => t.changes_enable(),
        Kind::Delete => t.changes_delete(),
        Kind::Revoke => t.changes_revoke(),
        Kind::Reset => t.changes_reset(),
    }
}

fn waiting_text(t: &Tr, kind: Kind) -> String {
    match kind {
        Kind::Renew => t.changes_waiting_renew(),
        Kind::Disable => t.changes_waiting_disable(),
        Kind::Enable => t.changes_waiting_enable(),
        Kind::Delete => t.changes_waiting_delete(),
        Kind::Revoke => t.changes_waiting_revoke(),
        Kind::Reset => t.changes_waiting_reset(),
    }
}

fn detail(t: &Tr, change: &Change) -> String {
    let money = match (change.kind, change.amount, change.refund) {
        (Kind::Renew, Some(price), _) => {
            let plan = change.plan_name.clone().unwrap_or_default();
            if matches!(change.status, ChangeStatus::Refused | ChangeStatus::Cancelled) {
                t.changes_paid_back(t.amount(price), plan)
            } else if change.keep_disabled && change.status == ChangeStatus::Done {
                t.changes_paid_kept_off(t.amount(price), plan)
            } else {
                t.changes_paid(t.amount(price), plan)
            }
        }
        (Kind::Delete, _, Some(refund)) if refund.0 > 0 && change.status != ChangeStatus::Refused => {
            t.changes_refunded(t.amount(refund))
        }
        _ => String::new(),
    };
    let why = match change.refusal {
        Some(ChangeRefusal::NotFound) => t.changes_refused_not_found(),
        Some(ChangeRefusal::NotOurs) => t.changes_refused_not_ours(),
        Some(ChangeRefusal::Refused) => t.changes_refused(),
        None => String::new(),
    };
    [why, money].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// When an account would end after so many more days, as far as is known.
pub fn renewed_end(t: &Tr, order: &Order, days: i32, now: Time) -> String {
    match order.expire_at {
        Some(end) => t.date(end.max(now) + Duration::days(i64::from(days))),
        None if waits(order) => {
            let waiting = order.on_hold_seconds.unwrap_or(0) / DAY;
            t.orders_ends_after_connecting(t.number(waiting + i64::from(days)))
        }
        None => t.orders_time_endless(),
    }
}
