//! A report in words: the labels of its codes, its columns, and its workbook.

use std::{collections::BTreeMap, path::Path};

use super::{
    Row, Sum, View,
    workbook::{Book, BookError, Cell, Column, Kind, Layout, ROWS_OF_A_SHEET, Summary},
};
use crate::{
    calendar::{JalaliDate, Time},
    ledger::{Entry, EntryType},
    locale::{Language, Tr},
    money::Toman,
    payments::{Status, handlers::entry_label},
};

/// The words of the codes that a report holds. A million rows are not worth a million look-ups.
#[derive(Clone, Debug)]
pub struct Labels {
    kinds: BTreeMap<&'static str, String>,
    statuses: BTreeMap<&'static str, String>,
}

impl Labels {
    pub fn new(t: &Tr) -> Self {
        let mut kinds: BTreeMap<_, _> =
            EntryType::ALL.into_iter().map(|kind| (kind.code(), entry_label(t, kind))).collect();
        kinds.insert("CARD", t.payment_methods_card());
        kinds.insert("SHEBA", t.payment_methods_sheba());
        kinds.insert("CRYPTO", t.payment_methods_crypto());
        let statuses = Status::ALL.into_iter().map(|status| (status.code(), status.label(t))).collect();
        Self { kinds, statuses }
    }

    /// The word for a ledger type or a kind of payment method.
    pub fn kind<'a>(&'a self, code: &'a str) -> &'a str {
        self.kinds.get(code).map_or(code, String::as_str)
    }

    pub fn status(&self, status: Option<Status>) -> &str {
        status.and_then(|status| self.statuses.get(status.code())).map_or("", String::as_str)
    }

    /// The word for what sums are made by.
    pub fn sum<'a>(&'a self, view: View, code: &'a str) -> &'a str {
        match view {
            View::Transactions => self.kind(code),
            View::Payments => self.statuses.get(code).map_or(code, String::as_str),
        }
    }
}

impl View {
    /// Its name on a page.
    pub fn label(self, t: &Tr) -> String {
        match self {
            Self::Transactions => t.reports_transactions(),
            Self::Payments => t.reports_payments(),
        }
    }
}

/// The workbook of a report, taking rows.
pub struct ReportBook {
    book: Book,
    t: Tr,
    view: View,
    labels: Labels,
    sums: BTreeMap<String, Sum>,
    /// The day of the row before: most rows share it.
    day: Option<(JalaliDate, String)>,
    rows: i64,
}

impl ReportBook {
    /// Begins a workbook that keeps its temporary files in `folder`.
    pub fn begin(view: View, language: Language, folder: &Path) -> Result<Self, BookError> {
        let t = Tr::new(language);
        let layout = Layout {
            right_to_left: language == Language::Fa,
            name: view.label(&t),
            total: t.reports_sum(),
            columns: columns(&t),
            rows_of_a_sheet: ROWS_OF_A_SHEET,
        };
        Ok(Self {
            book: Book::begin(layout, folder)?,
            view,
            labels: Labels::new(&t),
            sums: BTreeMap::new(),
            day: None,
            rows: 0,
            t,
        })
    }

    /// Adds a row.
    pub fn add(&mut self, row: &Row) -> Result<(), BookError> {
        let date = JalaliDate::from_time(row.at);
        if self.day.as_ref().is_none_or(|(day, _)| *day != date) {
            self.day = Some((date, self.t.digits(date)));
        }
        let jalali = self.day.as_ref().map_or("", |(_, text)| text.as_str());
        let notes = [row.reference.as_deref().unwrap_or_default(), &row.notes];
        let notes: Vec<&str> = notes.into_iter().filter(|text| !text.is_empty()).collect();
        self.book.add(&[
            Cell::Time(row.at),
            Cell::Text(jalali),
            Cell::Time(row.at),
            Cell::Text(&row.name),
            Cell::Text(self.labels.kind(&row.kind)),
            Cell::Whole(row.amount.0),
            Cell::Text(self.labels.status(row.status)),
            Cell::Text(row.method.as_deref().unwrap_or_default()),
            Cell::Text(&notes.join(" · ")),
            Cell::Whole(row.confirmed.0),
            Cell::Whole(row.pending.0),
            Cell::Text(&row.username),
            Cell::Whole(row.id),
        ])?;
        self.count(row);
        Ok(())
    }

