//! A person's notices, and the bell in the frame of her pages.

use askama::Template;
use axum_extra::extract::Query;

use crate::{
    notices::{Told, own, page_of, queries, words::words},
    web::{AppError, Ask, Fields, Id, Member, Page, PageResult, address, html, page::flash, see_other},
};

const PATH: &str = "/notices";
/// Notices on one page.
const ROWS: i64 = 30;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Place {
    before: String,
}

#[derive(Template)]
#[template(path = "notices/index.html")]
struct IndexPage {
    page: Page,
    notices: Vec<View>,
    next: String,
    /// The newest on this page; what comes after it was not seen.
    newest: i64,
}

struct View {
    id: i64,
    title: String,
    text: String,
    when: String,
    is_read: bool,
}

#[derive(Template)]
#[template(path = "layouts/_bell.html")]
struct Bell {
    page: Page,
}

pub async fn index(ask: Ask<Member>, Query(place): Query<Place>) -> PageResult {
    let (t, now) = (ask.page.t, ask.app.clock.now());
    let before = place.before.parse().ok();
    let mut told = queries::list(&mut *ask.app.db.acquire().await?, ask.who.id, before, ROWS + 1).await?;
    let more = told.len() as i64 > ROWS;
    told.truncate(ROWS as usize);
    let last = told.last().filter(|_| more);
    let next = last.map(|last| address(PATH, &[("before", &last.id.to_string())])).unwrap_or_default();
    let view = |told: &Told| {
        let words = words(&t, told);
        let (id, is_read) = (told.id, told.is_read);
        View { id, title: words.title, text: words.text, when: t.ago(told.created_at, now), is_read }
    };
    let newest = told.first().map_or(0, |told| told.id);
    let notices = told.iter().map(view).collect();
    html(&IndexPage { page: ask.page.titled(t.notices_title()), notices, next, newest })
}

/// The bell alone, for pages that have heard of something new.
pub async fn bell(ask: Ask<Member>) -> PageResult {
    html(&Bell { page: ask.page })
}

/// Marks all as read, up to the newest that the page showed.
pub async fn create_reading(ask: Ask<Member>, form: Fields) -> PageResult {
    let newest = form.get("newest").parse().map_err(|_| AppError::BadRequest("newest"))?;
    own::read_all(&ask.app.db, ask.who.id, newest, ask.app.clock.now()).await?;
    flash(&ask.session, "ok", ask.page.t.notices_all_read()).await?;
    Ok(see_other(ask.hx, PATH))
}

/// Marks one as read and leads to what it is about.
pub async fn create_opening(ask: Ask<Member>, Id(id): Id) -> PageResult {
    let opened = own::open(&ask.app.db, ask.who.id, id, ask.app.clock.now()).await?;
    let (kind, subject) = opened.ok_or(AppError::NotFound)?;
    Ok(see_other(ask.hx, &page_of(ask.who.role, kind, subject)))
}
