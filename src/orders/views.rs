//! Accounts and orders in the words of a page.

use time::Duration;

use super::{
    DAY, DisabledReason, FailureReason, GB, Status,
    links::{self, AppLink},
    queries::{Account, Order, State},
};
use crate::{
    calendar::Time,
    locale::Tr,
    money::Toman,
    qr::{Qr, qr},
};

/// A status, coloured.
#[derive(Clone, Debug)]
pub struct Badge {
    pub kind: &'static str,
    pub text: String,
}

impl Badge {
    pub fn new(t: &Tr, state: State) -> Self {
        let (kind, text) = match state {
            State::AwaitingPayment => ("warn", t.orders_state_awaiting_payment()),
            State::Provisioning => ("info", t.orders_state_provisioning()),
            State::Active => ("ok", t.orders_state_active()),
            State::OnHold => ("info", t.orders_state_on_hold()),
            State::Ending => ("warn", t.orders_state_ending()),
            State::Ended => ("bad", t.orders_state_ended()),
            State::Disabled => ("mute", t.orders_state_disabled()),
            State::Deleted => ("mute", t.orders_state_deleted()),
            State::Failed => ("bad", t.orders_state_failed()),
            State::Cancelled => ("mute", t.orders_state_cancelled()),
        };
        Self { kind, text }
    }
}

/// How much is left, in words and, where there is an end, as a bar.
#[derive(Clone, Debug)]
pub struct Gauge {
    pub label: String,
    pub text: String,
    /// What is left, per cent.
    pub percent: Option<i64>,
}

/// What is left of an account.
struct Left {
    days: i32,
    expire_at: Option<Time>,
    on_hold: bool,
    limit: Option<i64>,
    used: i64,
}

impl Left {
    fn gauges(&self, t: &Tr, now: Time) -> Vec<Gauge> {
        vec![self.time(t, now), self.volume(t)]
    }

    fn time(&self, t: &Tr, now: Time) -> Gauge {
        let (text, percent) = match self.expire_at {
            Some(end) => {
                let left = end - now;
                let text = if left.is_positive() {
                    t.orders_time_left(t.remaining(to_the_day(left)))
                } else {
                    t.orders_time_over()
                };
                (text, Some(share(left.whole_seconds(), i64::from(self.days) * DAY)))
            }
            None if self.on_hold => (t.orders_time_waits(t.number(self.days)), Some(100)),
            None => (t.orders_time_endless(), None),
        };
        Gauge { label: t.orders_time(), text, percent }
    }

    fn volume(&self, t: &Tr) -> Gauge {
        let (text, percent) = match self.limit.filter(|limit| *limit > 0) {
            Some(limit) => {
                let left = (limit - self.used).max(0);
                (t.orders_volume_left(t.bytes(left), t.bytes(limit)), Some(share(left, limit)))
            }
            None => (t.orders_volume_endless(), None),
        };
        Gauge { label: t.orders_volume(), text, percent }
    }
}

/// Days are told to the nearest one: what was bought as 30 days a minute ago has 30 days left.
fn to_the_day(left: Duration) -> Duration {
    if left >= Duration::hours(36) { left + Duration::hours(12) } else { left }
}

/// `part` of `whole` in per cent, 0 to 100.
fn share(part: i64, whole: i64) -> i64 {
    let percent = i128::from(part) * 100 / i128::from(whole.max(1));
    i64::try_from(percent.clamp(0, 100)).unwrap_or(0)
}

/// The volume of a plan.
pub fn volume(t: &Tr, gb: Option<i32>) -> String {
    gb.map_or_else(|| t.orders_volume_endless(), |gb| t.bytes(i64::from(gb) * GB))
}

/// One account of a list.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: i64,
    pub href: String,
    pub username: String,
    /// What the owner knows it by, and what was bought.
    pub about: String,
    pub badge: Badge,
    pub gauges: Vec<Gauge>,
    /// The subscription link; empty while there is none.
    pub link: String,
}

impl Row {
    /// `base` is the address of the list that its orders stand under.
    pub fn new(t: &Tr, account: &Account, base: &str, now: Time) -> Self {
        let left = Left {
            days: account.days,
            expire_at: account.expire_at,
            on_hold: account.state == State::OnHold,
            limit: account.data_limit_bytes,
            used: account.data_used_bytes.unwrap_or(0),
        };
        let working = account.subscription_url.is_some() && account.state != State::Deleted;
        let about = if account.alias.is_empty() {
            account.plan_name.clone()
        } else {
            t.orders_about(&account.alias, &account.plan_name)
        };
        Self {
            id: account.id.0,
            href: format!("{base}/{}", account.id),
            username: account.username.clone(),
            about,
            badge: Badge::new(t, account.state),
            gauges: if working { left.gauges(t, now) } else { Vec::new() },
            link: account.subscription_url.clone().filter(|_| working).unwrap_or_default(),
        }
    }
}

/// What a customer needs: the link in all its forms.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub link: String,
    pub qr: Option<Qr>,
    pub apps: Vec<AppLink>,
    /// The message that an agent sends with it.
    pub message: String,
    /// Opens Telegram with that message.
    pub telegram: String,
}

