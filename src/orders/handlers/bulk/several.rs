//! The form that makes several accounts: what is typed, what it costs, and the go-ahead.

use askama::Template;
use axum::{http::StatusCode, response::IntoResponse};
use uuid::Uuid;

use super::super::create::{ChoiceView, card, chosen, name_error};
use crate::{
    ids::BatchId,
    locale::Tr,
    money::Toman,
    orders::{
        bulk::{
            MOST,
            batches::{self, Before, NewBatch},
            names::{self, BadLine, LineError, Named},
        },
        queries::{self, Choice},
        usernames::{self, ALIAS_LENGTH},
    },
    persian::latin_digits,
    web::{Agent, AppError, Ask, Fields, Page, PageResult, drafts, html, see_other},
};

const FORM: &str = "/agent/create-user/several";

#[derive(Template)]
#[template(path = "orders/several.html")]
struct SeveralPage {
    page: Page,
    form: Fields,
    choices: Vec<ChoiceView>,
    /// The names that can't be used, and why.
    bad_lines: Vec<String>,
    username_hint: String,
    owed: String,
    most: String,
    /// Where the accounts are that the same form made before; else empty.
    made_before: String,
}

#[derive(Template)]
#[template(path = "orders/several_confirm.html")]
struct ConfirmPage {
    page: Page,
    form: Fields,
    count: String,
    plan: String,
    price: String,
    total: String,
    after: String,
    names: Vec<Named>,
}

pub async fn new(ask: Ask<Agent>) -> PageResult {
    let mut form = drafts::take(&ask.session, FORM).await?;
    form.set_default("way", "numbered");
    form.set_default("first", "1");
    form.set("request_id", Uuid::new_v4().to_string());
    html(&draw(ask, form, Vec::new()).await?)
}

/// What stands in the form, once it can be read.
struct Asked {
    new: NewBatch,
    choice: Choice,
    total: Toman,
}

pub async fn create(ask: Ask<Agent>, mut form: Fields) -> PageResult {
    let request_id = form.request_id()?;
    let step = form.get("step").to_owned();
    if step == "edit" {
        return html(&draw(ask, form, Vec::new()).await?);
    }
    let mut bad_lines = Vec::new();
    let mut made_before = String::new();
    if let Some(new) = read(&ask, &mut form, request_id, &mut bad_lines).await? {
        match batches::before(&ask.app.db, &new).await? {
            Before::Same(batch) => return go_on(ask, batch).await,
            Before::Other(batch) => {
                made_before = format!("/agent/batches/{batch}");
                form.set("request_id", Uuid::new_v4().to_string());
            }
            Before::New => {
                if let Some(asked) = check(&ask, &mut form, new.clone(), &mut bad_lines).await? {
                    return if step == "confirm" {
                        place(ask, asked.new).await
                    } else {
                        confirm(ask, form, &asked)
                    };
                }
                // Its twin may have been quicker, and then these very names are taken.
                if let Before::Same(batch) = batches::before(&ask.app.db, &new).await? {
                    return go_on(ask, batch).await;
                }
            }
        }
    }
    let mut answer = draw(ask, form, bad_lines).await?;
    answer.made_before = made_before;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&answer)?).into_response())
}

/// Reads what was typed; what is wrong with it stands beside it.
async fn read(
    ask: &Ask<Agent>,
    form: &mut Fields,
    request_id: Uuid,
    bad_lines: &mut Vec<String>,
) -> Result<Option<NewBatch>, AppError> {
    let t = ask.page.t;
    let prefix = usernames::prefix_of(&ask.app.db, ask.who.id).await?;
    let plan = chosen(form.get("plan"));
    if plan.is_none() {
        form.fail("plan", t.orders_plan_choose());
    }
    let names = if form.get("way") == "list" {
        let (names, bad) = names::listed(form.value("names"), &prefix);
        if !bad.is_empty() {
            form.fail("names", t.bulk_lines_wrong());
            *bad_lines = bad.iter().map(|line| line_words(&t, line)).collect();
        } else if names.is_empty() {
            form.fail("names", t.bulk_names_empty());
        } else if names.len() > MOST {
            form.fail("names", t.bulk_too_many(t.number(MOST as i64)));
        }
        names
    } else {
        numbered(&t, form, &prefix)
    };
    let Some((plan, price_seen)) = plan.filter(|_| form.is_ok()) else { return Ok(None) };
    let on_hold = form.ticked("on_hold");
    Ok(Some(NewBatch { owner: ask.who.id, plan, price_seen, on_hold, request_id, names }))
}

