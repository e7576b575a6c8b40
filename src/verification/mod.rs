//! The proof of the books: every invariant over all rows, for the nightly run, for `rad-panel verify`, and after a
//! restore.
//!
//! Invariant: a proof only reads. What it finds names the row, so that somebody can look.

mod checks;

use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    ledger,
    receipts::{self, Variant},
};

pub use checks::{CHECKS, Check};

/// Receipts are asked for in portions of so many.
const PORTION: i64 = 1000;

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check that found it.
    pub check: &'static str,
    /// What it is about, as in `user 7` or `order 12`.
    pub subject: String,
    /// What is wrong, in one sentence.
    pub problem: String,
}

/// What a proof looked at, and what it found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The names of the checks that were made, in their order.
    pub checks: Vec<&'static str>,
    /// Rows of the ledger, payments' receipts and orders that were looked at.
    pub transactions: i64,
    pub receipts: i64,
    pub orders: i64,
    /// Nothing when all is well.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// In one line, for a log or an error: how many findings, and the first.
    pub fn summary(&self) -> String {
        match self.findings.first() {
            None => "everything agrees".to_owned(),
            Some(Finding { subject, problem, .. }) => {
                format!("{} violations; the first: {subject}: {problem}", self.findings.len())
            }
        }
    }
}

/// A receipt that proves a payment; its file must be there.
#[derive(Clone, Debug)]
pub struct NeededReceipt {
    pub id: i64,
    pub storage_key: Uuid,
    pub size_bytes: i64,
}

/// Proves all that the database alone can show.
///
/// # Errors
/// When the database fails.
pub async fn of_rows(conn: &mut PgConnection) -> sqlx::Result<Report> {
    let counts = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM transactions) AS "transactions!", (SELECT count(*) FROM orders) AS "orders!""#
    )
    .fetch_one(&mut *conn)
    .await?;
    let mut report = Report {
        checks: vec!["ledger"],
        transactions: counts.transactions,
        orders: counts.orders,
        ..Report::default()
    };
    for violation in ledger::verify(conn).await? {
        let subject = format!("user {}", violation.user);
        report.findings.push(Finding { check: "ledger", subject, problem: violation.rule });
    }
    for Check { name, sql } in CHECKS {
        report.checks.push(name);
        let found: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(&mut *conn).await?;
        let findings = found.into_iter();
        report.findings.extend(findings.map(|(subject, problem)| Finding { check: name, subject, problem }));
    }
    Ok(report)
}

/// Proves all: the rows, and the file of every receipt that a payment refers to.
///
/// # Errors
/// When the database fails.
pub async fn of_all(conn: &mut PgConnection, store: &receipts::Store) -> sqlx::Result<Report> {
    let mut report = of_rows(conn).await?;
    report.checks.push("receipt-files");
    let mut last = 0;
    loop {
        let portion = needed_receipts(conn, last).await?;
        let Some(end) = portion.last() else { return Ok(report) };
        last = end.id;
        for receipt in portion {
            report.receipts += 1;
            if let Some(problem) = problem_of_file(store, &receipt).await {
                let subject = format!("receipt {}", receipt.id);
                report.findings.push(Finding { check: "receipt-files", subject, problem });
            }
        }
    }
}

async fn problem_of_file(store: &receipts::Store, receipt: &NeededReceipt) -> Option<String> {
    match tokio::fs::metadata(store.path(receipt.storage_key, Variant::Full)).await {
        Ok(file) if i64::try_from(file.len()) == Ok(receipt.size_bytes) => None,
        Ok(file) => Some(format!("its file has {} bytes instead of {}", file.len(), receipt.size_bytes)),
        Err(error) => Some(format!("its file {} can't be read: {error}", receipt.storage_key.simple())),
    }
}

/// The receipts of payments after that number, the lowest first, a portion at a time.
///
/// # Errors
/// When the database fails.
pub async fn needed_receipts(conn: &mut PgConnection, after: i64) -> sqlx::Result<Vec<NeededReceipt>> {
    sqlx::query_as!(
        NeededReceipt,
        "SELECT r.id, r.storage_key, r.size_bytes FROM receipts r
         WHERE r.id > $1 AND EXISTS (SELECT FROM payments p WHERE p.receipt_id = r.id)
         ORDER BY r.id LIMIT $2",
        after,
        PORTION
    )
    .fetch_all(conn)
    .await
}
