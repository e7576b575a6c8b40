//! A method as its card in the list shows it.

use crate::{
    ids::PaymentMethodId,
    locale::Tr,
    money::Toman,
    payment_methods::{
        Draft, MethodType,
        queries::{MethodRow, Use},
    },
    persian::{CardNumber, Sheba},
};

/// A method of the list.
pub struct MethodView {
    pub id: PaymentMethodId,
    pub alias: String,
    pub type_label: String,
    /// For people to read; and as it is copied.
    pub shown: String,
    pub number: String,
    /// Holder and bank, or coin, network and bonus.
    pub about: String,
    pub notes: String,
    pub is_active: bool,
    pub is_full: bool,
    pub periods: [Period; 2],
}

/// Today or this month.
pub struct Period {
    pub label: String,
    pub bars: [Bar; 2],
}

/// How much of a limit is used.
pub struct Bar {
    pub text: String,
    /// 0 to 100; `None` without a limit.
    pub percent: Option<i64>,
}

impl MethodView {
    pub fn new(row: &MethodRow, t: &Tr) -> Self {
        let Draft { daily_limit_count, daily_limit_amount, .. } = row.draft;
        let full = |used: i64, limit: Option<i64>| limit.is_some_and(|limit| used >= limit);
        let period = |label: String, used: Use, days: i64| Period {
            label,
            bars: [
                bar(
                    used.count,
                    daily_limit_count.map(|n| i64::from(n) * days),
                    |n| t.methods_deposits(t.number(n)),
                    t,
                ),
                bar(
                    used.amount.0,
                    daily_limit_amount.map(|limit| limit.0.saturating_mul(days)),
                    |n| t.amount(Toman(n)),
                    t,
                ),
            ],
        };
        Self {
            id: row.id,
            alias: row.draft.alias.clone(),
            type_label: row.draft.method_type.label(t),
            shown: grouped(&row.draft),
            number: row.draft.number.clone(),
            about: about(&row.draft, t),
            notes: row.draft.notes.clone(),
            is_active: row.is_active,
            is_full: full(row.today.count, daily_limit_count.map(i64::from))
                || full(row.today.amount.0, daily_limit_amount.map(|limit| limit.0)),
            periods: [
                period(t.methods_today(), row.today, 1),
                period(t.methods_this_month(), row.month, row.days),
            ],
        }
    }
}

fn bar(used: i64, limit: Option<i64>, show: impl Fn(i64) -> String, t: &Tr) -> Bar {
    let Some(limit) = limit else { return Bar { text: show(used), percent: None } };
    let share = i128::from(used) * 100 / i128::from(limit.max(1));
    Bar { text: t.methods_used_of(show(limit), show(used)), percent: i64::try_from(share.clamp(0, 100)).ok() }
}

/// The number in blocks of four where people read it so.
pub fn grouped(draft: &Draft) -> String {
    let number = &draft.number;
    match draft.method_type {
        MethodType::Card => CardNumber::parse(number).map_or_else(|_| number.clone(), |card| card.grouped()),
        MethodType::Sheba => Sheba::parse(number).map_or_else(|_| number.clone(), |sheba| sheba.grouped()),
        MethodType::Crypto => number.clone(),
    }
}

fn about(draft: &Draft, t: &Tr) -> String {
    let parts = match draft.method_type {
        MethodType::Card | MethodType::Sheba => vec![draft.holder.clone(), draft.bank.clone()],
        MethodType::Crypto => vec![
            // First, so that Latin names end the line and can't reorder it.
            t.methods_bonus_of(t.digits(draft.bonus_percent)),
            draft.coin.clone().unwrap_or_default(),
            draft.network.clone().unwrap_or_default(),
        ],
    };
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

impl MethodType {
    /// What people call it.
    pub fn label(self, t: &Tr) -> String {
        match self {
            Self::Card => t.payment_methods_card(),
            Self::Sheba => t.payment_methods_sheba(),
            Self::Crypto => t.payment_methods_crypto(),
        }
    }

    /// The form's field for its number.
    pub fn field(self) -> &'static str {
        match self {
            Self::Card => "card_number",
            Self::Sheba => "sheba",
            Self::Crypto => "wallet_address",
        }
    }
}
