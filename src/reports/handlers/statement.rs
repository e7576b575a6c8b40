//! A wallet's statement on paper and as Excel: for its owner, and for the admin.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use axum_extra::extract::Query;
use tokio::task::spawn_blocking;

use super::{
    attachment,
    lines::sign,
    query::{days_in_words, read_date, typed},
};
use crate::{
    calendar::JalaliDate,
    ids::UserId,
    ledger::{self, Period},
    locale::Tr,
    money::Toman,
    payments::handlers::{Payer, StatementRow},
    reports::{
        BEGINNING, END, ON_PAPER, Range,
        files::Files,
        queries,
        sheet::{StatementBook, file_name},
    },
    web::{
        Admin, AppError, AppState, Ask, Fields, Id, Page, PageResult, address, html, page::flash, see_other,
    },
};

/// Rows that an Excel file of a statement holds: it is written while the browser waits.
const IN_EXCEL: i64 = 20_000;

/// What the address says, as typed.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct StatementQuery {
    /// Lists, because an empty field is not the same as none.
    from: Vec<String>,
    to: Vec<String>,
}

/// Whose statement it is, and where it stands.
struct Whose {
    id: UserId,
    name: String,
    username: String,
    path: String,
    /// The page that leads here.
    home: String,
}

/// The days that are asked for.
struct Days {
    form: Fields,
    from: Option<JalaliDate>,
    to: Option<JalaliDate>,
}

impl StatementQuery {
    /// Reads the days; who comes without a word gets this month.
    fn read(&self, page: &Page) -> Days {
        let (t, mut form) = (page.t, Fields::default());
        if self.from.is_empty() && self.to.is_empty() {
            let (from, to) = Range::ThisMonth.days(page.now);
            for (name, date) in [("from", from), ("to", to)] {
                form.set(name, date.map(|date| t.digits(date)).unwrap_or_default());
            }
            return Days { form, from, to };
        }
        form.set("from", typed(&self.from));
        form.set("to", typed(&self.to));
        let (from, to) = (read_date(&mut form, "from", &t), read_date(&mut form, "to", &t));
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            form.fail("to", t.payments_dates_reversed());
        }
        Days { form, from, to }
    }
}

impl Days {
    async fn period(&self, app: &AppState, whose: &Whose, limit: i64) -> Result<Period, AppError> {
        let since = self.from.map_or(BEGINNING, JalaliDate::start);
        let until = self.to.map_or(END, JalaliDate::end);
        let mut snapshot = queries::snapshot(&app.db).await?;
        let period = ledger::period(&mut snapshot, whose.id, since, until, limit).await?;
        snapshot.commit().await?;
        Ok(period)
    }

    /// The same days at another address; no days at all are empty fields there.
    fn on(&self, path: &str) -> String {
        let day = |date: Option<JalaliDate>| date.map(|date| date.to_string()).unwrap_or_default();
        let (from, to) = (day(self.from), day(self.to));
        if from.is_empty() {
            format!("{path}?from=&to={to}")
        } else {
            address(path, &[("from", &from), ("to", &to)])
        }
    }
}

/// One row on paper.
struct PaperRow {
    row: StatementRow,
    date: String,
    time: String,
}

#[derive(Template)]
#[template(path = "reports/statement.html")]
struct StatementPage {
    page: Page,
    form: Fields,
    name: String,
    username: String,
    path: String,
    back: String,
    excel: String,
    days: String,
    opening: Toman,
    closing: Toman,
    change: Toman,
    rows: Vec<PaperRow>,
    /// How many rows there are, when not all of them are here.
    cut_from: Option<i64>,
}

impl StatementPage {
    fn change_sign(&self) -> &'static str {
        sign(self.change)
    }
}

