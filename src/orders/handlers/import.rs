//! The admin's pages for bringing in the accounts that the server has already.

mod views;

use askama::Template;
use axum::{
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use axum_extra::extract::Query;
use uuid::Uuid;

use crate::{
    ids::{ImportId, UserId},
    locale::Tr,
    orders::import::{
        Stage, Verdict,
        choice::{self, Choice, ChoiceError},
        queries::{self, Import},
        reading,
    },
    persian::normalize,
    web::{
        Admin, AppError, Ask, Fields, Id, Page, PageResult, address,
        doors::{AdminDoor, Routes},
        html,
        page::flash,
        see_other,
    },
};
use views::{Past, Pick, Progress, Reason, Row};

const PATH: &str = "/admin/orders/import";
/// Accounts on one page.
const ROWS: usize = 25;
/// Imports on the first page.
const PAST: i64 = 10;
/// The longest pattern or part of a note, in characters.
const TYPED: usize = 100;

/// What admins may reach.
pub fn routes() -> Routes<AdminDoor> {
    Routes::new()
        .route(PATH, get(index).post(create))
        .route("/admin/orders/import/{id}", get(show))
        .route("/admin/orders/import/{id}/choice", post(create_choice))
        .route("/admin/orders/import/{id}/taking", post(create_taking))
        .route("/admin/orders/import/{id}/stop", post(create_stop))
}

fn home(id: ImportId) -> String {
    format!("{PATH}/{id}")
}

#[derive(Template)]
#[template(path = "orders/import/index.html")]
struct IndexPage {
    page: Page,
    request_id: String,
    past: Vec<Past>,
}

async fn index(ask: Ask<Admin>) -> PageResult {
    let t = ask.page.t;
    let imports = queries::imports(&ask.app.db, None, PAST).await?;
    html(&IndexPage {
        request_id: Uuid::new_v4().to_string(),
        past: imports.iter().map(|import| Past::new(&t, import)).collect(),
        page: ask.page.titled(t.import_title()),
    })
}

async fn create(ask: Ask<Admin>, form: Fields) -> PageResult {
    let by = ask.actor(ask.who.id);
    let id = reading::begin(&ask.app.db, by, form.request_id()?, ask.app.clock.now()).await?;
    Ok(see_other(ask.hx, &home(id)))
}

/// What the address says about the table.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct ListQuery {
    show: String,
    after: String,
}

#[derive(Template)]
#[template(path = "orders/import/show.html")]
struct ShowPage {
    page: Page,
    import: Import,
    href: String,
    /// While it is being read or carried out.
    progress: Option<Progress>,
    form: Fields,
    keepers: Vec<Pick>,
    owners: Vec<Pick>,
    /// Whom the orders go to; empty before somebody was chosen.
    owner: String,
    /// How many would be, or were, brought in.
    taken: String,
    /// How many the server can't show; empty for none.
    hidden: String,
    has_any: bool,
    /// There are accounts with an order's note that this panel does not know.
    may_be_lost: bool,
    can_choose: bool,
    can_take: bool,
    reasons: Vec<Reason>,
    /// The name of what the table shows.
    shown: String,
    rows: Vec<Row>,
    next: String,
    first: String,
    about: String,
}

#[derive(Template)]
#[template(path = "orders/import/_progress.html")]
struct ProgressPart {
    page: Page,
    href: String,
    progress: Progress,
}

async fn show(ask: Ask<Admin>, id: Id, Query(query): Query<ListQuery>) -> PageResult {
    let id = ImportId(id.0);
    let import = queries::import(&ask.app.db, id).await?.ok_or(AppError::NotFound)?;
    if ask.hx.0 {
        let counts = queries::counts(&ask.app.db, id).await?;
        return match Progress::new(&ask.page.t, &import, &counts) {
            Some(progress) => html(&ProgressPart { href: home(id), progress, page: ask.page }),
            // What comes after it is another page.
            None => Ok(see_other(ask.hx, &home(id))),
        };
    }
    let form = typed(&import, ask.who.id);
    draw(ask, import, form, &query).await
}

/// The form as it was sent the last time.
fn typed(import: &Import, admin: UserId) -> Fields {
    let mut form = Fields::default();
    form.set("pattern", import.pattern.clone());
    form.set("note", import.note.clone());
    form.set("keeper", import.keeper.as_ref().map(|name| format!("={name}")).unwrap_or_default());
    form.set("owner", import.owner.unwrap_or(admin).to_string());
    if import.keeps_notes {
        form.set("keeps_notes", "true");
    }
    if import.takes_lost {
        form.set("takes_lost", "true");
    }
    form
}

