//! The list of agents.

use askama::Template;
use axum_extra::extract::Query;
use time::Duration;

use crate::{
    agents::queries::{self, Listing, Row, Show, Sort},
    calendar::Time,
    ledger::Balance,
    locale::Tr,
    money::Toman,
    web::{Admin, Ask, Page, PageResult, address, html},
};

/// Agents on one page.
const ROWS: i64 = 30;
/// Sales count this far back.
const SALES: Duration = Duration::days(30);

/// What the address says, as typed.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct ListQuery {
    q: String,
    show: String,
    sort: String,
    after: String,
}

impl ListQuery {
    fn show(&self) -> Show {
        Show::ALL.into_iter().find(|show| show.code() == self.show).unwrap_or_default()
    }

    fn sort(&self) -> Sort {
        Sort::ALL.into_iter().find(|sort| sort.code() == self.sort).unwrap_or_default()
    }

    /// The key and the id of the last row of the page before.
    fn after(&self) -> Option<(i64, i64)> {
        let (key, id) = self.after.split_once('_')?;
        Some((key.parse().ok()?, id.parse().ok()?))
    }

    fn address(&self, show: Show, after: &str) -> String {
        let pairs =
            [("q", self.q.trim()), ("show", show.code()), ("sort", self.sort().code()), ("after", after)];
        address("/admin/agents", &pairs)
    }
}

impl Row {
    /// When the 24-hour rule strikes, while something is owed.
    fn deadline(&self) -> Option<Time> {
        let balance =
            Balance { confirmed: self.total, pending: Toman::ZERO, negative_since: self.negative_since };
        balance.deadline(self.deadline_deferred_until)
    }

    fn sign(&self) -> &'static str {
        if self.total.is_negative() { "minus" } else { "" }
    }
}

struct Tab {
    href: String,
    label: String,
    is_current: bool,
}

struct Choice {
    code: &'static str,
    label: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "agents/index.html")]
struct IndexPage {
    page: Page,
    query: ListQuery,
    tabs: Vec<Tab>,
    sorts: Vec<Choice>,
    agents: Vec<Row>,
    next: String,
    first: String,
    narrowed: bool,
}

#[derive(Template)]
#[template(path = "agents/_list.html")]
struct ListPart {
    page: Page,
    agents: Vec<Row>,
    next: String,
    first: String,
    narrowed: bool,
}

pub async fn index(ask: Ask<Admin>, Query(query): Query<ListQuery>) -> PageResult {
    let page = ask.page;
    let t = page.t;
    let listing = Listing {
        search: &query.q,
        show: query.show(),
        sort: query.sort(),
        after: query.after(),
        sales_since: page.now - SALES,
    };
    let mut agents = queries::list(&mut *ask.app.db.acquire().await?, &listing, ROWS + 1).await?;
    let more = agents.len() as i64 > ROWS;
    agents.truncate(ROWS as usize);
    let next = agents
        .last()
        .filter(|_| more)
        .map(|last| query.address(query.show(), &format!("{}_{}", last.key, last.id)))
        .unwrap_or_default();
    let first = query.after().map(|_| query.address(query.show(), "")).unwrap_or_default();
    let narrowed = !query.q.trim().is_empty() || query.show() != Show::All;
    if ask.hx.0 {
        return html(&ListPart { page, agents, next, first, narrowed });
    }
    let tabs = Show::ALL.into_iter().map(|show| Tab {
        href: query.address(show, ""),
        label: show_label(&t, show),
        is_current: show == query.show(),
    });
    let sorts = Sort::ALL.into_iter().map(|sort| Choice {
        code: sort.code(),
        label: sort_label(&t, sort),
        is_chosen: sort == query.sort(),
    });
    html(&IndexPage {
        tabs: tabs.collect(),
        sorts: sorts.collect(),
        page: page.titled(t.agents_title()),
        query,
        agents,
        next,
        first,
        narrowed,
    })
}

fn show_label(t: &Tr, show: Show) -> String {
    match show {
        Show::All => t.agents_show_all(),
        Show::Active => t.agents_show_active(),
        Show::Disabled => t.agents_show_disabled(),
        Show::Owing => t.agents_show_owing(),
    }
}

fn sort_label(t: &Tr, sort: Sort) -> String {
    match sort {
        Sort::Newest => t.agents_sort_newest(),
        Sort::Credit => t.agents_sort_credit(),
        Sort::Sales => t.agents_sort_sales(),
        Sort::Debt => t.agents_sort_debt(),
    }
}