/// The page of an order, without its frame.
#[derive(Clone, Debug)]
pub struct OrderView {
    pub id: i64,
    /// Its own address.
    pub href: String,
    pub username: String,
    pub alias: String,
    pub note: String,
    pub badge: Badge,
    pub is_waiting: bool,
    /// Its state changes without its owner: the page follows it.
    pub is_followed: bool,
    /// While it is followed, look again after so many seconds.
    pub poll_seconds: i64,
    pub delivery: Option<Delivery>,
    pub gauges: Vec<Gauge>,
    /// When the server was last asked; empty without an account.
    pub as_of: String,
    /// Whether that is long enough ago to ask again.
    pub is_stale: bool,
    pub ends: String,
    pub plan: String,
    pub volume: String,
    pub amount: String,
    pub created: String,
    /// What went wrong, or why it is switched off; empty when all is well.
    pub trouble: String,
    pub is_failed: bool,
}

impl OrderView {
    /// `base` is the address of the list that its orders stand under.
    pub fn new(t: &Tr, order: &Order, base: &str, now: Time) -> Self {
        let is_waiting = order.status == Status::Provisioning;
        let alive = order.last_synced_at.filter(|_| order.status != Status::Deleted);
        let left = Left {
            days: order.days,
            expire_at: order.expire_at,
            on_hold: waits(order),
            limit: order.data_limit_bytes,
            used: order.data_used_bytes.unwrap_or(0),
        };
        Self {
            id: order.id.0,
            href: format!("{base}/{}", order.id),
            username: order.username.clone(),
            alias: order.alias.clone(),
            note: order.note.clone(),
            badge: Badge::new(t, state(order, now)),
            is_waiting,
            is_followed: is_waiting || order.status == Status::AwaitingPayment,
            poll_seconds: if is_waiting { poll_seconds(order.created_at, now) } else { 15 },
            delivery: order
                .subscription_url
                .as_deref()
                .filter(|_| alive.is_some())
                .map(|link| delivery(t, order, link)),
            gauges: if alive.is_some() { left.gauges(t, now) } else { Vec::new() },
            as_of: alive.map(|time| t.orders_as_of(t.ago(time, now))).unwrap_or_default(),
            is_stale: alive.is_some_and(|time| now - time > super::sync::FRESH),
            ends: ends(t, order),
            plan: order.plan_name.clone(),
            volume: volume(t, order.data_limit_gb),
            amount: if order.amount == Toman::ZERO { t.import_free() } else { t.amount(order.amount) },
            created: t.datetime(order.created_at),
            trouble: trouble(t, order),
            is_failed: order.status == Status::Failed,
        }
    }
}

pub(super) fn waits(order: &Order) -> bool {
    order.expire_at.is_none() && order.on_hold_seconds.is_some()
}

/// Often while it is fresh: most accounts are made within a second or two.
pub(super) fn poll_seconds(created: Time, now: Time) -> i64 {
    match (now - created).whole_seconds() {
        ..15 => 1,
        15..120 => 3,
        _ => 15,
    }
}

fn state(order: &Order, now: Time) -> State {
    match order.status {
        Status::AwaitingPayment => State::AwaitingPayment,
        Status::Provisioning => State::Provisioning,
        Status::Disabled => State::Disabled,
        Status::Deleted => State::Deleted,
        Status::Failed => State::Failed,
        Status::Cancelled => State::Cancelled,
        Status::Active => {
            let used_up = order
                .data_limit_bytes
                .is_some_and(|limit| limit > 0 && order.data_used_bytes.unwrap_or(0) >= limit);
            match order.expire_at {
                _ if used_up => State::Ended,
                Some(end) if end <= now => State::Ended,
                Some(end) if end <= now + super::queries::SOON => State::Ending,
                None if waits(order) => State::OnHold,
                _ => State::Active,
            }
        }
    }
}

fn ends(t: &Tr, order: &Order) -> String {
    match order.expire_at {
        Some(end) => t.datetime(end),
        None if order.on_hold => t.orders_ends_after_connecting(t.number(order.days)),
        None if order.last_synced_at.is_some() => t.orders_time_endless(),
        None => t.orders_days(t.number(order.days)),
    }
}

fn trouble(t: &Tr, order: &Order) -> String {
    match (order.failure_reason, order.disabled_reason) {
        (Some(FailureReason::UsernameTaken), _) => t.orders_failed_taken(&order.username),
        (Some(FailureReason::Refused), _) => t.orders_failed_refused(),
        (None, Some(DisabledReason::ByOwner)) => t.orders_disabled_by_owner(),
        (None, Some(DisabledReason::ByAdmin)) => t.orders_disabled_by_admin(),
        (None, Some(DisabledReason::NegativeCredit)) => t.orders_disabled_negative(),
        (None, None) => String::new(),
    }
}

fn delivery(t: &Tr, order: &Order, link: &str) -> Delivery {
    let validity = match order.expire_at {
        Some(end) => t.orders_valid_until(t.long_date(end), t.number(order.days)),
        None => ends(t, order),
    };
    let volume = volume(t, order.data_limit_gb);
    // Telegram puts the link in front of the text by itself.
    let text = t.orders_message_short(&order.username, &validity, &volume);
    Delivery {
        link: link.to_owned(),
        qr: qr(link),
        apps: links::app_links(link, &order.username),
        telegram: links::telegram_share(link, &text),
        message: t.orders_message(link, &order.username, validity, volume),
    }
}