async fn draw(ask: Ask<Admin>, import: Import, form: Fields, query: &ListQuery) -> PageResult {
    let (t, db, id) = (ask.page.t, &ask.app.db, import.id);
    let counts = queries::counts(db, id).await?;
    let count = |verdicts: &[Verdict]| -> i64 {
        counts.iter().filter(|(verdict, _)| verdicts.contains(verdict)).map(|(_, count)| count).sum()
    };
    let main = [Verdict::Take, Verdict::Waiting, Verdict::Taken];
    let chosen = counts.iter().map(|(verdict, _)| *verdict).find(|verdict| verdict.code() == query.show);
    let verdicts: Vec<Verdict> = chosen.map_or_else(|| main.to_vec(), |verdict| vec![verdict]);
    let after = query.after.parse().unwrap_or(0);
    let is_read = import.stage != Stage::Reading;
    let mut lines = if is_read {
        queries::lines(db, id, &verdicts, after, ROWS as i64 + 1, ask.page.now).await?
    } else {
        Vec::new()
    };
    let more = lines.len() > ROWS;
    lines.truncate(ROWS);
    let here = home(id);
    let shown = chosen.map(Verdict::code).unwrap_or_default();
    let page_at = |after: &str| address(&here, &[("show", shown), ("after", after)]);
    let owner = import.owner.map(|owner| {
        if owner == ask.who.id { t.import_house() } else { import.owner_name.clone().unwrap_or_default() }
    });
    let agents = queries::agents(db).await?;
    let house = Pick { value: ask.who.id.to_string(), label: t.import_house() };
    let keepers = queries::keepers(db, id).await?;
    let can_choose = import.stage == Stage::Read;
    let status = if form.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let view = ShowPage {
        progress: Progress::new(&t, &import, &counts),
        form,
        keepers: keepers.into_iter().map(|(name, count)| Pick::keeper(&t, name, count)).collect(),
        owners: std::iter::once(house).chain(agents.iter().map(Pick::owner)).collect(),
        taken: t.number(count(&main)),
        hidden: if import.hidden > 0 { t.number(import.hidden) } else { String::new() },
        has_any: count(&main) > 0,
        may_be_lost: import.takes_lost || count(&[Verdict::Foreign]) > 0,
        can_choose,
        can_take: can_choose && import.choice > 0 && import.has_plan && count(&main) > 0,
        reasons: counts
            .iter()
            .filter(|(verdict, _)| is_read && !main.contains(verdict))
            .map(|(verdict, count)| Reason {
                href: address(&here, &[("show", verdict.code())]),
                words: views::words(&t, *verdict),
                count: t.number(*count),
                is_shown: chosen == Some(*verdict),
            })
            .collect(),
        shown: chosen.map(|verdict| views::words(&t, verdict)).unwrap_or_default(),
        rows: lines.iter().map(|line| Row::new(&t, line, owner.clone().unwrap_or_default())).collect(),
        next: lines.last().filter(|_| more).map(|last| page_at(&last.place.to_string())).unwrap_or_default(),
        first: if after > 0 { page_at("") } else { String::new() },
        about: views::about(&t, &import),
        owner: owner.unwrap_or_default(),
        href: here.clone(),
        import,
        page: ask.page.titled(t.import_title()),
    };
    Ok((status, html(&view)?).into_response())
}

async fn create_choice(ask: Ask<Admin>, id: Id, mut form: Fields) -> PageResult {
    let id = ImportId(id.0);
    let t = ask.page.t;
    let pattern = form.optional_line("pattern", TYPED, &t);
    let note = normalize(&form.optional_line("note", TYPED, &t));
    let keeper = form.get("keeper").strip_prefix('=').map(str::to_owned);
    let owner = form.get("owner").parse().map(UserId).unwrap_or(UserId(0));
    let (keeps_notes, takes_lost) = (form.ticked("keeps_notes"), form.ticked("takes_lost"));
    if form.is_ok() {
        let choice = Choice { pattern, keeper, note, owner, keeps_notes, takes_lost };
        match choice::choose(&ask.app.db, id, &choice, ask.actor(ask.who.id)).await {
            Ok(()) => return Ok(see_other(ask.hx, &format!("{}#accounts", home(id)))),
            Err(ChoiceError::BadOwner) => form.fail("owner", t.orders_admin_move_bad_target()),
            Err(error) => return answer(&ask, id, error).await,
        }
    }
    let import = queries::import(&ask.app.db, id).await?.ok_or(AppError::NotFound)?;
    draw(ask, import, form, &ListQuery::default()).await
}

async fn create_taking(ask: Ask<Admin>, id: Id, form: Fields) -> PageResult {
    let id = ImportId(id.0);
    let seen = form.get("choice").parse().map_err(|_| AppError::BadRequest("choice"))?;
    let by = ask.actor(ask.who.id);
    match choice::confirm(&ask.app.db, id, seen, by, ask.app.clock.now()).await {
        Ok(()) => Ok(see_other(ask.hx, &home(id))),
        Err(error) => answer(&ask, id, error).await,
    }
}

/// Back to the import, which says how it stands by now.
async fn answer(ask: &Ask<Admin>, id: ImportId, error: ChoiceError) -> PageResult {
    flash(&ask.session, "bad", trouble(&ask.page.t, error)?).await?;
    Ok(see_other(ask.hx, &home(id)))
}

fn trouble(t: &Tr, error: ChoiceError) -> Result<String, AppError> {
    Ok(match error {
        ChoiceError::NotFound => return Err(AppError::NotFound),
        ChoiceError::Database(error) => return Err(error.into()),
        ChoiceError::TooLate => t.import_too_late(),
        ChoiceError::BadOwner => t.orders_admin_move_bad_target(),
        ChoiceError::Changed => t.import_changed(),
        ChoiceError::Nothing => t.import_nothing(),
        ChoiceError::NoPlan => t.import_no_plan(),
    })
}

async fn create_stop(ask: Ask<Admin>, id: Id) -> PageResult {
    let id = ImportId(id.0);
    queries::import(&ask.app.db, id).await?.ok_or(AppError::NotFound)?;
    choice::stop(&ask.app.db, id, ask.actor(ask.who.id), ask.app.clock.now()).await?;
    Ok(see_other(ask.hx, &home(id)))
}
