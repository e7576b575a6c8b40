//! The owner's page of backups: how old the last good one is, which there are, and their files.

use std::sync::Arc;

use askama::Template;
use axum::{
    body::Body,
    http::{HeaderName, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::json;
use tokio_util::io::ReaderStream;

use super::{
    Backups, ask_for, ask_now,
    queries::{self, BackupRow},
};
use crate::{
    calendar::Time,
    ids::BackupId,
    locale::Tr,
    web::{
        Admin, AppError, Ask, Id, Page, PageResult,
        doors::{AdminDoor, Routes},
        html,
        page::flash,
        see_other,
    },
};

const PATH: &str = "/admin/backups";
/// A day's backup that is so much late was missed.
const FRESH: time::Duration = time::Duration::hours(27);
/// Its copy has another day: a store may be away.
const FRESH_COPY: time::Duration = time::Duration::hours(51);

/// What admins may reach.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new()
        .route(PATH, get(show).post(create))
        .route("/admin/backups/copies", post(create_copies))
        .route("/admin/backups/{id}/file", get(download))
}

#[derive(Template)]
#[template(path = "backups/show.html")]
struct BackupsPage {
    page: Page,
    about: String,
    last: LastView,
    /// Where backups are copied to; `None` where no store is set up.
    offsite: Option<OffsiteView>,
    /// Something goes on that the page will want to show.
    is_running: bool,
    can_make: bool,
    rows: Vec<RowView>,
}

struct LastView {
    age: String,
    note: String,
    kind: &'static str,
}

struct OffsiteView {
    place: String,
    last: LastView,
    /// Whoever owns the store can read what is in it.
    is_open: bool,
}

struct RowView {
    id: BackupId,
    made: String,
    ago: String,
    state: (&'static str, String),
    error: String,
    /// Empty where there is none.
    file_name: String,
    size: String,
    drill: String,
    is_encrypted: bool,
    /// Empty where there is nothing to say.
    copy: String,
    copy_error: String,
}

async fn show(ask: Ask<Admin>) -> PageResult {
    let (t, now) = (ask.page.t, ask.app.clock.now());
    let mut conn = ask.app.db.acquire().await?;
    let last = match queries::last_good(&mut conn).await? {
        None => LastView { age: t.backups_never(), note: String::new(), kind: "bad" },
        Some(last) => LastView {
            age: t.ago(last.made_at, now),
            note: t.bytes(last.size_bytes),
            kind: if now - last.made_at > FRESH { "bad" } else { "ok" },
        },
    };
    let config = &ask.app.backups;
    let offsite = match &config.offsite {
        Some(offsite) => {
            let place = offsite.place();
            let last = queries::last_copied(&mut conn, &place).await?;
            Some(OffsiteView {
                last: LastView {
                    age: last.map_or_else(|| t.backups_never(), |at| t.ago(at, now)),
                    note: String::new(),
                    kind: if last.is_some_and(|at| now - at <= FRESH_COPY) { "ok" } else { "bad" },
                },
                is_open: config.recipients.is_empty(),
                place,
            })
        }
        None => None,
    };
    let rows = queries::list(&mut conn).await?;
    let can_make = rows.first().is_none_or(|row| row.finished_at.is_some());
    let is_copied = |row: &BackupRow| row.copy_waits && row.copy_error.is_none();
    let is_running = !can_make || (offsite.is_some() && rows.iter().any(is_copied));
    let place = offsite.as_ref().map(|offsite| offsite.place.as_str());
    let rows = rows.into_iter().map(|row| RowView::new(row, place, &t, now)).collect();
    let days = t.number(ask.app.backups.keep_days);
    let about = match ask.app.backups.recipients.is_empty() {
        true => t.backups_about(days),
        false => t.backups_about_encrypted(days),
    };
    html(&BackupsPage {
        page: ask.page.titled(t.backups_title()),
        about,
        last,
        offsite,
        is_running,
        can_make,
        rows,
    })
}

async fn create(ask: Ask<Admin>) -> PageResult {
    let t = ask.page.t;
    let asked = ask_for(&ask.app.db, ask.actor(ask.who.id), ask.app.clock.now()).await?;
    let (kind, text) = if asked { ("ok", t.backups_asked()) } else { ("info", t.backups_under_way()) };
    flash(&ask.session, kind, text).await?;
    Ok(see_other(ask.hx, PATH))
}

async fn create_copies(ask: Ask<Admin>) -> PageResult {
    let backups = Backups::new(ask.app.db.clone(), ask.app.receipts.clone(), Arc::clone(&ask.app.backups));
    ask_now(&backups, ask.actor(ask.who.id), ask.app.clock.now()).await?;
    flash(&ask.session, "ok", ask.page.t.backups_copies_asked()).await?;
    Ok(see_other(ask.hx, PATH))
}

/// The file as it lies there, piece by piece: it may be larger than the memory.
async fn download(ask: Ask<Admin>, Id(id): Id) -> Result<Response, AppError> {
    let mut conn = ask.app.db.acquire().await?;
    let name = queries::file_name(&mut conn, BackupId(id)).await?.ok_or(AppError::NotFound)?;
    let path = ask.app.backups.folder.join(&name);
    // Another instance's disk may have it.
    let file = tokio::fs::File::open(&path).await.map_err(|_| AppError::NotFound)?;
    let size = file.metadata().await.map_err(AppError::internal)?.len();
    let subject = ("backup", Some(id));
    let detail = json!({ "file": name });
    let now = ask.app.clock.now();
    ask.actor(ask.who.id).record(&mut conn, "backup.download", subject, detail, now).await?;
    let headers: [(HeaderName, String); 4] = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CONTENT_LENGTH, size.to_string()),
        // It is compressed already, and only with its length a browser can say how long it takes.
        (header::CONTENT_ENCODING, "identity".to_owned()),
    ];
    Ok((headers, Body::from_stream(ReaderStream::with_capacity(file, 1 << 16))).into_response())
}

impl RowView {
    fn new(row: BackupRow, place: Option<&str>, t: &Tr, now: Time) -> Self {
        let state = match (row.finished_at, &row.file_name) {
            (None, _) => ("info", t.backups_running()),
            (Some(_), None) => ("bad", t.backups_failed()),
            (Some(_), Some(_)) if row.drill_error.is_some() => ("bad", t.backups_not_restorable()),
            (Some(_), Some(_)) => ("ok", t.backups_good()),
        };
        let drill = match (row.drilled_at, &row.drill_error) {
            (Some(at), None) => t.backups_drilled(t.date(at)),
            (Some(at), Some(_)) => t.backups_drill_failed(t.date(at)),
            (None, _) => String::new(),
        };
        let is_there = row.copied_to.as_deref() == place;
        let copy = match (place, row.copied_at.filter(|_| is_there)) {
            (None, _) => String::new(),
            (Some(_), Some(at)) => t.backups_copied(t.datetime(at)),
            (Some(_), None) if row.copy_error.is_some() => t.backups_copy_failed(),
            (Some(_), None) if row.copy_waits => t.backups_copy_waits(),
            (Some(_), None) => String::new(),
        };
        let copy_error = place.and(row.copy_error).unwrap_or_default();
        Self {
            copy,
            copy_error,
            id: row.id,
            made: t.datetime(row.started_at),
            ago: t.ago(row.started_at, now),
            state,
            error: row.drill_error.or(row.error).unwrap_or_default(),
            size: row.file_name.as_ref().map(|_| t.bytes(row.size_bytes)).unwrap_or_default(),
            file_name: row.file_name.unwrap_or_default(),
            drill,
            is_encrypted: row.encrypted,
        }
    }
}
