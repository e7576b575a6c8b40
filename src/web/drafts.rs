//! What was typed into a form when the session had run out: kept until its person has signed in again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::extract::{DefaultBodyLimit, Request};
use tower_sessions::{Expiry, Session};

use super::{AppError, Fields, forms};

const DRAFT: &str = "draft";
/// More typed text than this, in bytes, is not kept for a stranger.
const MAX_DRAFT: usize = 16 * 1024;
/// The largest body that is read through for what was typed beside its file, bytes.
const MAX_BODY: usize = 12 * 1024 * 1024;

/// How long a draft is kept: a stranger's session need not outlive her coffee.
const LIFE: Duration = Duration::from_secs(3600);
/// What strangers may leave here within [`LIFE`], bytes: nothing asks who they are, and they must not fill the disk.
const ROOM: usize = 16 * 1024 * 1024;
/// What a draft takes beside its text, about, bytes: its session's row.
const ROW: usize = 256;

/// How much room strangers have taken up in this process.
#[derive(Clone, Debug, Default)]
pub struct Room(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    since: Option<Instant>,
    bytes: usize,
}

impl Room {
    /// Takes up so many bytes, if there is room for them.
    fn take(&self, bytes: usize, now: Instant) -> bool {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.since.is_none_or(|since| now.saturating_duration_since(since) >= LIFE) {
            *taken = Taken { since: Some(now), bytes: 0 };
        }
        let fits = taken.bytes + bytes <= ROOM;
        if fits {
            taken.bytes += bytes;
        }
        fits
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Draft {
    /// The page that the form stands on.
    page: String,
    values: BTreeMap<String, String>,
}

/// Keeps the typed fields of `request` for the page they were typed on, while there is room; files and passwords are
/// not kept.
///
/// # Errors
/// [`AppError::Unavailable`] when the session can't be stored.
pub async fn keep_request(
    session: &Session,
    room: &Room,
    page: &str,
    mut request: Request,
) -> Result<(), AppError> {
    // The door stands outside of the route, and so of the limit that the route has for its file.
    DefaultBodyLimit::max(MAX_BODY).apply(&mut request);
    let Ok(upload) = forms::read(request, &(), 0).await else { return Ok(()) };
    let mut values = upload.fields.into_values();
    // A form sent again is a new form.
    values.remove("request_id");
    let size: usize = values.iter().map(|(name, value)| name.len() + value.len()).sum();
    let size = size + page.len();
    if values.is_empty() || size > MAX_DRAFT || !room.take(size + ROW, Instant::now()) {
        return Ok(());
    }
    // Signing in gives it the usual days.
    session.set_expiry(Some(Expiry::OnInactivity(LIFE.try_into().unwrap_or_default())));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_fill_no_more_than_the_room_and_each_hour_anew() {
        let room = Room::default();
        let begin = Instant::now();
        let kept = (0..100_000).filter(|_| room.take(MAX_DRAFT, begin)).count();
        assert_eq!(kept, ROOM / MAX_DRAFT);
        let later = |seconds| begin + Duration::from_secs(seconds);
        assert!(!room.take(1, later(3599)), "what is there is still kept");
        assert!(room.take(ROOM, later(3600)) && !room.take(1, later(3601)));
    }
}
