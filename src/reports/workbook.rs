//! An Excel workbook that takes its rows one by one and holds none of them: they go to a temporary file, which is
//! packed at the end.
//!
//! Text is only ever written as text, so that a note which begins with `=` is a note and no formula.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use rust_xlsxwriter::{Format, FormatAlign, FormatBorder, Formula, Workbook, Worksheet, XlsxError};

use crate::calendar::{TEHRAN, Time};

/// A sheet of Excel has 1,048,576 rows; these leave room for the head and the sums.
pub const ROWS_OF_A_SHEET: u32 = 1_000_000;
/// The longest text that a cell holds, in UTF-16 units.
const LONGEST: usize = 32_767;
/// No column is wider than this, in characters.
const WIDEST: usize = 60;
/// Excel counts days from 1899-12-30, whose Julian day this is.
const DAY_ZERO: i32 = 2_415_019;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Date,
    /// The time of day.
    Clock,
    /// A whole number, Toman. The sums stand at the end.
    Summed,
    /// The same without a sum.
    Whole,
}

/// A column: its head, and what stands below.
#[derive(Clone, Debug)]
pub struct Column {
    pub label: String,
    pub kind: Kind,
}

/// The content of a cell.
#[derive(Clone, Debug)]
pub enum Cell<'a> {
    Text(&'a str),
    /// An instant, of which the column shows the day or the time in Tehran.
    Time(Time),
    Whole(i64),
    Empty,
}

/// How a workbook looks.
#[derive(Clone, Debug)]
pub struct Layout {
    pub right_to_left: bool,
    /// The name of the first sheet; further ones get a number.
    pub name: String,
    /// What stands beside the sums.
    pub total: String,
    pub columns: Vec<Column>,
    pub rows_of_a_sheet: u32,
}

