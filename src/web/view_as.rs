//! Looking on: an admin sees what an agent or a customer sees.
//!
//! Invariant: while it lasts nothing is changed by any form, and the door that lets the admin in does so for reading
//! only; beginning and end are written down.

use axum::{extract::Request, http::Method};
use serde_json::json;
use time::Duration;
use tower_sessions::Session;
use uuid::Uuid;

use super::{AppError, AppState, Role, Viewer, viewer};
use crate::{audit::Actor, calendar::Time, ids::UserId};

const VIEWING: &str = "viewing";
/// How long a look lasts.
pub const MINUTES: i64 = 30;
/// Where it is ended.
pub const END: &str = "/admin/view-as/end";

/// Whom the admin looks at, and until when.
#[derive(Clone, Debug)]
pub struct Viewing {
    pub person: Viewer,
    pub until: Time,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Stored {
    person: UserId,
    /// Unix seconds.
    until: i64,
    /// Another sign-in in the same browser does not look on.
    sign_in: Uuid,
}

/// Begins to look; the deed has been written down.
///
/// # Errors
/// [`AppError::Unavailable`] when the session can't be stored.
pub async fn begin(session: &Session, by: &Viewer, person: UserId, now: Time) -> Result<(), AppError> {
    let until = (now + Duration::minutes(MINUTES)).unix_timestamp();
    session.insert(VIEWING, Stored { person, until, sign_in: by.sign_in }).await?;
    Ok(())
}

/// Ends it and writes that down. Returns who was looked at.
///
/// # Errors
/// [`AppError::Unavailable`] when the session or the database can't be reached.
pub async fn end(
    app: &AppState,
    session: &Session,
    by: Actor,
    now: Time,
) -> Result<Option<UserId>, AppError> {
    let Some(stored) = session.remove::<Stored>(VIEWING).await? else { return Ok(None) };
    let mut conn = app.db.acquire().await?;
    let detail = json!({ "expired": now.unix_timestamp() >= stored.until });
    by.record(&mut conn, "view_as.end", ("user", Some(stored.person.0)), detail, now).await?;
    Ok(Some(stored.person))
}

/// Whom this admin looks at now; when the time is over, that is written down.
///
/// # Errors
/// [`AppError::Unavailable`] when the session or the database can't be reached.
pub async fn current(app: &AppState, session: &Session, admin: &Viewer) -> Result<Option<Viewing>, AppError> {
    if admin.role != Role::Admin {
        return Ok(None);
    }
    let Some(stored) = session.get::<Stored>(VIEWING).await? else { return Ok(None) };
    let until = Time::from_unix_timestamp(stored.until).map_err(AppError::internal)?;
    if stored.sign_in != admin.sign_in || app.clock.now() >= until {
        end(app, session, admin.id.into(), until).await?;
        return Ok(None);
    }
    let person = viewer::find_viewed(&app.db, stored.person).await?;
    Ok(person.map(|person| Viewing { person, until }))
}

/// Whether a request may be answered while somebody looks on: reading, the way back, and signing out.
pub fn allows(request: &Request) -> bool {
    is_reading(request.method()) || [END, "/sign-out"].contains(&request.uri().path())
}

/// Whether a request of this method changes nothing.
pub fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The person whose pages stand behind a door for `roles`, where an admin may look at them.
pub fn person_behind(request: &Request, roles: &[Role]) -> Option<Viewer> {
    let viewing = request.extensions().get::<Viewing>()?;
    let may_look = is_reading(request.method()) && roles.contains(&viewing.person.role);
    may_look.then(|| viewing.person.clone())
}
