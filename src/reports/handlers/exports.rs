//! Reports as Excel: at once where they are small, else as an export that its owner waits for.

use askama::Template;
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect},
};
use futures_util::TryStreamExt as _;
use tokio::task::spawn_blocking;

use super::{
    EXPORTS, HOME, attachment,
    query::{Asked, ReportQuery},
};
use crate::{
    locale::Tr,
    reports::{
        self, AT_ONCE, ExportError, ExportStatus, NewExport, Requested, Row, Sum,
        files::Files,
        queries::{self, Export},
        sheet::{ReportBook, file_name},
    },
    web::{Admin, AppError, Ask, Fields, Id, Page, PageResult, html, page::flash, see_other},
};

/// Exports that are listed.
const LISTED: i64 = 20;

impl ExportStatus {
    fn label(self, t: &Tr) -> String {
        match self {
            Self::Waiting => t.reports_export_waiting(),
            Self::Running => t.reports_export_running(),
            Self::Done => t.reports_export_done(),
            Self::Failed => t.reports_export_failed(),
            Self::Cancelled => t.reports_export_cancelled(),
        }
    }

    /// The kind of its badge.
    fn kind(self) -> &'static str {
        match self {
            Self::Waiting | Self::Running => "info",
            Self::Done => "ok",
            Self::Failed => "bad",
            Self::Cancelled => "mute",
        }
    }
}

impl Export {
    fn is_under_way(&self) -> bool {
        matches!(self.status, ExportStatus::Waiting | ExportStatus::Running)
    }

    fn is_done(&self) -> bool {
        self.status == ExportStatus::Done
    }

    fn has_failed(&self) -> bool {
        self.status == ExportStatus::Failed
    }

    /// How much is written, of 100.
    fn percent(&self) -> i64 {
        // The rows are not all: the file is packed after the last of them.
        (self.rows_done * 95 / self.rows_total.max(1)).clamp(0, 100)
    }
}

pub async fn create(ask: Ask<Admin>, form: Fields) -> PageResult {
    let (t, now) = (ask.page.t, ask.app.clock.now());
    let request_id = form.request_id()?;
    let query = form.get("query").trim_start_matches('?');
    let query = ReportQuery::parse(query).ok_or(AppError::BadRequest("query"))?;
    let mut snapshot = queries::snapshot(&ask.app.db).await?;
    let asked = query.read(&mut snapshot, &t, now).await?;
    if !asked.form.is_ok() {
        return Ok(see_other(ask.hx, &asked.on(HOME)));
    }
    let words = asked.in_words(&t, &queries::methods(&mut snapshot).await?).join(" · ");
    let rows = Sum::total(&queries::sums(&mut snapshot, &asked.filter).await?).rows;
    let name = file_name(asked.view().code(), asked.from, asked.to, now);
    if rows <= AT_ONCE {
        let rows = queries::rows(&mut snapshot, &asked.filter, None, AT_ONCE).try_collect().await?;
        return attachment(&name, at_once(&ask, &asked, rows, words).await?);
    }
    drop(snapshot);
    let new = NewExport {
        filter: &asked.filter,
        language: t.language,
        description: &words,
        file_name: &name,
        rows,
        request_id,
    };
    match reports::request(&ask.app.db, &new, ask.actor(ask.who.id), now).await {
        Ok(Requested(id)) => Ok(see_other(ask.hx, &format!("{EXPORTS}/{id}"))),
        Err(ExportError::TooMany) => {
            flash(&ask.session, "warn", t.reports_export_too_many()).await?;
            Ok(see_other(ask.hx, EXPORTS))
        }
        Err(ExportError::Database(error)) => Err(error.into()),
        Err(error) => Err(AppError::internal(error)),
    }
}

/// The whole file, for as few rows as a browser can wait for.
async fn at_once(
    ask: &Ask<Admin>,
    asked: &Asked,
    rows: Vec<Row>,
    description: String,
) -> Result<Vec<u8>, AppError> {
    let (files, view) = (Files::beside(&ask.app.receipts), asked.view());
    let language = ask.page.t.language;
    let written = spawn_blocking(move || -> anyhow::Result<Vec<u8>> {
        let mut book = ReportBook::begin(view, language, files.folder()?)?;
        rows.iter().try_for_each(|row| book.add(row))?;
        Ok(book.into_bytes(&description)?)
    });
    written.await.map_err(AppError::internal)?.map_err(AppError::internal)
}

#[derive(Template)]
#[template(path = "reports/exports.html")]
struct ExportsPage {
    page: Page,
    exports: Vec<Export>,
}

pub async fn index(ask: Ask<Admin>) -> PageResult {
    let page = ask.page;
    let mut conn = ask.app.db.acquire().await?;
    let exports = queries::exports_of(&mut conn, ask.who.id, page.now, LISTED).await?;
    let title = page.t.reports_exports();
    html(&ExportsPage { page: page.titled(title), exports })
}

#[derive(Template)]
#[template(path = "reports/export.html")]
struct ExportPage {
    page: Page,
    export: Export,
}

#[derive(Template)]
#[template(path = "reports/_export.html")]
struct ExportPart {
    page: Page,
    export: Export,
}

/// The export with this number; somebody else's is not there.
async fn find(ask: &Ask<Admin>, id: i64) -> Result<Export, AppError> {
    let mut conn = ask.app.db.acquire().await?;
    let found = queries::export(&mut conn, id, ask.who.id, ask.app.clock.now()).await?;
    found.ok_or(AppError::NotFound)
}

pub async fn show(ask: Ask<Admin>, Id(id): Id) -> PageResult {
    let export = find(&ask, id).await?;
    let page = ask.page;
    if ask.hx.0 {
        return html(&ExportPart { page, export });
    }
    let title = page.t.reports_export();
    html(&ExportPage { page: page.titled(title), export })
}

pub async fn file(ask: Ask<Admin>, Id(id): Id) -> PageResult {
    let export = find(&ask, id).await?;
    if !export.is_done() {
        return Ok(Redirect::to(&format!("{EXPORTS}/{id}")).into_response());
    }
    let files = Files::beside(&ask.app.receipts);
    let opened = files.open(export.file_key).await.map_err(AppError::internal)?;
    let (size, pieces) = opened.ok_or(AppError::NotFound)?;
    let mut response = attachment(&export.file_name, Body::from_stream(pieces))?;
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    Ok(response)
}

pub async fn create_cancellation(ask: Ask<Admin>, Id(id): Id) -> PageResult {
    find(&ask, id).await?;
    if reports::cancel(&ask.app.db, id, ask.who.id, ask.app.clock.now()).await? {
        flash(&ask.session, "ok", ask.page.t.reports_export_given_up()).await?;
    }
    Ok(see_other(ask.hx, &format!("{EXPORTS}/{id}")))
}
