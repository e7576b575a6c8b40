//! The accounts of a batch as an Excel file. Everything is written as text, so that a name which begins with `=` is a
//! name and no formula.

use rust_xlsxwriter::{Format, Workbook, XlsxError};

/// A file with this head and these rows, on a sheet of this name.
///
/// # Errors
/// When it can't be written.
pub fn workbook(
    name: &str,
    right_to_left: bool,
    head: &[String],
    rows: &[Vec<String>],
) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.set_name(name)?;
    sheet.set_right_to_left(right_to_left);
    sheet.set_freeze_panes(1, 0)?;
    let bold = Format::new().set_bold();
    for (at, label) in (0..).zip(head) {
        sheet.write_string_with_format(0, at, label, &bold)?;
        let widest = rows.iter().filter_map(|row| row.get(usize::from(at))).map(|text| text.chars().count());
        let widest = widest.chain([label.chars().count()]).max().unwrap_or_default().min(60);
        sheet.set_column_width(at, widest as f64 + 2.0)?;
    }
    for (line, row) in (1..).zip(rows) {
        for (at, text) in (0..).zip(row) {
            sheet.write_string(line, at, text)?;
        }
    }
    workbook.save_to_buffer()
}