/// Why a workbook was not written.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    #[error("writing the sheet: {0}")]
    Sheet(#[from] XlsxError),
    #[error(transparent)]
    File(#[from] io::Error),
}

struct Formats {
    head: Format,
    text: Format,
    date: Format,
    clock: Format,
    whole: Format,
    total: Format,
}

/// A workbook that is being written.
pub struct Book {
    workbook: Workbook,
    layout: Layout,
    formats: Formats,
    sheet: Worksheet,
    sheets: u32,
    /// The row that comes next; the head is row 0.
    next: u32,
    /// Of the rows of this sheet, by column.
    sums: Vec<i64>,
    widths: Vec<usize>,
}

impl Book {
    /// Begins a workbook; what it can't hold in memory lies in `folder` until it is closed or dropped.
    pub fn begin(layout: Layout, folder: &Path) -> Result<Self, BookError> {
        let mut workbook = Workbook::new();
        workbook.set_tempdir(folder)?;
        workbook.set_zip_compression_level(3);
        let formats = Formats::new();
        let sheet = workbook.new_worksheet_with_constant_memory()?;
        let columns = layout.columns.len();
        let mut book = Self {
            workbook,
            formats,
            sheet,
            sheets: 0,
            next: 0,
            sums: vec![0; columns],
            widths: vec![0; columns],
            layout,
        };
        book.begin_sheet()?;
        Ok(book)
    }

    fn begin_sheet(&mut self) -> Result<(), BookError> {
        self.sheets += 1;
        self.next = 1;
        self.sums.fill(0);
        let name = match self.sheets {
            1 => self.layout.name.clone(),
            number => format!("{} {number}", self.layout.name),
        };
        self.sheet.set_name(name)?;
        self.sheet.set_right_to_left(self.layout.right_to_left);
        self.sheet.set_freeze_panes(1, 0)?;
        self.sheet.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0);
        self.sheet.set_repeat_rows(0, 0)?;
        for (at, column) in (0..).zip(&self.layout.columns) {
            self.sheet.write_string_with_format(0, at, &column.label, &self.formats.head)?;
            // The arrow of the filter stands in the head too.
            self.widths[usize::from(at)] = column.label.chars().count() + 3;
        }
        Ok(())
    }

    /// Adds a row, one cell for each column.
    pub fn add(&mut self, cells: &[Cell<'_>]) -> Result<(), BookError> {
        if self.next > self.layout.rows_of_a_sheet {
            self.end_sheet()?;
            self.sheet = self.workbook.new_worksheet_with_constant_memory()?;
            self.begin_sheet()?;
        }
        let row = self.next;
        for ((at, column), cell) in (0..).zip(&self.layout.columns).zip(cells) {
            let width = match cell {
                Cell::Text("") | Cell::Empty => 0,
                Cell::Text(text) => {
                    let text = cut(text);
                    self.sheet.write_string_with_format(row, at, text, &self.formats.text)?;
                    text.chars().take(WIDEST).count()
                }
                Cell::Time(time) => {
                    let format =
                        if column.kind == Kind::Date { &self.formats.date } else { &self.formats.clock };
                    self.sheet.write_number_with_format(row, at, serial(*time, column.kind), format)?;
                    10
                }
                Cell::Whole(number) => {
                    // Whole numbers up to 2^53 are exact; that is ninety million times the largest payment.
                    self.sheet.write_number_with_format(row, at, *number as f64, &self.formats.whole)?;
                    let sum = &mut self.sums[usize::from(at)];
                    *sum = sum.saturating_add(*number);
                    14
                }
            };
            let widest = &mut self.widths[usize::from(at)];
            *widest = width.max(*widest);
        }
        self.next += 1;
        Ok(())
    }

    /// The sums count what the filter of the sheet leaves; here they are written with what they are at first.
    fn end_sheet(&mut self) -> Result<(), BookError> {
        let last = self.next - 1;
        for (at, (column, sum)) in (0..).zip(self.layout.columns.iter().zip(&self.sums)) {
            let row = self.next;
            if column.kind == Kind::Summed {
                let letter = letter(at);
                let formula = Formula::new(format!("=SUBTOTAL(109,{letter}2:{letter}{})", last.max(1) + 1))
                    .set_result(sum.to_string());
                self.sheet.write_formula_with_format(row, at, formula, &self.formats.total)?;
            } else if at == 0 {
                self.sheet.write_string_with_format(row, at, &self.layout.total, &self.formats.total)?;
            } else {
                self.sheet.write_blank(row, at, &self.formats.total)?;
            }
            self.sheet.set_column_width(at, self.widths[usize::from(at)].min(WIDEST) as f64 + 2.0)?;
        }
        let columns = u16::try_from(self.layout.columns.len()).unwrap_or(1);
        self.sheet.autofilter(0, 0, last, columns.saturating_sub(1))?;
        let done = std::mem::replace(&mut self.sheet, Worksheet::new());
        self.workbook.push_worksheet(done);
        Ok(())
    }

    /// Ends the workbook with a sheet of these lines, and packs it into `file`.
    pub fn write(self, summary: &Summary, file: &File) -> Result<(), BookError> {
        let mut out = BufWriter::new(file);
        let mut workbook = self.close(summary)?;
        workbook.save_to_writer(&mut out)?;
        out.flush()?;
        Ok(())
    }

    /// The same into memory, for what is small.
    pub fn into_bytes(self, summary: &Summary) -> Result<Vec<u8>, BookError> {
        Ok(self.close(summary)?.save_to_buffer()?)
    }

    fn close(mut self, summary: &Summary) -> Result<Workbook, BookError> {
        self.end_sheet()?;
        let mut sheet = self.workbook.new_worksheet_with_constant_memory()?;
        sheet.set_name(&summary.name)?;
        sheet.set_right_to_left(self.layout.right_to_left);
        let mut widths = vec![0; 8];
        for (row, line) in (0..).zip(&summary.lines) {
            for (at, cell) in (0..).zip(line) {
                let is_head = row == summary.head;
                let width = match cell {
                    Cell::Text(text) => {
                        let format = if is_head { &self.formats.head } else { &self.formats.text };
                        sheet.write_string_with_format(row, at, cut(text), format)?;
                        // The line above the table may run on over its neighbours.
                        if row < summary.head { 0 } else { text.chars().count() }
                    }
                    Cell::Whole(number) => {
                        sheet.write_number_with_format(row, at, *number as f64, &self.formats.whole)?;
                        14
                    }
                    Cell::Time(_) | Cell::Empty => 0,
                };
                if let Some(widest) = widths.get_mut(usize::from(at)) {
                    *widest = width.max(*widest);
                }
            }
        }
        for (at, width) in (0..).zip(widths).filter(|(_, width)| *width > 0) {
            sheet.set_column_width(at, width.min(WIDEST) as f64 + 2.0)?;
        }
        self.workbook.push_worksheet(sheet);
        Ok(self.workbook)
    }
}

/// The last sheet: what the workbook is about, and its sums.
#[derive(Clone, Debug, Default)]
pub struct Summary<'a> {
    pub name: String,
    pub lines: Vec<Vec<Cell<'a>>>,
    /// Which of the lines is the head of a table.
    pub head: u32,
}

impl Formats {
    fn new() -> Self {
        let number = |format: &str| Format::new().set_num_format(format);
        Self {
            head: Format::new()
                .set_bold()
                .set_background_color("0F766E")
                .set_font_color("FFFFFF")
                .set_align(FormatAlign::Center),
            text: Format::new(),
            date: number("yyyy/mm/dd"),
            clock: number("hh:mm"),
            whole: number("#,##0"),
            total: number("#,##0").set_bold().set_border_top(FormatBorder::Thin),
        }
    }
}

/// What fits into a cell.
fn cut(text: &str) -> &str {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > LONGEST {
            return &text[..at];
        }
    }
    text
}

/// The number that Excel shows as this day, or as this time of day, in Tehran.
fn serial(time: Time, kind: Kind) -> f64 {
    let local = time.to_offset(TEHRAN);
    if kind == Kind::Date {
        return f64::from(local.date().to_julian_day() - DAY_ZERO);
    }
    f64::from(u32::from(local.hour()) * 60 + u32::from(local.minute())) / (24.0 * 60.0)
}

/// The letter of a column; no table of ours has more than 26.
fn letter(at: u16) -> char {
    char::from(b'A' + u8::try_from(at.min(25)).unwrap_or_default())
}
