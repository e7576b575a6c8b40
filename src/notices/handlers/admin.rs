//! The owner's page of the bot and the mail server.

use askama::Template;
use axum::{http::StatusCode, response::IntoResponse};
use reqwest::Url;

use super::{ADMIN, trouble, trouble_of};
use crate::{
    config::Secret,
    locale::Tr,
    notices::{
        Channel,
        couriers::{Bot, Failure, Letter, MailServer, Security},
        queries,
        settings::{self, Outgoing, SecretChange},
    },
    web::{Admin, Ask, Fields, Page, PageResult, html, page::flash, see_other},
};

/// The longest text of a field, characters.
const MAX_TEXT: usize = 200;
const OFFICIAL: &str = "https://api.telegram.org";

#[derive(Template)]
#[template(path = "notices/settings.html")]
struct SettingsPage {
    page: Page,
    telegram: Fields,
    mail: Fields,
    /// The end of the stored token; empty without one.
    token_hint: String,
    bot: String,
    telegram_trouble: String,
    telegram_detail: String,
    has_password: bool,
    mail_trouble: String,
    mail_detail: String,
    has_mail: bool,
    /// The admin's own chat is linked, so that a test has somewhere to go.
    has_chat: bool,
    /// Messages can hold links.
    knows_address: bool,
}

pub async fn show(ask: Ask<Admin>) -> PageResult {
    let outgoing = settings::outgoing(&mut *ask.app.db.acquire().await?).await?;
    let (telegram, mail) = (fill_telegram(&outgoing), fill_mail(&outgoing));
    whole(ask, &outgoing, telegram, mail).await
}

