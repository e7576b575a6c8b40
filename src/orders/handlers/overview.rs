//! An agent's overview: credit, accounts by state, what ends soon, this month's sales, the last payments.

use askama::Template;
use axum::extract::State;

use super::{AGENT, address};
use crate::{
    calendar::JalaliDate,
    locale::Tr,
    money::Toman,
    orders::{
        queries::{self, Counts, LastPayment, Listing, PaymentStatus, Sort, StateFilter},
        views::Row,
    },
    web::{self, Agent, AppState, Page, PageResult, html},
};

/// How many accounts the overview shows of a kind.
const FEW: i64 = 5;
/// How many payments it shows.
const LAST_PAYMENTS: i64 = 3;

#[derive(Template)]
#[template(path = "orders/overview.html")]
struct OverviewPage {
    page: Page,
    name: String,
    credit: String,
    credit_note: String,
    is_negative: bool,
    counts: Vec<Count>,
    ending: Vec<Row>,
    /// Where all that end soon are renewed at once; empty unless there are several.
    renew_all: String,
    last: Vec<Row>,
    sales: String,
    sales_note: String,
    payments: Vec<Payment>,
}

struct Payment {
    amount: String,
    time: String,
    kind: &'static str,
    status: String,
}

/// A figure that leads to what it counts.
struct Count {
    href: String,
    label: String,
    value: String,
    kind: &'static str,
}

pub(super) async fn show(State(app): State<AppState>, viewer: Agent, page: Page) -> PageResult {
    let t = page.t;
    let now = page.now;
    let counts = queries::counts(&app.db, viewer.id, now).await?;
    let ending = Listing { filter: StateFilter::Ending, sort: Sort::Expiry, ..Listing::default() };
    let ending = queries::accounts(&app.db, viewer.id, &ending, FEW, now).await?;
    let last = queries::accounts(&app.db, viewer.id, &Listing::default(), FEW, now).await?;
    let ids: Vec<String> = ending.iter().map(|account| account.id.to_string()).collect();
    let chosen: Vec<_> = ids.iter().map(|id| ("order", id.as_str())).chain([("do", "renew")]).collect();
    let today = JalaliDate::from_time(now);
    let month = JalaliDate::new(today.year(), today.month(), 1).unwrap_or(today);
    let sales = queries::sales(&app.db, viewer.id, month.start()).await?;
    let payments = queries::last_payments(&app.db, viewer.id, LAST_PAYMENTS).await?;
    let rows = |accounts: Vec<queries::Account>| {
        accounts.iter().map(|account| Row::new(&t, account, AGENT.orders, now)).collect()
    };
    let balance = viewer.balance;
    let is_negative = balance.total().is_negative();
    html(&OverviewPage {
        name: viewer.display_name.clone(),
        credit: t.number(balance.total().0),
        credit_note: if is_negative {
            t.orders_credit_owed(t.amount(-balance.total()))
        } else if balance.pending > Toman::ZERO {
            t.orders_credit_parts(
                t.amount(balance.spendable_confirmed()),
                t.amount(balance.spendable_pending()),
            )
        } else {
            t.orders_in_toman()
        },
        is_negative,
        counts: figures(&t, counts),
        renew_all: if ids.len() > 1 {
            web::address("/agent/users/selection", &chosen)
        } else {
            String::new()
        },
        ending: rows(ending),
        last: rows(last),
        sales: t.number(sales.sum.0),
        sales_note: t.orders_sales_note(t.number(sales.count)),
        payments: payments.iter().map(|payment| Payment::new(&t, payment)).collect(),
        page: page.titled(t.orders_overview_title()),
    })
}

impl Payment {
    fn new(t: &Tr, payment: &LastPayment) -> Self {
        let (kind, status) = match payment.status {
            PaymentStatus::Pending => ("warn", t.payments_status_pending()),
            PaymentStatus::Approved => ("ok", t.payments_status_approved()),
            PaymentStatus::Rejected => ("bad", t.payments_status_rejected()),
            PaymentStatus::Withdrawn => ("mute", t.payments_status_withdrawn()),
        };
        Self { amount: t.amount(payment.amount), time: t.datetime(payment.created_at), kind, status }
    }
}

/// The figures of the overview. What waits, ends or has ended shows only where there is some.
fn figures(t: &Tr, counts: Counts) -> Vec<Count> {
    [
        (StateFilter::Active, t.orders_count_active(), counts.active, "ok", true),
        (StateFilter::Ending, t.orders_count_ending(), counts.ending, "warn", true),
        (StateFilter::Ended, t.orders_count_ended(), counts.ended, "", true),
        (StateFilter::Disabled, t.orders_count_disabled(), counts.disabled, "", false),
        (StateFilter::Provisioning, t.orders_count_provisioning(), counts.provisioning, "", false),
    ]
    .into_iter()
    .filter(|(_, _, number, _, always)| *always || *number > 0)
    .map(|(filter, label, number, kind, _)| Count {
        href: address(AGENT, "", filter, Sort::Newest, &[]),
        label,
        value: t.number(number),
        kind: if number > 0 { kind } else { "" },
    })
    .collect()
}
