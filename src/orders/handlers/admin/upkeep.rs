//! What the admin does with an order beside the server: hurrying what waits, and giving it to another agent.

use askama::Template;
use axum::{http::StatusCode, response::IntoResponse};

use crate::{
    ids::OrderId,
    locale::Tr,
    orders::{
        all::queries::{self as all, Background},
        changes::{self, MoveError},
        handlers::ADMIN,
    },
    persian::normalize,
    web::{Admin, AppError, Ask, Fields, Id, Page, PageResult, html, page::flash, see_other},
};

/// The longest reason, in characters.
const REASON: usize = 300;

fn home(id: OrderId) -> String {
    format!("{}/{id}", ADMIN.orders)
}

pub async fn create_retry(ask: Ask<Admin>, Id(id): Id) -> PageResult {
    let id = OrderId(id);
    let db = &ask.app.db;
    all::background(&mut *db.acquire().await?, id).await?.ok_or(AppError::NotFound)?;
    let by = ask.actor(ask.who.id);
    let t = ask.page.t;
    let (kind, text) = if changes::retry_now(db, id, by, ask.app.clock.now()).await? {
        ("ok", t.orders_admin_hurried())
    } else {
        ("info", t.orders_admin_nothing_waits())
    };
    flash(&ask.session, kind, text).await?;
    Ok(see_other(ask.hx, &home(id)))
}

#[derive(Template)]
#[template(path = "orders/admin/move.html")]
struct MovePage {
    page: Page,
    form: Fields,
    home: String,
    owner: String,
    owner_username: String,
}

pub async fn new_move(ask: Ask<Admin>, Id(id): Id) -> PageResult {
    let background = find(&ask, OrderId(id)).await?;
    draw(&ask, OrderId(id), &background, Fields::default())
}

pub async fn create_move(ask: Ask<Admin>, Id(id): Id, mut form: Fields) -> PageResult {
    let id = OrderId(id);
    let background = find(&ask, id).await?;
    let t = ask.page.t;
    let username = form.get("username").to_lowercase();
    let reason = form.line("reason", REASON, &t);
    let to = if username.is_empty() {
        form.fail("username", t.forms_missing());
        None
    } else {
        let to = all::person(&mut *ask.app.db.acquire().await?, &username).await?;
        if to.is_none() {
            form.fail("username", t.orders_admin_nobody());
        }
        to
    };
    if let Some(to) = to.filter(|_| form.is_ok()) {
        let by = ask.actor(ask.who.id);
        match changes::move_to(&ask.app.db, id, to, by, &normalize(&reason), ask.app.clock.now()).await {
            Ok(()) => {
                flash(&ask.session, "ok", t.orders_admin_moved(&username)).await?;
                return Ok(see_other(ask.hx, &home(id)));
            }
            Err(error) => form.fail("username", words(&t, error)?),
        }
    }
    Ok((StatusCode::UNPROCESSABLE_ENTITY, draw(&ask, id, &background, form)?).into_response())
}

fn words(t: &Tr, error: MoveError) -> Result<String, AppError> {
    match error {
        MoveError::NotFound => Err(AppError::NotFound),
        MoveError::BadTarget => Ok(t.orders_admin_move_bad_target()),
        MoveError::Busy => Ok(t.orders_admin_move_busy()),
        MoveError::WrongStatus { .. } => Ok(t.orders_admin_move_no_account()),
        MoveError::Database(error) => Err(error.into()),
    }
}

async fn find(ask: &Ask<Admin>, id: OrderId) -> Result<Background, AppError> {
    all::background(&mut *ask.app.db.acquire().await?, id).await?.ok_or(AppError::NotFound)
}

fn draw(ask: &Ask<Admin>, id: OrderId, background: &Background, form: Fields) -> PageResult {
    html(&MovePage {
        form,
        home: home(id),
        owner: background.owner.name.clone(),
        owner_username: background.owner.username.clone(),
        page: ask.page.clone().titled(ask.page.t.orders_admin_move_title(ask.page.t.digits(id))),
    })
}
