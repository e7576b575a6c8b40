//! The form of an agent: new, and changed.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::{AgentPath, agent_id};
use crate::{
    accounts::CreateError,
    agents::{self, Hired, Profile, ProfileError, queries},
    ids::UserId,
    locale::Tr,
    money::{AmountError, Toman},
    persian::{
        Phone, PhoneError, latin_digits, normalize,
        provinces::{PROVINCES, Place, Province},
    },
    settings,
    web::{Admin, AppError, Ask, Fields, Page, PageResult, drafts, html, page::flash, see_other},
};

const NAME: usize = 60;
const SHOP_NAME: usize = 80;
const ADDRESS: usize = 300;
const NOTES: usize = 1000;
/// No agent is trusted with more pending credit than this.
const MAX_CEILING: Toman = Toman(10_000_000_000);

#[derive(Template)]
#[template(path = "agents/form.html")]
struct FormPage {
    page: Page,
    form: Fields,
    /// Where the form goes.
    action: String,
    /// The user name of an agent who exists; empty for a new one.
    username: String,
    provinces: &'static [Province],
}

#[derive(Template)]
#[template(path = "agents/hired.html")]
struct HiredPage {
    page: Page,
    username: String,
    password: String,
    home: String,
}

pub async fn new(ask: Ask<Admin>) -> PageResult {
    let mut form = drafts::take(&ask.session, "/admin/agents/new").await?;
    let settings = settings::get(&mut *ask.app.db.acquire().await?).await?;
    form.set_default("pending_ceiling", ask.page.t.number(settings.default_pending_ceiling.0));
    form.set_default("request_id", Uuid::new_v4().to_string());
    new_page(ask.page, form)
}

fn new_page(page: Page, form: Fields) -> PageResult {
    let title = page.t.agents_new();
    html(&FormPage {
        page: page.titled(title),
        form,
        action: "/admin/agents".to_owned(),
        username: String::new(),
        provinces: &PROVINCES,
    })
}

pub async fn create(ask: Ask<Admin>, mut form: Fields) -> PageResult {
    let t = ask.page.t;
    let request_id = form.request_id()?;
    let username = latin_digits(&normalize(form.get("username"))).to_lowercase();
    let profile = read(&mut form, &t);
    if username.is_empty() {
        form.fail("username", t.agents_username_missing());
    }
    if form.is_ok() {
        let by = ask.actor(ask.who.id);
        match agents::hire(&ask.app.db, &username, &profile, request_id, by, ask.app.clock.now()).await {
            Ok(Hired::Now { id, password }) => {
                let page = ask.page.titled(t.agents_hired());
                return html(&HiredPage { page, username, password, home: home(id) });
            }
            Ok(Hired::Before(id)) => {
                flash(&ask.session, "info", t.agents_hired_before()).await?;
                return Ok(see_other(ask.hx, &home(id)));
            }
            Err(CreateError::UsernameTaken) => form.fail("username", t.agents_username_taken()),
            Err(CreateError::BadUsername) => form.fail("username", t.agents_username_wrong()),
            Err(CreateError::Database(error)) => return Err(error.into()),
            Err(error) => return Err(AppError::internal(error)),
        }
    }
    unprocessable(new_page(ask.page, form))
}

pub async fn edit(ask: Ask<Admin>, path: AgentPath) -> PageResult {
    let id = agent_id(path)?;
    let mut conn = ask.app.db.acquire().await?;
    let profile = queries::profile(&mut conn, id).await?.ok_or(AppError::NotFound)?;
    let mut form = drafts::take(&ask.session, &format!("{}/edit", home(id))).await?;
    fill(&mut form, &ask.page.t, &profile);
    edit_page(&ask, id, form).await
}

pub async fn update(ask: Ask<Admin>, path: AgentPath, mut form: Fields) -> PageResult {
    let id = agent_id(path)?;
    let t = ask.page.t;
    let profile = read(&mut form, &t);
    if !form.is_ok() {
        return unprocessable(edit_page(&ask, id, form).await);
    }
    match agents::update(&ask.app.db, id, &profile, ask.actor(ask.who.id), ask.app.clock.now()).await {
        Ok(()) => {
            flash(&ask.session, "ok", t.agents_updated()).await?;
            Ok(see_other(ask.hx, &home(id)))
        }
        Err(ProfileError::NotFound) => Err(AppError::NotFound),
        Err(ProfileError::Database(error)) => Err(error.into()),
    }
}

