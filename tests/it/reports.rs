//! Reports: what they find, what they add up to, and that Excel and paper say the same.

mod excel;
mod exports;
mod page;
mod statement;

use std::io::{Cursor, Read as _};

use calamine::{Data, Range, Reader as _, Xlsx};

use crate::support::{Answer, Client};

/// Asks for the Excel file of the report at this address, as its page does.
pub async fn ask_for_excel(admin: &Client, path: &str) -> Answer {
    let page = admin.get(path).await.expect(200);
    let form = "form[action='/admin/reports/exports']";
    let value = |name: &str| page.attribute(&format!("{form} input[name={name}]"), "value");
    let (query, request_id) = (value("query"), value("request_id"));
    admin.post("/admin/reports/exports", &[("query", &query), ("request_id", &request_id)]).await
}

/// A workbook, read by another library.
pub struct Workbook {
    pub sheets: Vec<(String, Range<Data>)>,
    bytes: Vec<u8>,
}

impl Workbook {
    #[track_caller]
    pub fn read(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.header("content-type").ends_with("spreadsheetml.sheet"));
        assert_eq!(answer.header("content-encoding"), "");
        Self::of(answer.bytes.clone())
    }

    pub fn of(bytes: Vec<u8>) -> Self {
        let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes.clone())).unwrap();
        Self { sheets: book.worksheets(), bytes }
    }

    /// The rows of a sheet between its head and its sums.
    pub fn rows(&self, sheet: usize) -> Vec<&[Data]> {
        let rows: Vec<_> = self.sheets[sheet].1.rows().collect();
        rows[1..rows.len() - 1].to_vec()
    }

    /// The head of a sheet.
    pub fn head(&self) -> Vec<String> {
        self.sheets[0].1.rows().next().unwrap().iter().map(ToString::to_string).collect()
    }

    /// The sums of a sheet.
    pub fn sums(&self, sheet: usize) -> &[Data] {
        self.sheets[sheet].1.rows().next_back().unwrap()
    }

    /// The markup of the first sheet.
    pub fn markup(&self) -> String {
        let mut archive = zip::ZipArchive::new(Cursor::new(&self.bytes)).unwrap();
        let mut text = String::new();
        archive.by_name("xl/worksheets/sheet1.xml").unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

/// A number of a cell.
#[track_caller]
pub fn whole(cell: &Data) -> i64 {
    match cell {
        Data::Float(number) => *number as i64,
        Data::Int(number) => *number,
        other => panic!("{other:?} is no number"),
    }
}