fn numbered(t: &Tr, form: &mut Fields, prefix: &str) -> Vec<Named> {
    let number = |text: &str| latin_digits(text).trim().parse::<u32>().ok();
    let count = number(form.get("count")).and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|count| (1..=MOST).contains(count));
    let first = number(form.get("first")).filter(|first| *first <= 999_999);
    if count.is_none() {
        form.fail("count", t.bulk_count_wrong(t.number(MOST as i64)));
    }
    if first.is_none() {
        form.fail("first", t.bulk_first_wrong());
    }
    let (Some(count), Some(first)) = (count, first) else { return Vec::new() };
    names::numbered(form.get("stem"), first, count, prefix).unwrap_or_else(|error| {
        form.fail("stem", name_error(t, error));
        Vec::new()
    })
}

/// Whether the plan, the credit and the names can be had now.
async fn check(
    ask: &Ask<Agent>,
    form: &mut Fields,
    new: NewBatch,
    bad_lines: &mut Vec<String>,
) -> Result<Option<Asked>, AppError> {
    let t = ask.page.t;
    let (db, viewer) = (&ask.app.db, &ask.who);
    let count = new.names.len() as i64;
    let choice = queries::agent_choices(db).await?.into_iter().find(|choice| choice.id == new.plan);
    let total = Toman(new.price_seen.0.saturating_mul(count));
    let spendable = viewer.balance.spendable(viewer.pending_ceiling);
    match &choice {
        None => form.fail("plan", t.orders_plan_inactive()),
        Some(choice) if choice.price != new.price_seen => {
            form.fail("plan", t.orders_plan_price_changed(t.amount(choice.price)));
        }
        Some(_) if total > spendable => {
            form.fail(
                "plan",
                t.bulk_total_missing(t.number(count), t.amount(total - spendable), t.amount(total)),
            );
        }
        Some(_) => {}
    }
    let taken = names::taken(db, &ask.app.server, &new.names).await?;
    if !taken.is_empty() {
        let field = if form.get("way") == "list" { "names" } else { "stem" };
        form.fail(field, t.bulk_some_taken());
        let lines = (1..).zip(&new.names).filter(|(_, named)| taken.contains(&named.username));
        let lines = lines.map(|(number, named)| BadLine {
            number: if field == "names" { line_of(form.value("names"), number) } else { number },
            text: named.username.clone(),
            error: LineError::Taken,
        });
        *bad_lines = lines.map(|line| line_words(&t, &line)).collect();
    }
    Ok(choice.filter(|_| form.is_ok()).map(|choice| Asked { new, choice, total }))
}

/// The number of the line that holds the name at this place; empty lines hold none.
fn line_of(text: &str, place: usize) -> usize {
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines.nth(place - 1).map_or(place, |(number, _)| number)
}

fn line_words(t: &Tr, line: &BadLine) -> String {
    let why = match line.error {
        LineError::Name(error) => name_error(t, error),
        LineError::Twice => t.bulk_name_twice(),
        LineError::AliasLong => t.orders_alias_long(t.digits(ALIAS_LENGTH)),
        LineError::Taken => t.bulk_name_taken(),
    };
    let name: String = line.text.chars().take(40).collect();
    t.bulk_line(&name, t.number(line.number as i64), why)
}

fn confirm(ask: Ask<Agent>, form: Fields, asked: &Asked) -> PageResult {
    let t = ask.page.t;
    html(&ConfirmPage {
        count: t.number(asked.new.names.len() as i64),
        plan: asked.choice.name.clone(),
        price: t.amount(asked.choice.price),
        total: t.amount(asked.total),
        after: t.amount(ask.who.balance.total() - asked.total),
        names: asked.new.names.clone(),
        form,
        page: ask.page.titled(t.bulk_several_title()),
    })
}

async fn place(ask: Ask<Agent>, new: NewBatch) -> PageResult {
    match batches::store(&ask.app.db, &new, ask.app.clock.now()).await? {
        Before::Same(batch) | Before::Other(batch) => go_on(ask, batch).await,
        Before::New => Err(AppError::NotFound),
    }
}

async fn go_on(ask: Ask<Agent>, batch: BatchId) -> PageResult {
    batches::carry_out(&ask.app.db, ask.who.id, batch, &ask.app.clock).await?;
    Ok(see_other(ask.hx, &format!("/agent/batches/{batch}")))
}

async fn draw(ask: Ask<Agent>, form: Fields, bad_lines: Vec<String>) -> Result<SeveralPage, AppError> {
    let t = ask.page.t;
    let choices = queries::agent_choices(&ask.app.db).await?;
    let prefix = usernames::prefix_of(&ask.app.db, ask.who.id).await?;
    let total = ask.who.balance.total();
    Ok(SeveralPage {
        choices: choices.iter().map(|choice| card(&t, &ask.who, false, choice, &form)).collect(),
        bad_lines,
        username_hint: if prefix.is_empty() {
            t.orders_username_hint()
        } else {
            t.orders_username_hint_prefix(&prefix)
        },
        owed: if total.is_negative() { t.amount(-total) } else { String::new() },
        most: t.number(MOST as i64),
        made_before: String::new(),
        form,
        page: ask.page.titled(t.bulk_several_title()),
    })
}
