//! The page of one's own account: profile, and how pages are shown.

use askama::Template;
use axum::{http::StatusCode, response::IntoResponse, routing::get};

use super::Profile;
use crate::{
    accounts::{ContactError, MAX_NAME, parse_email},
    locale::Tr,
    persian::{Phone, PhoneError, latin_digits},
    profile,
    role::Role,
    web::{
        Ask, Fields, Member, Page, PageResult,
        doors::{MemberDoor, Routes},
        drafts, html,
        page::flash,
        see_other,
    },
};

const PATH: &str = "/account";

/// What every person who is signed in may reach.
pub fn member_routes() -> Routes<MemberDoor> {
    Routes::new().route(PATH, get(show).post(update))
}

#[derive(Template)]
#[template(path = "profile/show.html")]
struct ProfilePage {
    page: Page,
    form: Fields,
    username: String,
    is_agent: bool,
    needs_phone: bool,
}

fn draw(page: Page, who: &Member, form: Fields) -> PageResult {
    html(&ProfilePage {
        page: page.clone().titled(page.t.profile_title()),
        form,
        username: who.username.clone(),
        is_agent: who.role == Role::Agent,
        needs_phone: who.role != Role::Admin,
    })
}

async fn show(ask: Ask<Member>) -> PageResult {
    let mut form = drafts::take(&ask.session, PATH).await?;
    let now = profile::get(&mut *ask.app.db.acquire().await?, ask.who.id).await?;
    for (name, value) in [
        ("name", now.name),
        ("first_name", now.first_name),
        ("last_name", now.last_name),
        ("phone", now.phone),
        ("email", now.email),
    ] {
        form.set_default(name, value);
    }
    draw(ask.page, &ask.who, form)
}

async fn update(ask: Ask<Member>, mut form: Fields) -> PageResult {
    let t = ask.page.t;
    if let Some(new) = read(&mut form, &t, ask.who.role) {
        let (by, now) = (ask.actor(ask.who.id), ask.app.clock.now());
        match profile::update(&ask.app.db, ask.who.role, &new, by, now).await {
            Ok(()) => {
                flash(&ask.session, "ok", t.profile_saved()).await?;
                return Ok(see_other(ask.hx, PATH));
            }
            Err(ContactError::EmailTaken) => form.fail("email", t.profile_email_taken()),
            Err(ContactError::Database(error)) => return Err(error.into()),
        }
    }
    let page = draw(ask.page, &ask.who, form)?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

fn read(form: &mut Fields, t: &Tr, role: Role) -> Option<Profile> {
    let mut new = Profile::default();
    if role == Role::Agent {
        new.first_name = form.line("first_name", MAX_NAME, t);
        new.last_name = form.line("last_name", MAX_NAME, t);
    } else {
        new.name = form.optional_line("name", MAX_NAME, t);
    }
    match Phone::parse(form.value("phone")) {
        Ok(phone) => phone.as_str().clone_into(&mut new.phone),
        Err(PhoneError::Empty) if role == Role::Admin => {}
        Err(PhoneError::Empty) => form.fail("phone", t.forms_missing()),
        Err(PhoneError::NotAMobile) => form.fail("phone", t.profile_phone_wrong()),
    }
    let typed = latin_digits(form.get("email"));
    if !typed.is_empty() {
        match parse_email(&typed) {
            Some(email) => new.email = email,
            None => form.fail("email", t.profile_email_wrong()),
        }
    }
    form.is_ok().then_some(new)
}