async fn show(app: &AppState, page: Page, whose: Whose, query: &StatementQuery) -> PageResult {
    let t = page.t;
    let days = query.read(&page);
    let is_ok = days.form.is_ok();
    let period = if is_ok {
        days.period(app, &whose, ON_PAPER).await?
    } else {
        Period { opening: Toman::ZERO, closing: Toman::ZERO, rows: 0, entries: Vec::new() }
    };
    let rows = period.entries.iter().map(|entry| PaperRow {
        row: StatementRow::new(&t, entry, whose.id),
        date: t.date(entry.created_at),
        time: t.clock_time(entry.created_at),
    });
    let view = StatementPage {
        rows: rows.collect(),
        excel: days.on(&format!("{}/excel", whose.path)),
        days: days_in_words(&t, days.from, days.to),
        form: days.form,
        opening: period.opening,
        closing: period.closing,
        change: period.closing - period.opening,
        cut_from: (period.rows > ON_PAPER).then_some(period.rows),
        page: page.titled(t.payments_statement()),
        name: whose.name,
        username: whose.username,
        path: whose.path,
        back: whose.home,
    };
    let status = if is_ok { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, html(&view)?).into_response())
}

async fn excel<P>(ask: &Ask<P>, whose: Whose, query: &StatementQuery) -> PageResult {
    let page = &ask.page;
    let (t, days) = (page.t, query.read(page));
    if !days.form.is_ok() {
        return Ok(see_other(ask.hx, &whose.path));
    }
    let period = days.period(&ask.app, &whose, IN_EXCEL).await?;
    if period.rows > IN_EXCEL {
        flash(&ask.session, "warn", t.reports_statement_too_long(t.number(IN_EXCEL))).await?;
        return Ok(see_other(ask.hx, &days.on(&whose.path)));
    }
    let heading = [page.shop.clone(), whose.name, days_in_words(&t, days.from, days.to)];
    let name = file_name(&format!("statement-{}", whose.username), days.from, days.to, page.now);
    let bytes = write(t, &ask.app, period, heading, whose.id).await?;
    attachment(&name, bytes)
}

async fn write(
    t: Tr,
    app: &AppState,
    period: Period,
    heading: [String; 3],
    owner: UserId,
) -> Result<Vec<u8>, AppError> {
    let files = Files::beside(&app.receipts);
    let written = spawn_blocking(move || -> anyhow::Result<Vec<u8>> {
        let mut book = StatementBook::begin(t, files.folder()?, period.opening)?;
        for entry in &period.entries {
            let row = StatementRow::new(&t, entry, owner);
            book.add(entry, &row.words)?;
        }
        Ok(book.into_bytes(&heading, period.closing)?)
    });
    written.await.map_err(AppError::internal)?.map_err(AppError::internal)
}

fn mine<P: Payer>(who: &P) -> Whose {
    Whose {
        id: who.id,
        name: who.display_name.clone(),
        username: who.username.clone(),
        path: P::AREA.statement.to_owned(),
        home: format!("{}#statement", P::AREA.wallet),
    }
}

pub async fn own<P: Payer>(ask: Ask<P>, Query(query): Query<StatementQuery>) -> PageResult {
    let whose = mine(&ask.who);
    show(&ask.app, ask.page, whose, &query).await
}

pub async fn own_excel<P: Payer>(ask: Ask<P>, Query(query): Query<StatementQuery>) -> PageResult {
    excel(&ask, mine(&ask.who), &query).await
}

async fn theirs(app: &AppState, id: i64) -> Result<Whose, AppError> {
    let person = queries::person(&mut *app.db.acquire().await?, UserId(id)).await?;
    let person = person.ok_or(AppError::NotFound)?;
    Ok(Whose {
        path: format!("/admin/people/{id}/statement"),
        home: person.home(),
        id: person.id,
        name: person.name,
        username: person.username,
    })
}

pub async fn of_person(ask: Ask<Admin>, Id(id): Id, Query(query): Query<StatementQuery>) -> PageResult {
    let whose = theirs(&ask.app, id).await?;
    show(&ask.app, ask.page, whose, &query).await
}

pub async fn excel_of_person(
    ask: Ask<Admin>,
    Id(id): Id,
    Query(query): Query<StatementQuery>,
) -> Result<Response, AppError> {
    let whose = theirs(&ask.app, id).await?;
    excel(&ask, whose, &query).await
}
