//! All payments by what the admin looks for.

use askama::Template;
use axum::{http::StatusCode, response::IntoResponse};
use axum_extra::extract::Query;

use super::{Ask, address, claim::amount_error, statement::read_date};
use crate::{
    calendar::JalaliDate,
    locale::Tr,
    money::Toman,
    payments::{
        Status,
        queries::{self, HistoryFilter, HistoryRow, MethodName},
    },
    persian::clean_number,
    web::{Admin, Fields, Page, PageResult, html},
};

/// Payments on one page.
const ROWS: i64 = 30;

/// What the address says, as typed.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct HistoryQuery {
    status: String,
    username: String,
    method: String,
    from: String,
    to: String,
    at_least: String,
    at_most: String,
    tracking: String,
    before: String,
}

impl HistoryQuery {
    fn pairs(&self) -> [(&'static str, &str); 8] {
        [
            ("status", &self.status),
            ("username", &self.username),
            ("method", &self.method),
            ("from", &self.from),
            ("to", &self.to),
            ("at_least", &self.at_least),
            ("at_most", &self.at_most),
            ("tracking", &self.tracking),
        ]
    }

    fn read(&self, t: &Tr) -> (HistoryFilter, Fields) {
        let mut form = Fields::default();
        for (name, value) in self.pairs() {
            form.set(name, value.trim());
        }
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let filter = HistoryFilter {
            status: Status::ALL.into_iter().find(|status| status.code() == self.status),
            username: some(self.username.trim().to_lowercase()),
            method: self.method.parse().ok(),
            since: read_date(&mut form, "from", t).map(JalaliDate::start),
            until: read_date(&mut form, "to", t).map(JalaliDate::end),
            at_least: read_amount(&mut form, "at_least", t),
            at_most: read_amount(&mut form, "at_most", t),
            tracking_number: some(clean_number(&self.tracking)),
            before: self.before.parse().ok(),
        };
        if let (Some(since), Some(until)) = (filter.since, filter.until)
            && since >= until
        {
            form.fail("to", t.payments_dates_reversed());
        }
        if let (Some(least), Some(most)) = (filter.at_least, filter.at_most)
            && least > most
        {
            form.fail("at_most", t.payments_amounts_reversed());
        }
        (filter, form)
    }

    fn next(&self, before: i64) -> String {
        let before = before.to_string();
        let pairs: Vec<_> = self.pairs().into_iter().chain([("before", before.as_str())]).collect();
        address("/admin/payments/history", &pairs)
    }
}

fn read_amount(form: &mut Fields, name: &'static str, t: &Tr) -> Option<Toman> {
    let typed = form.get(name);
    if typed.is_empty() {
        return None;
    }
    match Toman::parse(typed) {
        Ok(amount) => Some(amount),
        Err(error) => {
            form.fail(name, amount_error(t, error));
            None
        }
    }
}

#[derive(Template)]
#[template(path = "payments/history.html")]
struct HistoryPage {
    page: Page,
    form: Fields,
    filtered: bool,
    statuses: Vec<(&'static str, String)>,
    methods: Vec<MethodName>,
    payments: Vec<HistoryRow>,
    next: String,
}

pub async fn index(ask: Ask<Admin>, Query(query): Query<HistoryQuery>) -> PageResult {
    let page = ask.page;
    let t = page.t;
    let (filter, form) = query.read(&t);
    let mut conn = ask.app.db.acquire().await?;
    let mut payments = Vec::new();
    if form.is_ok() {
        payments = queries::history(&mut conn, &filter, ROWS + 1).await?;
    }
    let more = payments.len() as i64 > ROWS;
    payments.truncate(ROWS as usize);
    let next = payments.last().filter(|_| more).map(|last| query.next(last.id.0)).unwrap_or_default();
    let status = if form.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let view = HistoryPage {
        form,
        filtered: query.pairs().iter().any(|(_, value)| !value.is_empty()),
        statuses: Status::ALL.into_iter().map(|status| (status.code(), status.label(&t))).collect(),
        methods: queries::method_names(&mut conn).await?,
        payments,
        next,
        page: page.titled(t.payments_history()),
    };
    Ok((status, html(&view)?).into_response())
}