async fn whole(ask: Ask<Admin>, outgoing: &Outgoing, telegram: Fields, mut mail: Fields) -> PageResult {
    let t = ask.page.t;
    let choices = queries::choices(&mut *ask.app.db.acquire().await?, ask.who.id).await?;
    let own_address = choices.linked(Channel::Email).map_or("", |linked| linked.address.as_str());
    mail.set_default("to", own_address);
    let is_ok = telegram.is_ok() && mail.is_ok();
    let status = if is_ok { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let words = |found: &Option<(_, String)>| {
        found.as_ref().map(|(problem, detail)| (trouble(&t, *problem), detail.clone())).unwrap_or_default()
    };
    let (telegram_trouble, telegram_detail) = words(&outgoing.telegram_trouble);
    let (mail_trouble, mail_detail) = words(&outgoing.mail_trouble);
    let view = SettingsPage {
        telegram,
        mail,
        token_hint: outgoing.bot.as_ref().map(|bot| end_of(bot.token.expose())).unwrap_or_default(),
        bot: Some(&outgoing.bot_name)
            .filter(|name| !name.is_empty())
            .map(|name| format!("@{name}"))
            .unwrap_or_default(),
        telegram_trouble,
        telegram_detail,
        has_password: outgoing.mail.as_ref().is_some_and(|server| !server.password.expose().is_empty()),
        mail_trouble,
        mail_detail,
        has_mail: outgoing.mail.is_some(),
        has_chat: choices.linked(Channel::Telegram).is_some(),
        knows_address: ask.app.couriers.knows_address(),
        page: ask.page.titled(t.notices_settings_title()),
    };
    Ok((status, html(&view)?).into_response())
}

/// The last four characters: enough to tell two tokens apart.
fn end_of(secret: &str) -> String {
    let end: Vec<char> = secret.chars().rev().take(4).collect();
    format!("…{}", end.into_iter().rev().collect::<String>())
}

fn fill_telegram(outgoing: &Outgoing) -> Fields {
    let mut form = Fields::default();
    form.set("api", outgoing.api.as_str());
    form
}

fn fill_mail(outgoing: &Outgoing) -> Fields {
    let mut form = Fields::default();
    form.set("port", "587");
    form.set("security", Security::Starttls.code());
    if let Some(server) = &outgoing.mail {
        form.set("host", server.host.as_str());
        form.set("port", server.port.to_string());
        form.set("security", server.security.code());
        form.set("username", server.username.as_str());
        form.set("sender", server.sender.as_str());
    }
    form
}

pub async fn update_telegram(ask: Ask<Admin>, mut form: Fields) -> PageResult {
    let (t, db, now) = (ask.page.t, &ask.app.db, ask.app.clock.now());
    let before = settings::outgoing(&mut *db.acquire().await?).await?;
    let (token, api) = read_telegram(&mut form, &before, &t);
    if !form.is_ok() {
        let mail = fill_mail(&before);
        return whole(ask, &before, form, mail).await;
    }
    settings::save_bot(db, ask.actor(ask.who.id), &token, &api, now).await?;
    let outgoing = settings::outgoing(&mut *db.acquire().await?).await?;
    let (kind, text) = match &outgoing.bot {
        None => ("ok", t.notices_bot_removed()),
        Some(bot) => match introduce(&ask, bot).await? {
            Ok(name) => ("ok", t.notices_bot_saved(name)),
            Err(failure) => ("warn", trouble_of(&t, &failure)),
        },
    };
    flash(&ask.session, kind, text).await?;
    Ok(see_other(ask.hx, ADMIN))
}

/// Asks the bot for its name, and keeps it, or what is wrong.
async fn introduce(ask: &Ask<Admin>, bot: &Bot) -> sqlx::Result<Result<String, Failure>> {
    let result = ask.app.couriers.bot_name(bot).await;
    if let Ok(name) = &result {
        settings::keep_bot_name(&ask.app.db, name).await?;
    }
    let noted = result.as_ref().map(|_| ()).map_err(Clone::clone);
    settings::note(&ask.app.db, Channel::Telegram, &noted, ask.app.clock.now()).await?;
    Ok(result)
}

fn read_telegram(form: &mut Fields, before: &Outgoing, t: &Tr) -> (SecretChange, String) {
    let api = form.get("api").trim_end_matches('/').to_owned();
    let api = if api.is_empty() { OFFICIAL.to_owned() } else { api };
    if api.len() > MAX_TEXT || !is_web_address(&api) {
        form.fail("api", t.notices_api_wrong());
    }
    let token = form.get("token_password").to_owned();
    let change = match (token.is_empty(), form.ticked("remove")) {
        (_, true) => SecretChange::Remove,
        (true, false) => {
            // As a password, it goes only where it was meant to go.
            if before.bot.is_some() && before.api != api && form.is_ok() {
                form.fail("token_password", t.notices_token_anew());
            }
            SecretChange::Keep
        }
        (false, false) => {
            if !is_token(&token) {
                form.fail("token_password", t.notices_token_wrong());
            }
            SecretChange::Set(Secret::new(token))
        }
    };
    (change, api)
}

/// The bot's number, a colon, and letters, digits, `-`, `_`: anything else would change the request's address.
fn is_token(text: &str) -> bool {
    let is_secret = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.split_once(':').is_some_and(|(number, secret)| {
        !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
            && (20..=100).contains(&secret.len())
            && secret.chars().all(is_secret)
    })
}

fn is_web_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

pub async fn test_telegram(ask: Ask<Admin>) -> PageResult {
    let t = ask.page.t;
    let mut conn = ask.app.db.acquire().await?;
    let outgoing = settings::outgoing(&mut conn).await?;
    let choices = queries::choices(&mut conn, ask.who.id).await?;
    drop(conn);
    let (kind, text) = match (&outgoing.bot, choices.linked(Channel::Telegram)) {
        (None, _) => ("warn", t.notices_no_bot()),
        (Some(_), None) => ("warn", t.notices_no_chat()),
        (Some(bot), Some(chat)) => {
            let text = t.notices_test_text(&outgoing.shop_name);
            let result = ask.app.couriers.send_to_chat(bot, &chat.address, &text, &[]).await;
            settings::note(&ask.app.db, Channel::Telegram, &result, ask.app.clock.now()).await?;
            match result {
                Ok(()) => ("ok", t.notices_test_sent()),
                Err(failure) => ("bad", trouble_of(&t, &failure)),
            }
        }
    };
    flash(&ask.session, kind, text).await?;
    Ok(see_other(ask.hx, ADMIN))
}

pub async fn update_mail(ask: Ask<Admin>, mut form: Fields) -> PageResult {
    let (t, db, now) = (ask.page.t, &ask.app.db, ask.app.clock.now());
    let outgoing = settings::outgoing(&mut *db.acquire().await?).await?;
    let server = match form.ticked("remove") {
        true => None,
        false => Some(read_mail(&mut form, &outgoing, &t)),
    };
    if !form.is_ok() {
        let telegram = fill_telegram(&outgoing);
        return whole(ask, &outgoing, telegram, form).await;
    }
    settings::save_mail(db, ask.actor(ask.who.id), server.as_ref(), now).await?;
    flash(&ask.session, "ok", t.notices_mail_saved()).await?;
    Ok(see_other(ask.hx, ADMIN))
}

fn read_mail(form: &mut Fields, before: &Outgoing, t: &Tr) -> MailServer {
    let host = form.line("host", MAX_TEXT, t);
    let port = form.whole("port", 1..=65535, t).and_then(|port| u16::try_from(port).ok()).unwrap_or(587);
    let security = Security::ALL.into_iter().find(|security| security.code() == form.get("security"));
    let security = security.unwrap_or(Security::Starttls);
    if security == Security::None && !matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1" | "") {
        form.fail("security", t.notices_security_needed());
    }
    let username = form.optional_line("username", MAX_TEXT, t);
    let typed = form.value("smtp_password").to_owned();
    let old = before.mail.as_ref().filter(|server| server.host == host && server.username == username);
    // A password goes only where it was meant to go: for another server or name it is typed anew.
    let password = match (typed.is_empty(), old) {
        (true, Some(server)) => server.password.clone(),
        _ => Secret::new(typed),
    };
    let sender = form.line("sender", MAX_TEXT, t);
    if !sender.is_empty() && sender.parse::<lettre::Address>().is_err() {
        form.fail("sender", t.notices_address_wrong());
    }
    MailServer { host, port, security, username, password, sender }
}

