//! What the address of a report says: read into a filter, kept as it was typed, and put into words.

use sqlx::PgConnection;

use crate::{
    calendar::{JalaliDate, Time},
    ledger::EntryType,
    locale::Tr,
    payments::{Status, handlers::entry_label},
    persian::{latin_digits, normalize},
    reports::{
        BEGINNING, END, Filter, Range, View,
        queries::{self, AgentName, Cursor, MethodName},
    },
    role::Role,
    web::{Fields, address},
};

/// The roles that a report can be narrowed to.
pub const ROLES: [Role; 3] = [Role::Agent, Role::EndUser, Role::Admin];

/// What the address says, as typed. A repeated name chooses several.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct ReportQuery {
    view: String,
    range: String,
    /// Lists too, because an empty field is not the same as none.
    from: Vec<String>,
    to: Vec<String>,
    role: String,
    agent: Vec<String>,
    people: String,
    #[serde(rename = "type")]
    types: Vec<String>,
    status: Vec<String>,
    method: Vec<String>,
    after: String,
}

/// The address, read.
pub struct Asked {
    pub filter: Filter,
    pub form: Fields,
    pub from: Option<JalaliDate>,
    pub to: Option<JalaliDate>,
    /// Those who were named, by choice or by user name.
    people: Vec<AgentName>,
    pub after: Option<Cursor>,
    query: ReportQuery,
}

impl ReportQuery {
    /// From the text behind the question mark, as a form carries it along.
    pub fn parse(text: &str) -> Option<Self> {
        let address = format!("/?{text}").parse().ok()?;
        axum_extra::extract::Query::<Self>::try_from_uri(&address).ok().map(|query| query.0)
    }

    /// Reads it; what is wrong stands beside its field.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(self, conn: &mut PgConnection, t: &Tr, now: Time) -> sqlx::Result<Asked> {
        let mut form = Fields::default();
        let (from, to) = self.days(&mut form, t, now);
        let people = self.people(conn, &mut form, t).await?;
        let known = |codes: &[String], all: &[&str]| -> Vec<String> {
            codes.iter().filter(|code| all.contains(&code.as_str())).cloned().collect()
        };
        let view = View::ALL.into_iter().find(|view| view.code() == self.view).unwrap_or_default();
        let types = match view {
            View::Transactions => known(&self.types, &EntryType::ALL.map(EntryType::code)),
            View::Payments => Vec::new(),
        };
        let filter = Filter {
            view,
            since: from.map_or(BEGINNING, JalaliDate::start),
            until: to.map_or(END, JalaliDate::end),
            people: people.iter().map(|person| person.id).collect(),
            role: ROLES.into_iter().find(|role| role.code() == self.role),
            types,
            statuses: known(&self.status, &Status::ALL.map(Status::code)),
            methods: self.method.iter().filter_map(|id| id.parse().ok()).collect(),
        };
        let after = self.after.split_once('_').and_then(|(at, id)| {
            let at = Time::from_unix_timestamp_nanos(at.parse::<i128>().ok()?.checked_mul(1000)?).ok()?;
            Some((at, id.parse().ok()?))
        });
        Ok(Asked { filter, form, from, to, people, after, query: self })
    }

    fn days(&self, form: &mut Fields, t: &Tr, now: Time) -> (Option<JalaliDate>, Option<JalaliDate>) {
        let (from, to) = (typed(&self.from), typed(&self.to));
        if from.is_empty() && to.is_empty() {
            // A form that was sent with both empty wants everything; who comes without a word gets this month.
            let unasked = if self.from.is_empty() { Range::ThisMonth } else { Range::All };
            let range = Range::EVERY.into_iter().find(|range| range.code() == self.range);
            let (from, to) = range.unwrap_or(unasked).days(now);
            for (name, date) in [("from", from), ("to", to)] {
                form.set(name, date.map(|date| t.digits(date)).unwrap_or_default());
            }
            return (from, to);
        }
        form.set("from", from);
        form.set("to", to);
        let (from, to) = (read_date(form, "from", t), read_date(form, "to", t));
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            form.fail("to", t.payments_dates_reversed());
        }
        (from, to)
    }

    async fn people(
        &self,
        conn: &mut PgConnection,
        form: &mut Fields,
        t: &Tr,
    ) -> sqlx::Result<Vec<AgentName>> {
        form.set("people", self.people.trim());
        let typed = latin_digits(&normalize(&self.people)).to_lowercase();
        let mut names: Vec<String> = typed
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | '\u{60C}' | ';'))
            .filter(|name| !name.is_empty())
            .chain(self.agent.iter().map(String::as_str))
            .map(str::to_owned)
            .collect();
        names.truncate(200);
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let found = queries::find_people(conn, &names).await?;
        let unknown: Vec<&str> = names
            .iter()
            .filter(|name| !found.iter().any(|person| person.username == **name))
            .map(String::as_str)
            .collect();
        if !unknown.is_empty() {
            form.fail("people", t.reports_people_unknown(unknown.join(" ")));
        }
        Ok(found)
    }
}

