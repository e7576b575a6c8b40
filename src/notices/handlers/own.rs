//! What a person is sent outside of the panel, where to, and when.

use askama::Template;
use axum::{http::StatusCode, response::IntoResponse};

use crate::{
    calendar::Time,
    locale::Tr,
    notices::{
        Channel, Kind,
        links::{self, LinkError},
        own,
        queries::{self, Choices},
        quiet::QuietHours,
        settings::{self, Outgoing},
        words,
    },
    persian::latin_digits,
    web::{Ask, Fields, Member, Page, PageResult, html, page::flash, see_other},
};

use super::OWN;

/// The longest e-mail address, characters.
const MAX_ADDRESS: usize = 254;

#[derive(Template)]
#[template(path = "notices/own.html")]
struct OwnPage {
    page: Page,
    form: Fields,
    telegram: ChannelView,
    email: ChannelView,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "notices/_own_telegram.html")]
struct TelegramPart {
    page: Page,
    telegram: ChannelView,
}

/// One kind and its switches.
struct Row {
    code: &'static str,
    name: String,
    telegram: bool,
    email: bool,
    is_urgent: bool,
}

/// A channel as it stands for this person.
#[derive(Default)]
struct ChannelView {
    /// The shop has it.
    is_offered: bool,
    /// Since when it is linked; empty when it is not.
    linked: String,
    address: String,
    /// Why nothing arrives any more; empty while it works.
    broken: String,
    /// A code that waits to come back; empty without one.
    code: String,
    expires: String,
    /// Where the code was sent, or the bot's name.
    target: String,
    /// Leads into the chat with the bot.
    deep_link: String,
}

impl ChannelView {
    /// What is to be sent to the bot.
    fn message(&self) -> String {
        format!("/start {}", self.code)
    }
}

pub async fn show(ask: Ask<Member>) -> PageResult {
    let choices = queries::choices(&mut *ask.app.db.acquire().await?, ask.who.id).await?;
    let form = fill(&choices);
    whole(ask, form, &choices).await
}

/// The part about Telegram, which asks for itself while a code waits.
pub async fn show_telegram(ask: Ask<Member>) -> PageResult {
    if !ask.hx.0 {
        return Ok(see_other(ask.hx, OWN));
    }
    let now = ask.app.clock.now();
    let mut conn = ask.app.db.acquire().await?;
    let choices = queries::choices(&mut conn, ask.who.id).await?;
    let outgoing = settings::outgoing(&mut conn).await?;
    let link = links::open(&mut conn, ask.who.id, Channel::Telegram, now).await?;
    let telegram = telegram(&ask.page.t, &choices, &outgoing, link, now);
    html(&TelegramPart { page: ask.page, telegram })
}

async fn whole(ask: Ask<Member>, form: Fields, choices: &Choices) -> PageResult {
    let (t, now) = (ask.page.t, ask.app.clock.now());
    let mut conn = ask.app.db.acquire().await?;
    let outgoing = settings::outgoing(&mut conn).await?;
    let chat = links::open(&mut conn, ask.who.id, Channel::Telegram, now).await?;
    let letter = links::open(&mut conn, ask.who.id, Channel::Email, now).await?;
    let rows = Kind::of(ask.who.role).map(|kind| Row {
        code: kind.code(),
        name: words::name(&t, kind),
        telegram: form.ticked(&switch(Channel::Telegram, kind)),
        email: form.ticked(&switch(Channel::Email, kind)),
        is_urgent: kind.is_urgent(),
    });
    let status = if form.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let view = OwnPage {
        rows: rows.collect(),
        telegram: telegram(&t, choices, &outgoing, chat, now),
        email: ChannelView {
            is_offered: outgoing.mail.is_some(),
            ..channel(&t, choices, Channel::Email, letter, now)
        },
        form,
        page: ask.page.titled(t.notices_own_title()),
    };
    Ok((status, html(&view)?).into_response())
}

fn channel(
    t: &Tr,
    choices: &Choices,
    channel: Channel,
    link: Option<links::OpenLink>,
    now: Time,
) -> ChannelView {
    let mut view = ChannelView::default();
    if let Some(linked) = choices.linked(channel) {
        view.linked = t.date(linked.linked_at);
        view.address = linked.address.clone();
        view.broken = linked.broken_reason.clone().unwrap_or_default();
    }
    if let Some(link) = link {
        view.expires = t.remaining(link.expires_at - now);
        view.code = link.code;
        view.target = link.address;
    }
    view
}

fn telegram(
    t: &Tr,
    choices: &Choices,
    outgoing: &Outgoing,
    link: Option<links::OpenLink>,
    now: Time,
) -> ChannelView {
    let mut view = channel(t, choices, Channel::Telegram, link, now);
    view.is_offered = outgoing.bot.is_some();
    view.target = format!("@{}", outgoing.bot_name);
    if !view.code.is_empty() && !outgoing.bot_name.is_empty() {
        view.deep_link = format!("https://t.me/{}?start={}", outgoing.bot_name, view.code);
    }
    view
}

/// The name of a switch in the form.
fn switch(channel: Channel, kind: Kind) -> String {
    format!("{}-{}", channel.code(), kind.code())
}