pub async fn test_mail(ask: Ask<Admin>, mut form: Fields) -> PageResult {
    let (t, db) = (ask.page.t, &ask.app.db);
    let outgoing = settings::outgoing(&mut *db.acquire().await?).await?;
    let to = form.line("to", MAX_TEXT, &t);
    if form.is_ok() && to.parse::<lettre::Address>().is_err() {
        form.fail("to", t.notices_address_wrong());
    }
    if !form.is_ok() {
        let (telegram, mut mail) = (fill_telegram(&outgoing), fill_mail(&outgoing));
        mail.set("to", form.value("to"));
        mail.fail("to", form.error("to").to_owned());
        return whole(ask, &outgoing, telegram, mail).await;
    }
    let Some(server) = &outgoing.mail else {
        flash(&ask.session, "warn", t.notices_no_mail()).await?;
        return Ok(see_other(ask.hx, ADMIN));
    };
    let (subject, body) = (t.notices_test_subject(), t.notices_test_text(&outgoing.shop_name));
    let letter = Letter { to: &to, from_name: &outgoing.shop_name, subject: &subject, body: &body };
    let result = ask.app.couriers.post(server, &letter).await;
    settings::note(db, Channel::Email, &result, ask.app.clock.now()).await?;
    let (kind, text) = match result {
        Ok(()) => ("ok", t.notices_test_sent()),
        Err(failure) => ("bad", trouble_of(&t, &failure)),
    };
    flash(&ask.session, kind, text).await?;
    Ok(see_other(ask.hx, ADMIN))
}
