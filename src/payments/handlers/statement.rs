//! The wallet's statement: the filter, and each row in words.

use crate::{
    calendar::JalaliDate,
    ids::UserId,
    ledger::{Entry, EntryType, StatementFilter},
    locale::Tr,
    money::Toman,
    web::Fields,
};

/// Rows on one page.
pub const ROWS: i64 = 25;

/// What the address of the statement says, as typed.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct StatementQuery {
    #[serde(rename = "type")]
    pub entry_type: String,
    pub from: String,
    pub to: String,
    pub before: String,
}

impl StatementQuery {
    /// The filter, and the fields with the errors beside them.
    pub fn read(&self, t: &Tr) -> (StatementFilter, Fields) {
        let mut form = Fields::default();
        for (name, value) in [("type", &self.entry_type), ("from", &self.from), ("to", &self.to)] {
            form.set(name, value.trim());
        }
        let filter = StatementFilter {
            entry_type: EntryType::ALL.into_iter().find(|kind| kind.code() == self.entry_type),
            since: read_date(&mut form, "from", t).map(JalaliDate::start),
            until: read_date(&mut form, "to", t).map(JalaliDate::end),
            before_seq: self.before.parse().ok(),
        };
        if let (Some(since), Some(until)) = (filter.since, filter.until)
            && since >= until
        {
            form.fail("to", t.payments_dates_reversed());
        }
        (filter, form)
    }

    /// Whether anything is filtered.
    pub fn is_filtered(&self) -> bool {
        [&self.entry_type, &self.from, &self.to].iter().any(|value| !value.is_empty())
    }

    /// The address of the wallet's next page, after the row with this number.
    pub fn next(&self, wallet: &str, before: i64) -> String {
        let pairs = [
            ("type", self.entry_type.as_str()),
            ("from", &self.from),
            ("to", &self.to),
            ("before", &before.to_string()),
        ];
        super::address(wallet, &pairs)
    }
}

/// A Jalali date in a filter; empty is none.
pub fn read_date(form: &mut Fields, name: &'static str, t: &Tr) -> Option<JalaliDate> {
    let typed = form.get(name);
    if typed.is_empty() {
        return None;
    }
    let date = JalaliDate::parse(typed);
    if date.is_err() {
        form.fail(name, t.payments_date_wrong());
    }
    date.ok()
}

/// One row of the statement, as its owner reads it.
pub struct StatementRow {
    pub words: String,
    pub note: String,
    pub account: Option<String>,
    pub by: String,
    pub time: String,
    pub amount: String,
    /// `plus`, `minus` or nothing.
    pub sign: &'static str,
    pub balance: String,
}

impl StatementRow {
    /// The row in words for `viewer`.
    pub fn new(t: &Tr, entry: &Entry, viewer: UserId) -> Self {
        let amount = entry.amount();
        Self {
            words: words(t, entry, viewer),
            note: entry.notes.clone(),
            account: entry.account.clone(),
            by: match entry.by_id {
                Some(by) if by == viewer => t.payments_by_you(),
                Some(_) => t.payments_by_admin(),
                None => t.payments_by_panel(),
            },
            time: t.datetime(entry.created_at),
            amount: t.signed(amount),
            sign: match amount.0.signum() {
                1 => "plus",
                -1 => "minus",
                _ => "",
            },
            balance: t.amount(entry.balance_after),
        }
    }
}

fn words(t: &Tr, entry: &Entry, viewer: UserId) -> String {
    let payment = entry.payment_id.map(|id| t.digits(id)).unwrap_or_default();
    let (confirmed, pending) = (entry.confirmed_delta, entry.pending_delta);
    match entry.entry_type {
        EntryType::ChargePending => t.payments_row_submitted(payment),
        EntryType::ChargeApproved if confirmed + pending == Toman::ZERO => {
            t.payments_row_approved(t.amount(confirmed), payment)
        }
        EntryType::ChargeApproved => {
            t.payments_row_corrected(t.amount(confirmed), payment, t.amount(-pending))
        }
        EntryType::ChargeRejected if entry.by_id == Some(viewer) => t.payments_row_withdrawn(payment),
        EntryType::ChargeRejected => t.payments_row_rejected(payment),
        EntryType::ChargeManual => t.payments_row_manual(),
        EntryType::OrderCreated => t.payments_row_ordered(),
        EntryType::OrderRenewed => t.payments_row_renewed(),
        EntryType::OrderRefund => t.payments_row_refunded(),
        EntryType::OrderDisabled => t.payments_row_disabled(),
        EntryType::OrderEnabled => t.payments_row_enabled(),
    }
}

/// The name of a type in the filter.
pub fn type_label(t: &Tr, kind: EntryType) -> String {
    match kind {
        EntryType::ChargePending => t.payments_type_submitted(),
        EntryType::ChargeApproved => t.payments_type_approved(),
        EntryType::ChargeRejected => t.payments_type_rejected(),
        EntryType::ChargeManual => t.payments_type_manual(),
        EntryType::OrderCreated => t.payments_type_ordered(),
        EntryType::OrderRenewed => t.payments_type_renewed(),
        EntryType::OrderRefund => t.payments_type_refunded(),
        EntryType::OrderDisabled => t.payments_type_disabled(),
        EntryType::OrderEnabled => t.payments_type_enabled(),
    }
}
