//! The rows and sums of a report, as a page and a paper show them.

use crate::{
    locale::Tr,
    money::Toman,
    reports::{Row, Sum, View, sheet::Labels},
};

/// One row, in words.
pub struct Line {
    pub date: String,
    pub time: String,
    pub name: String,
    pub username: String,
    pub kind: String,
    /// Where the payment stands; empty for a row of the ledger.
    pub href: String,
    pub amount: String,
    pub sign: &'static str,
    /// What became of the amount, where it does not say so itself.
    pub parts: Vec<String>,
    pub status: String,
    pub badge: &'static str,
    pub method: String,
    pub reference: String,
    pub notes: String,
}

impl Line {
    pub fn new(t: &Tr, view: View, labels: &Labels, row: &Row) -> Self {
        let of_ledger = view == View::Transactions;
        let confirmed = t.signed(row.confirmed);
        let parts = if of_ledger && row.pending != Toman::ZERO && row.confirmed != Toman::ZERO {
            vec![t.reports_part_confirmed(confirmed), t.reports_part_pending(t.signed(row.pending))]
        } else if !of_ledger && row.confirmed != Toman::ZERO && row.confirmed != row.amount {
            vec![t.payments_credited(t.amount(row.confirmed))]
        } else {
            Vec::new()
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            date: t.date(row.at),
            time: t.clock_time(row.at),
            name: row.name.clone(),
            username: row.username.clone(),
            kind: labels.kind(&row.kind).to_owned(),
            href: if of_ledger { String::new() } else { format!("/admin/payments/{}", row.id) },
            amount: if of_ledger { t.signed(row.amount) } else { t.amount(row.amount) },
            sign: if of_ledger { sign(row.amount) } else { "" },
            parts,
            status: labels.status(row.status).to_owned(),
            badge: row.status.map_or("", |status| status.kind()),
            method: text(&row.method),
            reference: text(&row.reference),
            notes: row.notes.clone(),
        }
    }
}

/// `plus`, `minus` or nothing.
pub fn sign(amount: Toman) -> &'static str {
    match amount.0.signum() {
        1 => "plus",
        -1 => "minus",
        _ => "",
    }
}

/// One line of the sums.
pub struct SumLine {
    pub label: String,
    pub rows: String,
    pub amount: String,
    pub confirmed: String,
    pub pending: String,
}

impl SumLine {
    fn new(t: &Tr, view: View, label: String, sum: &Sum) -> Self {
        let amount = |amount: Toman| match view {
            View::Transactions => t.signed(amount),
            View::Payments => t.amount(amount),
        };
        Self {
            label,
            rows: t.number(sum.rows),
            amount: amount(sum.amount),
            confirmed: amount(sum.confirmed),
            pending: amount(sum.pending),
        }
    }
}

/// The sums of a report: by kind, and all together.
pub struct Sums {
    pub lines: Vec<SumLine>,
    pub total: SumLine,
    pub rows: i64,
}

impl Sums {
    pub fn new(t: &Tr, view: View, labels: &Labels, sums: &[Sum]) -> Self {
        let total = Sum::total(sums);
        let mut lines: Vec<_> = sums
            .iter()
            .map(|sum| SumLine::new(t, view, labels.sum(view, &sum.kind).to_owned(), sum))
            .collect();
        lines.sort_by(|one, other| one.label.cmp(&other.label));
        Self { lines, total: SumLine::new(t, view, t.reports_sum(), &total), rows: total.rows }
    }
}
