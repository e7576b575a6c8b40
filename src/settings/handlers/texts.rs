//! The sections of the shop's own words: ready-made reasons, and messages for payers.

use axum::{http::StatusCode, response::IntoResponse};

use super::draw;
use crate::{
    calendar::Time,
    locale::Tr,
    persian::{Phone, clean_number, latin_digits, normalize},
    settings::{self, ChangeError, MAX_NOTE, MAX_REASON, MAX_REASONS, Texts},
    web::{Admin, Ask, Fields, PageResult, page::flash, see_other},
};

/// One reason on each line.
pub fn reasons_form(texts: &Texts, changed_at: Time) -> Fields {
    let mut form = Fields::default();
    form.set("rejection_reasons", texts.rejection_reasons.join("\n"));
    form.set_seen(changed_at);
    form
}

pub fn messages_form(texts: &Texts, changed_at: Time) -> Fields {
    let mut form = Fields::default();
    form.set("charge_note", texts.charge_note.as_str());
    form.set("wallet_note", texts.wallet_note.as_str());
    form.set("support_telegram", texts.support_telegram.as_str());
    form.set("support_phone", texts.support_phone.as_str());
    form.set_seen(changed_at);
    form
}

pub async fn update_reasons(ask: Ask<Admin>, mut form: Fields) -> PageResult {
    let reasons = read_reasons(&mut form, &ask.page.t);
    let form = match reasons.filter(|_| form.is_ok()) {
        Some(reasons) => match save(&ask, form, |texts| texts.rejection_reasons = reasons).await? {
            None => return Ok(see_other(ask.hx, "/admin/settings#reasons")),
            Some(form) => form,
        },
        None => form,
    };
    refuse(&ask, form, |page, form| page.sections.reasons = form).await
}

pub async fn update_messages(ask: Ask<Admin>, mut form: Fields) -> PageResult {
    let new = read_messages(&mut form, &ask.page.t);
    let form = if form.is_ok() {
        let change = |texts: &mut Texts| {
            let rejection_reasons = std::mem::take(&mut texts.rejection_reasons);
            *texts = Texts { rejection_reasons, ..new };
        };
        match save(&ask, form, change).await? {
            None => return Ok(see_other(ask.hx, "/admin/settings#messages")),
            Some(form) => form,
        }
    } else {
        form
    };
    refuse(&ask, form, |page, form| page.sections.messages = form).await
}

/// `None` when it was saved; the form again, with what happened, when somebody was faster.
async fn save(
    ask: &Ask<Admin>,
    mut form: Fields,
    change: impl FnOnce(&mut Texts),
) -> Result<Option<Fields>, crate::web::AppError> {
    let (t, by) = (ask.page.t, ask.actor(ask.who.id));
    match settings::update_texts(&ask.app.db, by, change, form.seen()?, ask.app.clock.now()).await {
        Ok(()) => {
            flash(&ask.session, "ok", t.settings_saved()).await?;
            Ok(None)
        }
        Err(ChangeError::Database(error)) => Err(error.into()),
        Err(ChangeError::ChangedMeanwhile | ChangeError::LimitsReversed) => {
            let (_, changed_at) = settings::texts::dated(&mut *ask.app.db.acquire().await?).await?;
            form.set_seen(changed_at);
            form.fail("conflict", t.settings_texts_conflict());
            Ok(Some(form))
        }
    }
}

async fn refuse(
    ask: &Ask<Admin>,
    form: Fields,
    place: impl FnOnce(&mut super::SettingsPage, Fields),
) -> PageResult {
    let conflict = form.error("conflict").to_owned();
    let status = if conflict.is_empty() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::CONFLICT };
    let page = draw(ask, |page| {
        page.conflict = conflict;
        place(page, form);
    });
    Ok((status, page.await?).into_response())
}

fn read_reasons(form: &mut Fields, t: &Tr) -> Option<Vec<String>> {
    let typed = form.value("rejection_reasons").to_owned();
    let mut reasons: Vec<String> = Vec::new();
    for reason in typed.lines().map(normalize).filter(|line| !line.is_empty()) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    if reasons.len() > MAX_REASONS {
        form.fail("rejection_reasons", t.settings_reasons_too_many(t.digits(MAX_REASONS)));
    }
    if reasons.iter().any(|reason| reason.chars().count() > MAX_REASON) {
        form.fail("rejection_reasons", t.settings_reason_too_long(t.digits(MAX_REASON)));
    }
    form.is_ok().then_some(reasons)
}

fn read_messages(form: &mut Fields, t: &Tr) -> Texts {
    Texts {
        charge_note: read_lines(form, "charge_note", t),
        wallet_note: read_lines(form, "wallet_note", t),
        support_telegram: read_telegram(form, t),
        support_phone: read_phone(form, t),
        rejection_reasons: Vec::new(),
    }
}

/// Text of several lines, as it is stored.
fn read_lines(form: &mut Fields, name: &'static str, t: &Tr) -> String {
    let lines: Vec<String> = form.value(name).lines().map(normalize).collect();
    let text = lines.join("\n").trim().to_owned();
    if text.chars().count() > MAX_NOTE {
        form.fail(name, t.forms_too_long(t.digits(MAX_NOTE)));
    }
    text
}

/// A Telegram name, typed with or without its @ or as a link.
fn read_telegram(form: &mut Fields, t: &Tr) -> String {
    let typed = latin_digits(&normalize(form.get("support_telegram")));
    let name = typed.rsplit('/').next().unwrap_or_default().trim_start_matches('@').to_owned();
    let is_name = (5..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !name.is_empty() && !is_name {
        form.fail("support_telegram", t.settings_telegram_wrong());
    }
    name
}

/// A mobile number, or that of an office with its area code.
fn read_phone(form: &mut Fields, t: &Tr) -> String {
    let typed = clean_number(form.value("support_phone"));
    if typed.is_empty() {
        return typed;
    }
    if let Ok(mobile) = Phone::parse(&typed) {
        return mobile.as_str().to_owned();
    }
    if typed.len() != 11 || !typed.starts_with('0') || !typed.bytes().all(|b| b.is_ascii_digit()) {
        form.fail("support_phone", t.settings_phone_wrong());
    }
    typed
}