/// What stands in a field that may come more than once.
pub fn typed(values: &[String]) -> String {
    values.first().map(|text| text.trim().to_owned()).unwrap_or_default()
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

impl Asked {
    pub fn view(&self) -> View {
        self.filter.view
    }

    pub fn chose_agent(&self, username: &str) -> bool {
        self.query.agent.iter().any(|name| name == username)
    }

    pub fn chose_agents(&self) -> bool {
        !self.query.agent.is_empty()
    }

    pub fn chose_type(&self, code: &str) -> bool {
        self.filter.types.iter().any(|chosen| chosen == code)
    }

    pub fn chose_status(&self, code: &str) -> bool {
        self.filter.statuses.iter().any(|chosen| chosen == code)
    }

    pub fn chose_method(&self, id: i64) -> bool {
        self.filter.methods.contains(&id)
    }

    pub fn chose_role(&self, role: &Role) -> bool {
        self.filter.role.as_ref() == Some(role)
    }

    /// Whether anything but the days is narrowed.
    pub fn is_narrowed(&self) -> bool {
        let query = &self.query;
        !(query.role.is_empty() && query.people.trim().is_empty())
            || [&query.agent, &query.types, &query.status, &query.method].iter().any(|list| !list.is_empty())
    }

    /// The range that is shown, if it is one of those offered.
    pub fn range(&self, now: Time) -> Option<Range> {
        let days = (self.from, self.to);
        self.form.is_ok().then(|| Range::EVERY.into_iter().find(|range| range.days(now) == days)).flatten()
    }

    /// The same report of another view.
    pub fn of_view(&self, path: &str, view: View) -> String {
        self.at(path, view, &self.day_pairs(), "")
    }

    /// The same report of another period.
    pub fn of_range(&self, path: &str, range: Range) -> String {
        self.at(path, self.filter.view, &[("range", range.code().to_owned())], "")
    }

    /// The rows behind this one.
    pub fn behind(&self, path: &str, (at, id): Cursor) -> String {
        let after = format!("{}_{id}", at.unix_timestamp_nanos() / 1000);
        self.at(path, self.filter.view, &self.day_pairs(), &after)
    }

    /// The same report elsewhere.
    pub fn on(&self, path: &str) -> String {
        self.at(path, self.filter.view, &self.day_pairs(), "")
    }

    fn day_pairs(&self) -> [(&'static str, String); 2] {
        // A date stands in the address as it is stored; one that was not understood, as it was typed.
        let day = |date: Option<JalaliDate>, name| {
            date.map_or(self.form.get(name).to_owned(), |date| date.to_string())
        };
        let pairs = [("from", day(self.from, "from")), ("to", day(self.to, "to"))];
        if pairs.iter().all(|(_, value)| value.is_empty()) {
            return [("range", Range::All.code().to_owned()), ("to", String::new())];
        }
        pairs
    }

    fn at(&self, path: &str, view: View, days: &[(&'static str, String)], after: &str) -> String {
        let query = &self.query;
        let mut pairs = vec![("view", if view == View::default() { "" } else { view.code() })];
        pairs.extend(days.iter().map(|(name, value)| (*name, value.as_str())));
        pairs.extend([("role", query.role.as_str()), ("people", query.people.trim())]);
        let lists = [
            ("agent", &query.agent),
            ("type", &query.types),
            ("status", &query.status),
            ("method", &query.method),
        ];
        pairs.extend(lists.iter().flat_map(|(name, list)| list.iter().map(|value| (*name, value.as_str()))));
        pairs.push(("after", after));
        address(path, &pairs)
    }

    /// The days in words.
    pub fn days_in_words(&self, t: &Tr) -> String {
        days_in_words(t, self.from, self.to)
    }

    /// The filter in words, part by part.
    pub fn in_words(&self, t: &Tr, methods: &[MethodName]) -> Vec<String> {
        let filter = &self.filter;
        let mut parts = vec![format!("{}: {}", filter.view.label(t), self.days_in_words(t))];
        let mut list = |label: String, values: Vec<String>| {
            if !values.is_empty() {
                parts.push(format!("{label}: {}", values.join(t.reports_comma().as_str())));
            }
        };
        list(t.reports_role(), filter.role.map(|role| role_label(t, role)).into_iter().collect());
        list(t.reports_people(), self.people.iter().map(|person| person.name.clone()).collect());
        let types = EntryType::ALL.into_iter().filter(|kind| self.chose_type(kind.code()));
        list(t.reports_column_type(), types.map(|kind| entry_label(t, kind)).collect());
        let statuses = Status::ALL.into_iter().filter(|status| self.chose_status(status.code()));
        list(t.reports_column_status(), statuses.map(|status| status.label(t)).collect());
        let methods = methods.iter().filter(|method| self.chose_method(method.id));
        list(t.reports_column_method(), methods.map(|method| method.alias.clone()).collect());
        parts
    }
}

/// A period in words.
pub fn days_in_words(t: &Tr, from: Option<JalaliDate>, to: Option<JalaliDate>) -> String {
    let day = |date: JalaliDate| t.digits(date);
    match (from, to) {
        (Some(from), Some(to)) if from == to => day(from),
        (Some(from), Some(to)) => t.reports_days(day(from), day(to)),
        (Some(from), None) => t.reports_days_from(day(from)),
        (None, Some(to)) => t.reports_days_to(day(to)),
        (None, None) => t.reports_range_all(),
    }
}

pub fn role_label(t: &Tr, role: Role) -> String {
    match role {
        Role::Agent => t.reports_role_agents(),
        Role::EndUser => t.reports_role_customers(),
        Role::Admin => t.reports_role_admins(),
    }
}

pub fn range_label(t: &Tr, range: Range) -> String {
    match range {
        Range::Today => t.reports_range_today(),
        Range::Yesterday => t.reports_range_yesterday(),
        Range::ThisWeek => t.reports_range_week(),
        Range::ThisMonth => t.reports_range_month(),
        Range::LastMonth => t.reports_range_last_month(),
        Range::ThisYear => t.reports_range_year(),
        Range::All => t.reports_range_all(),
    }
}