fn fill(choices: &Choices) -> Fields {
    let mut form = Fields::default();
    for channel in Channel::ALL {
        for kind in Kind::ALL.iter().filter(|kind| !choices.mutes.contains(&(channel, **kind))) {
            form.set(&switch(channel, *kind), "true");
        }
    }
    if let Some(QuietHours { from, until }) = choices.quiet {
        let clock = |minute: i16| format!("{:02}:{:02}", minute / 60, minute % 60);
        form.set("quiet_from", clock(from));
        form.set("quiet_until", clock(until));
    }
    form
}

pub async fn update(ask: Ask<Member>, mut form: Fields) -> PageResult {
    let t = ask.page.t;
    let quiet = read_quiet(&mut form, &t);
    if !form.is_ok() {
        let choices = queries::choices(&mut *ask.app.db.acquire().await?, ask.who.id).await?;
        return whole(ask, form, &choices).await;
    }
    let kinds: Vec<Kind> = Kind::of(ask.who.role).collect();
    let all = Channel::ALL.into_iter().flat_map(|channel| kinds.iter().map(move |kind| (channel, *kind)));
    let mutes: Vec<_> = all.filter(|(channel, kind)| !form.ticked(&switch(*channel, *kind))).collect();
    own::choose(&ask.app.db, ask.who.id, &mutes, quiet).await?;
    flash(&ask.session, "ok", t.notices_saved()).await?;
    Ok(see_other(ask.hx, OWN))
}

fn read_quiet(form: &mut Fields, t: &Tr) -> Option<QuietHours> {
    let (from, until) = (form.get("quiet_from").to_owned(), form.get("quiet_until").to_owned());
    if from.is_empty() && until.is_empty() {
        return None;
    }
    let mut read = |name: &'static str, typed: &str| {
        let minute = minute_of(typed);
        if minute.is_none() {
            form.fail(name, t.notices_quiet_wrong());
        }
        minute
    };
    let (from, until) = (read("quiet_from", &from), read("quiet_until", &until));
    let (from, until) = (from?, until?);
    if from == until {
        form.fail("quiet_until", t.notices_quiet_same());
    }
    Some(QuietHours { from, until })
}

/// `23:00`, in any digits, also without minutes.
fn minute_of(typed: &str) -> Option<i16> {
    let typed = latin_digits(typed);
    let (hour, minute) = typed.trim().split_once(':').unwrap_or((typed.trim(), "0"));
    let number = |part: &str| -> Option<i16> {
        Some(part.trim())
            .filter(|part| part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit()))?
            .parse()
            .ok()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

pub async fn create_telegram(ask: Ask<Member>) -> PageResult {
    let begun = links::begin(&ask.app.db, ask.who.id, Channel::Telegram, "", ask.app.clock.now()).await;
    match begun {
        Ok(()) | Err(LinkError::TooMany) => Ok(see_other(ask.hx, OWN)),
        Err(LinkError::Database(error)) => Err(error.into()),
    }
}

pub async fn remove_telegram(ask: Ask<Member>) -> PageResult {
    remove(ask, Channel::Telegram).await
}

pub async fn remove_email(ask: Ask<Member>) -> PageResult {
    remove(ask, Channel::Email).await
}

async fn remove(ask: Ask<Member>, channel: Channel) -> PageResult {
    own::unlink(&ask.app.db, ask.who.id, channel, ask.app.clock.now()).await?;
    flash(&ask.session, "ok", ask.page.t.notices_unlinked()).await?;
    Ok(see_other(ask.hx, OWN))
}

pub async fn create_email(ask: Ask<Member>, mut typed: Fields) -> PageResult {
    let t = ask.page.t;
    let address = typed.line("address", MAX_ADDRESS, &t);
    if typed.is_ok() && address.parse::<lettre::Address>().is_err() {
        typed.fail("address", t.notices_address_wrong());
    }
    if typed.is_ok() {
        let now = ask.app.clock.now();
        match links::begin(&ask.app.db, ask.who.id, Channel::Email, &address, now).await {
            Ok(()) => return Ok(see_other(ask.hx, OWN)),
            Err(LinkError::TooMany) => typed.fail("address", t.notices_too_many_codes()),
            Err(LinkError::Database(error)) => return Err(error.into()),
        }
    }
    again(ask, &typed, "address").await
}

pub async fn create_code(ask: Ask<Member>, mut typed: Fields) -> PageResult {
    let t = ask.page.t;
    let code = latin_digits(typed.get("code")).to_uppercase();
    let now = ask.app.clock.now();
    let taken = links::take(&ask.app.db, Channel::Email, &code, Some(ask.who.id), None, now).await?;
    if taken.is_some() {
        flash(&ask.session, "ok", t.notices_address_linked()).await?;
        return Ok(see_other(ask.hx, OWN));
    }
    let open = links::open(&mut *ask.app.db.acquire().await?, ask.who.id, Channel::Email, now).await?;
    // Where no code waits any more, its field is gone: the message stands where a new one is asked for.
    let field = if open.is_some() { "code" } else { "address" };
    typed.fail(field, t.notices_code_wrong());
    again(ask, &typed, field).await
}

/// The page again, with what was typed into this field and its message.
async fn again(ask: Ask<Member>, typed: &Fields, name: &'static str) -> PageResult {
    let choices = queries::choices(&mut *ask.app.db.acquire().await?, ask.who.id).await?;
    let mut form = fill(&choices);
    form.set(name, typed.value(name));
    form.fail(name, typed.error(name).to_owned());
    whole(ask, form, &choices).await
}