    fn count(&mut self, row: &Row) {
        self.rows += 1;
        let key = match self.view {
            View::Transactions => row.kind.as_str(),
            View::Payments => row.status.map_or("", Status::code),
        };
        if !self.sums.contains_key(key) {
            self.sums.insert(key.to_owned(), Sum { kind: key.to_owned(), ..Sum::default() });
        }
        if let Some(sum) = self.sums.get_mut(key) {
            *sum = Sum::total(&[
                std::mem::take(sum),
                Sum {
                    kind: String::new(),
                    rows: 1,
                    amount: row.amount,
                    confirmed: row.confirmed,
                    pending: row.pending,
                },
            ]);
            key.clone_into(&mut sum.kind);
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> i64 {
        self.rows
    }

    /// Packs the workbook into `file`; `description` says what it is about.
    pub fn write(self, description: &str, file: &std::fs::File) -> Result<(), BookError> {
        let Self { book, t, view, labels, sums, .. } = self;
        let sums: Vec<Sum> = sums.into_values().collect();
        book.write(&summary(&t, view, &labels, &sums, description, &Words::new(&t)), file)
    }

    /// The same into memory.
    pub fn into_bytes(self, description: &str) -> Result<Vec<u8>, BookError> {
        let Self { book, t, view, labels, sums, .. } = self;
        let sums: Vec<Sum> = sums.into_values().collect();
        book.into_bytes(&summary(&t, view, &labels, &sums, description, &Words::new(&t)))
    }
}

fn columns(t: &Tr) -> Vec<Column> {
    let column = |label: String, kind: Kind| Column { label, kind };
    vec![
        column(t.reports_column_date(), Kind::Date),
        column(t.reports_column_jalali(), Kind::Text),
        column(t.reports_column_time(), Kind::Clock),
        column(t.reports_column_person(), Kind::Text),
        column(t.reports_column_type(), Kind::Text),
        column(t.reports_column_amount_toman(), Kind::Summed),
        column(t.reports_column_status(), Kind::Text),
        column(t.reports_column_method(), Kind::Text),
        column(t.reports_column_notes(), Kind::Text),
        column(t.reports_column_confirmed(), Kind::Summed),
        column(t.reports_column_pending(), Kind::Summed),
        column(t.reports_column_username(), Kind::Text),
        column(t.reports_column_number(), Kind::Whole),
    ]
}

/// The heads of the table of sums.
struct Words {
    total: String,
    heads: [String; 5],
}

impl Words {
    fn new(t: &Tr) -> Self {
        let heads = [
            t.reports_column_type(),
            t.reports_column_rows(),
            t.reports_column_amount_toman(),
            t.reports_column_confirmed(),
            t.reports_column_pending(),
        ];
        Self { total: t.reports_sum(), heads }
    }
}

fn summary<'a>(
    t: &Tr,
    view: View,
    labels: &'a Labels,
    sums: &'a [Sum],
    description: &'a str,
    words: &'a Words,
) -> Summary<'a> {
    let line = |label: &'a str, sum: &Sum| {
        let numbers = [sum.rows, sum.amount.0, sum.confirmed.0, sum.pending.0];
        std::iter::once(Cell::Text(label)).chain(numbers.map(Cell::Whole)).collect::<Vec<_>>()
    };
    let mut lines = vec![
        vec![Cell::Text(description)],
        Vec::new(),
        words.heads.iter().map(|head| Cell::Text(head)).collect(),
    ];
    lines.extend(sums.iter().map(|sum| line(labels.sum(view, &sum.kind), sum)));
    lines.push(line(&words.total, &Sum::total(sums)));
    Summary { name: t.reports_sums(), lines, head: 2 }
}

/// The workbook of a wallet's statement, taking rows.
pub struct StatementBook {
    book: Book,
    t: Tr,
    opening: Toman,
}

impl StatementBook {
    /// Begins a workbook that keeps its temporary files in `folder`.
    pub fn begin(t: Tr, folder: &Path, opening: Toman) -> Result<Self, BookError> {
        let column = |label: String, kind: Kind| Column { label, kind };
        let layout = Layout {
            right_to_left: t.language == Language::Fa,
            name: t.payments_statement(),
            total: t.reports_sum(),
            columns: vec![
                column(t.reports_column_date(), Kind::Date),
                column(t.reports_column_jalali(), Kind::Text),
                column(t.reports_column_time(), Kind::Clock),
                column(t.payments_column_what(), Kind::Text),
                column(t.reports_column_account(), Kind::Text),
                column(t.reports_column_amount_toman(), Kind::Summed),
                column(t.reports_column_balance_toman(), Kind::Whole),
                column(t.reports_column_notes(), Kind::Text),
            ],
            rows_of_a_sheet: ROWS_OF_A_SHEET,
        };
        Ok(Self { book: Book::begin(layout, folder)?, t, opening })
    }

    /// Adds a row with its meaning.
    pub fn add(&mut self, entry: &Entry, words: &str) -> Result<(), BookError> {
        self.book.add(&[
            Cell::Time(entry.created_at),
            Cell::Text(&self.t.digits(JalaliDate::from_time(entry.created_at))),
            Cell::Time(entry.created_at),
            Cell::Text(words),
            Cell::Text(entry.account.as_deref().unwrap_or_default()),
            Cell::Whole(entry.amount().0),
            Cell::Whole(entry.balance_after.0),
            Cell::Text(&entry.notes),
        ])
    }

    /// The file, with the shop, the person and the days, and what the wallet held before and after.
    pub fn into_bytes(self, heading: &[String], closing: Toman) -> Result<Vec<u8>, BookError> {
        let (before, after) = (self.t.reports_opening(), self.t.reports_closing());
        let mut lines: Vec<_> = heading.iter().map(|line| vec![Cell::Text(line.as_str())]).collect();
        let head = u32::try_from(lines.len()).unwrap_or_default();
        lines.push(vec![Cell::Empty]);
        lines.push(vec![Cell::Text(&before), Cell::Whole(self.opening.0)]);
        lines.push(vec![Cell::Text(&after), Cell::Whole(closing.0)]);
        self.book.into_bytes(&Summary { name: self.t.reports_sums(), lines, head })
    }
}

/// What the file of a report is called: what it holds, and its days.
pub fn file_name(what: &str, from: Option<JalaliDate>, to: Option<JalaliDate>, now: Time) -> String {
    let day = |date: JalaliDate| date.to_string().replace('/', "-");
    let days = match (from, to) {
        (Some(from), Some(to)) if from == to => day(from),
        (Some(from), to) => format!("{}_{}", day(from), day(to.unwrap_or(JalaliDate::from_time(now)))),
        (None, to) => format!("until_{}", day(to.unwrap_or(JalaliDate::from_time(now)))),
    };
    format!("{what}_{days}.xlsx")
}