async fn edit_page(ask: &Ask<Admin>, id: UserId, form: Fields) -> PageResult {
    let username =
        queries::username(&mut *ask.app.db.acquire().await?, id).await?.ok_or(AppError::NotFound)?;
    let page = ask.page.clone().titled(ask.page.t.agents_edit_title(&username));
    html(&FormPage { page, form, action: home(id), username, provinces: &PROVINCES })
}

fn unprocessable(page: PageResult) -> Result<Response, AppError> {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page?).into_response())
}

pub(super) fn home(id: UserId) -> String {
    format!("/admin/agents/{id}")
}

fn fill(form: &mut Fields, t: &Tr, profile: &Profile) {
    form.set_default("first_name", &profile.first_name);
    form.set_default("last_name", &profile.last_name);
    form.set_default("phone", &profile.phone);
    form.set_default("shop_name", &profile.shop_name);
    form.set_default("place", place_value(&profile.province, &profile.city));
    form.set_default("address", &profile.address);
    form.set_default("notes", &profile.notes);
    form.set_default("username_prefix", profile.username_prefix.as_deref().unwrap_or_default());
    form.set_default("pending_ceiling", t.number(profile.pending_ceiling.0));
}

/// A place as the form sends it: the province and, behind a slash, its town.
fn place_value(province: &str, city: &str) -> String {
    if province.is_empty() { String::new() } else { format!("{province}/{city}") }
}

fn read(form: &mut Fields, t: &Tr) -> Profile {
    let mut text = |name: &'static str, longest: usize, missing: Option<String>| {
        let text = normalize(form.get(name));
        if text.chars().count() > longest {
            form.fail(name, t.agents_too_long(t.number(longest as i64)));
        }
        if let (true, Some(message)) = (text.is_empty(), missing) {
            form.fail(name, message);
        }
        text
    };
    let first_name = text("first_name", NAME, Some(t.agents_first_name_missing()));
    let last_name = text("last_name", NAME, Some(t.agents_last_name_missing()));
    let shop_name = text("shop_name", SHOP_NAME, None);
    let address = text("address", ADDRESS, None);
    let notes = text("notes", NOTES, None);
    let place = read_place(form, t);
    Profile {
        first_name,
        last_name,
        phone: read_phone(form, t),
        shop_name,
        province: place.map(|place| place.province.to_owned()).unwrap_or_default(),
        city: place.map(|place| place.city.to_owned()).unwrap_or_default(),
        address,
        notes,
        username_prefix: read_prefix(form, t),
        pending_ceiling: read_ceiling(form, t),
    }
}

fn read_phone(form: &mut Fields, t: &Tr) -> String {
    match Phone::parse(form.get("phone")) {
        Ok(phone) => phone.to_string(),
        Err(error) => {
            let message = match error {
                PhoneError::Empty => t.agents_phone_missing(),
                PhoneError::NotAMobile => t.agents_phone_wrong(),
            };
            form.fail("phone", message);
            String::new()
        }
    }
}

fn read_place(form: &mut Fields, t: &Tr) -> Option<Place> {
    let typed = form.get("place");
    if typed.is_empty() {
        return None;
    }
    let (province, city) = typed.split_once('/').unwrap_or((typed, ""));
    let place = Place::find(province, city);
    if place.is_none() {
        form.fail("place", t.agents_place_wrong());
    }
    place
}

fn read_prefix(form: &mut Fields, t: &Tr) -> Option<String> {
    let prefix = latin_digits(&normalize(form.get("username_prefix"))).to_lowercase();
    let valid = prefix.len() <= 12
        && prefix.starts_with(|c: char| c.is_ascii_lowercase())
        && prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !prefix.is_empty() && !valid {
        form.fail("username_prefix", t.agents_prefix_wrong());
    }
    Some(prefix).filter(|_| valid)
}

fn read_ceiling(form: &mut Fields, t: &Tr) -> Toman {
    let parsed = Toman::parse(form.get("pending_ceiling"));
    let message = match parsed {
        Ok(ceiling) if ceiling <= MAX_CEILING => return ceiling,
        Ok(_) | Err(AmountError::TooLarge) => t.agents_ceiling_too_large(t.amount(MAX_CEILING)),
        Err(AmountError::Empty) => t.agents_ceiling_missing(),
        Err(AmountError::NotANumber | AmountError::Negative) => t.agents_ceiling_wrong(),
    };
    form.fail("pending_ceiling", message);
    Toman::ZERO
}

impl FormPage {
    /// Whether this place is chosen.
    fn is_place(&self, province: &str, city: &str) -> bool {
        self.form.get("place") == place_value(province, city)
    }
}
