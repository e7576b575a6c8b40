//! What was typed into a form when the session had run out: kept until its person has signed in again.

use std::collections::BTreeMap;

use axum::extract::{DefaultBodyLimit, Request};
use tower_sessions::{Expiry, Session, cookie::time::Duration};

use super::{AppError, Fields, forms};

const DRAFT: &str = "draft";
/// More typed text than this, in bytes, is not kept for a stranger.
const MAX_DRAFT: usize = 16 * 1024;
/// The largest body that is read through for what was typed beside its file, bytes.
const MAX_BODY: usize = 12 * 1024 * 1024;

#[derive(serde::Serialize, serde::Deserialize)]
struct Draft {
    /// The page that the form stands on.
    page: String,
    values: BTreeMap<String, String>,
}

/// Keeps the typed fields of `request` for the page they were typed on; files and passwords are not kept.
///
/// # Errors
/// [`AppError::Unavailable`] when the session can't be stored.
pub async fn keep_request(session: &Session, page: &str, mut request: Request) -> Result<(), AppError> {
    // The door stands outside of the route, and so of the limit that the route has for its file.
    DefaultBodyLimit::max(MAX_BODY).apply(&mut request);
    let Ok(upload) = forms::read(request, &(), 0).await else { return Ok(()) };
    let mut values = upload.fields.into_values();
    // A form sent again is a new form.
    values.remove("request_id");
    let size: usize = values.iter().map(|(name, value)| name.len() + value.len()).sum();
    if values.is_empty() || size + page.len() > MAX_DRAFT {
        return Ok(());
    }
    // A stranger's session need not outlive her coffee; signing in gives it the usual days.
    session.set_expiry(Some(Expiry::OnInactivity(Duration::hours(1))));
    session.insert(DRAFT, Draft { page: page.to_owned(), values }).await?;
    Ok(())
}

/// Takes what was kept for the page at `path` (without its query), once.
///
/// # Errors
/// [`AppError::Unavailable`] when the session can't be read.
pub async fn take(session: &Session, path: &str) -> Result<Fields, AppError> {
    let Some(draft) = session.get::<Draft>(DRAFT).await? else { return Ok(Fields::default()) };
    if draft.page.split('?').next() != Some(path) {
        return Ok(Fields::default());
    }
    session.remove::<Draft>(DRAFT).await?;
    Ok(Fields::from_values(draft.values))
}
