//! Where a person is signed in, and signing out there.

use askama::Template;
use axum::{
    extract::{Path, rejection::PathRejection},
    response::{IntoResponse, Redirect},
};
use uuid::Uuid;

use super::devices::device;
use crate::{
    accounts::{self, OpenSignIn},
    locale::Tr,
    web::{AppError, Ask, Member, Page, PageResult, html, page::flash, see_other, session},
};

pub const PATH: &str = "/account/sessions";

#[derive(Template)]
#[template(path = "accounts/sessions.html")]
struct SessionsPage {
    page: Page,
    rows: Vec<Row>,
    has_others: bool,
}

struct Row {
    id: Uuid,
    device: String,
    address: String,
    since: String,
    last_use: String,
    /// It is the one that asks.
    is_this: bool,
}

impl Row {
    fn new(t: &Tr, ask: &Ask<Member>, open: OpenSignIn) -> Self {
        let is_this = open.id == ask.who.sign_in;
        let now = ask.page.now;
        Self {
            id: open.id,
            device: device(t, &open.user_agent),
            address: open.address.unwrap_or_default(),
            since: t.datetime(open.created_at),
            last_use: if is_this { t.ago(now, now) } else { t.ago(open.last_seen_at, now) },
            is_this,
        }
    }
}

pub async fn index(ask: Ask<Member>) -> PageResult {
    let t = ask.page.t;
    let open = accounts::open_sign_ins(&ask.app.db, ask.who.id, ask.page.now).await?;
    let mut rows: Vec<Row> = open.into_iter().map(|open| Row::new(&t, &ask, open)).collect();
    rows.sort_by_key(|row| !row.is_this);
    let has_others = rows.iter().any(|row| !row.is_this);
    html(&SessionsPage { page: ask.page.titled(t.accounts_sessions_title()), rows, has_others })
}

pub async fn destroy(ask: Ask<Member>, id: Result<Path<Uuid>, PathRejection>) -> PageResult {
    let Path(id) = id.map_err(|_| AppError::NotFound)?;
    let now = ask.app.clock.now();
    let ended = accounts::end_sign_in(&ask.app.db, ask.actor(ask.who.id), id, now).await?;
    if ended && id == ask.who.sign_in {
        session::end(&ask.session).await?;
        return Ok(Redirect::to("/login").into_response());
    }
    // Sent twice, it has been done already; somebody else's looks just the same.
    flash(&ask.session, "ok", ask.page.t.accounts_session_ended()).await?;
    Ok(see_other(ask.hx, PATH))
}

pub async fn destroy_others(ask: Ask<Member>) -> PageResult {
    let (by, now) = (ask.actor(ask.who.id), ask.app.clock.now());
    accounts::end_other_sign_ins(&ask.app.db, by, ask.who.sign_in, now).await?;
    flash(&ask.session, "ok", ask.page.t.accounts_sessions_ended()).await?;
    Ok(see_other(ask.hx, PATH))
}
