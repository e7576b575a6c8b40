//! The owner's page of what the panel does by itself.

use askama::Template;
use axum::{
    extract::Path,
    routing::{get, post},
};
use sqlx::PgConnection;

use super::queries::{self, Debtor, JobRow, LastRun, TaskRow};
use crate::{
    calendar::Time,
    ids::{JobId, UserId},
    jobs::schedule::Task,
    locale::Tr,
    panel::{Cause, Health, Reach},
    upkeep,
    web::{
        Admin, AppError, Ask, Id, Page, PageResult, address,
        doors::{AdminDoor, Routes},
        html,
        page::flash,
        see_other,
    },
};

const PATH: &str = "/admin/upkeep";

/// What admins may reach.
pub fn admin_routes() -> Routes<AdminDoor> {
    Routes::new()
        .route(PATH, get(show))
        .route("/admin/upkeep/server", get(server))
        .route("/admin/upkeep/debts", get(debts))
        .route("/admin/upkeep/tasks/{task}/runs", post(create_run))
        .route("/admin/upkeep/jobs/{id}/retry", post(create_retry))
}

#[derive(Template)]
#[template(path = "upkeep/show.html")]
struct UpkeepPage {
    page: Page,
    tasks: Vec<TaskView>,
    queue: String,
    jobs: Vec<JobView>,
    /// The server as it is at the moment; `None` where the page asks for it afterwards.
    server: Option<ServerView>,
    /// Why nothing is sent to it at the moment; empty where calls go out.
    held_back: String,
    /// About how many accounts it says something else; empty for none.
    drifted: String,
}

#[derive(Template)]
#[template(path = "upkeep/_server.html")]
struct ServerPart {
    page: Page,
    server: Option<ServerView>,
    held_back: String,
    drifted: String,
}

struct TaskView {
    code: &'static str,
    name: String,
    about: String,
    /// Kind of badge and its word.
    state: (&'static str, String),
    last: String,
    next: String,
    error: String,
    is_open: bool,
}

struct JobView {
    id: JobId,
    kind: String,
    subject: String,
    attempts: String,
    error: String,
    state: (&'static str, String),
    is_failed: bool,
}

struct ServerView {
    state: (&'static str, String),
    facts: Vec<(String, String)>,
}

async fn show(ask: Ask<Admin>) -> PageResult {
    whole(ask, None).await
}

async fn whole(ask: Ask<Admin>, server: Option<ServerView>) -> PageResult {
    let (t, now) = (ask.page.t, ask.app.clock.now());
    let mut conn = ask.app.db.acquire().await?;
    let tasks = queries::tasks(&mut conn).await?.iter().map(|row| TaskView::new(row, &t, now)).collect();
    let figures = queries::queue(&mut conn, now).await?;
    let put_off = t.number(figures.put_off);
    let queue = match figures.oldest {
        Some(oldest) => t.upkeep_queue_waiting(t.number(figures.due), t.ago(oldest, now), put_off),
        None => t.upkeep_queue_empty(put_off),
    };
    let jobs =
        queries::troubled_jobs(&mut conn).await?.into_iter().map(|row| JobView::new(row, &t)).collect();
    let drifted = drifted(&mut conn, &t).await?;
    let held_back = held_back(ask.app.server.reach(), &t);
    html(&UpkeepPage {
        page: ask.page.titled(t.upkeep_title()),
        tasks,
        queue,
        jobs,
        server,
        held_back,
        drifted,
    })
}

/// Asked for by the page once it is there, since the server may take its time; a link without JavaScript.
async fn server(ask: Ask<Admin>) -> PageResult {
    let health = ask.app.server.health().await;
    let mut conn = ask.app.db.acquire().await?;
    let ours = queries::accounts_here(&mut conn).await?;
    let t = ask.page.t;
    let server = ServerView::new(&health, ours, &t);
    if ask.hx.0 {
        let drifted = drifted(&mut conn, &t).await?;
        let held_back = held_back(ask.app.server.reach(), &t);
        return html(&ServerPart { page: ask.page, server: Some(server), held_back, drifted });
    }
    drop(conn);
    whole(ask, Some(server)).await
}

#[derive(Template)]
#[template(path = "upkeep/debts.html")]
struct DebtsPage {
    page: Page,
    debtors: Vec<DebtorView>,
}

struct DebtorView {
    agent: UserId,
    username: String,
    owed: String,
    since: String,
    deadline: String,
    /// Unix seconds, while it is still to come.
    countdown: Option<i64>,
    accounts: String,
    /// The list of those that will be switched off.
    list: String,
}

async fn debts(ask: Ask<Admin>) -> PageResult {
    let (t, now) = (ask.page.t, ask.app.clock.now());
    let debtors = queries::debtors(&mut *ask.app.db.acquire().await?).await?;
    let debtors = debtors.into_iter().map(|debtor| DebtorView::new(debtor, &t, now)).collect();
    html(&DebtsPage { page: ask.page.titled(t.upkeep_debts_title()), debtors })
}

impl DebtorView {
    fn new(debtor: Debtor, t: &Tr, now: Time) -> Self {
        let is_over = debtor.deadline <= now;
        let list = [("owner", debtor.username.as_str()), ("status", "ACTIVE")];
        Self {
            list: if debtor.active > 0 { address("/admin/orders", &list) } else { String::new() },
            agent: debtor.agent,
            username: debtor.username,
            owed: t.amount(debtor.owed),
            since: t.ago(debtor.since, now),
            deadline: t.datetime(debtor.deadline),
            countdown: (!is_over).then_some(debtor.deadline.unix_timestamp()),
            accounts: t.upkeep_debts_accounts(t.number(debtor.active), t.number(debtor.suspended)),
        }
    }
}

async fn drifted(conn: &mut PgConnection, t: &Tr) -> sqlx::Result<String> {
    let drifted = queries::drifted(conn).await?;
    Ok(if drifted > 0 { t.upkeep_server_drifted(t.number(drifted)) } else { String::new() })
}

/// The state of the circuit, where it holds calls back.
fn held_back(reach: Reach, t: &Tr) -> String {
    match reach {
        Reach::Open | Reach::Doubtful => String::new(),
        Reach::Away { since, cause: Cause::ProxyFailed } => t.upkeep_server_proxy_away(t.datetime(since)),
        Reach::Away { since, .. } => t.upkeep_server_away(t.datetime(since)),
        Reach::CredentialsRefused { since } => t.upkeep_server_locked_out(t.datetime(since)),
    }
}

async fn create_run(ask: Ask<Admin>, Path(code): Path<String>) -> PageResult {
    let t = ask.page.t;
    let task = Task::from_code(&code).ok_or(AppError::NotFound)?;
    let asked = upkeep::run_now(&ask.app.db, ask.actor(ask.who.id), task, ask.app.clock.now()).await?;
    let (kind, text) = if asked {
        ("ok", t.upkeep_asked(name(&t, task)))
    } else {
        ("info", t.upkeep_under_way(name(&t, task)))
    };
    flash(&ask.session, kind, text).await?;
    Ok(see_other(ask.hx, PATH))
}

async fn create_retry(ask: Ask<Admin>, Id(id): Id) -> PageResult {
    let t = ask.page.t;
    let revived = upkeep::retry(&ask.app.db, ask.actor(ask.who.id), JobId(id), ask.app.clock.now()).await?;
    let (kind, text) =
        if revived { ("ok", t.upkeep_job_revived()) } else { ("info", t.upkeep_job_not_failed()) };
    flash(&ask.session, kind, text).await?;
    Ok(see_other(ask.hx, PATH))
}

fn name(t: &Tr, task: Task) -> String {
    match task {
        Task::Usage => t.upkeep_usage(),
        Task::Cleaning => t.upkeep_cleaning(),
        Task::Suspension => t.upkeep_suspension(),
        Task::Relief => t.upkeep_relief(),
        Task::Verification => t.upkeep_verification(),
        Task::Watch => t.upkeep_watch(),
        Task::Ends => t.upkeep_ends(),
        Task::Backup => t.upkeep_backup(),
        Task::RestoreDrill => t.upkeep_restore_drill(),
    }
}

fn about(t: &Tr, task: Task) -> String {
    match task {
        Task::Usage => t.upkeep_usage_about(),
        Task::Cleaning => t.upkeep_cleaning_about(),
        Task::Suspension => t.upkeep_suspension_about(),
        Task::Relief => t.upkeep_relief_about(),
        Task::Verification => t.upkeep_verification_about(),
        Task::Watch => t.upkeep_watch_about(),
        Task::Ends => t.upkeep_ends_about(),
        Task::Backup => t.upkeep_backup_about(),
        Task::RestoreDrill => t.upkeep_restore_drill_about(),
    }
}

/// What a run did, in words.
fn report(t: &Tr, task: Task, last: &LastRun) -> String {
    let value = |key: &str| last.report.get(key).and_then(serde_json::Value::as_i64).unwrap_or(0);
    let number = |key: &str| t.number(value(key));
    match task {
        Task::Usage => t.upkeep_usage_report(number("accounts"), number("drifted"), number("unread")),
        Task::Cleaning => t.upkeep_cleaning_report(number("removed")),
        Task::Suspension => t.upkeep_suspension_report(number("accounts")),
        Task::Relief => t.upkeep_relief_report(number("accounts")),
        Task::Verification => t.upkeep_verification_report(),
        Task::Watch => t.upkeep_watch_report(number("found")),
        Task::Ends => t.upkeep_ends_report(number("people")),
        Task::Backup => t.upkeep_backup_report(number("receipts"), t.bytes(value("bytes"))),
        Task::RestoreDrill if value("drilled") == 0 => t.upkeep_restore_drill_nothing(),
        Task::RestoreDrill => t.upkeep_restore_drill_report(),
    }
}

impl TaskView {
    fn new(row: &TaskRow, t: &Tr, now: Time) -> Self {
        let last = row.last.as_ref().map(|last| {
            let seconds = (last.finished_at - last.started_at).whole_seconds().max(0);
            let when = t.upkeep_last(t.ago(last.finished_at, now), t.number(seconds));
            if last.is_done { format!("{when} {}", report(t, row.task, last)) } else { when }
        });
        let state = match (&row.last, row.is_open) {
            (_, true) if row.open_error.is_some() => ("warn", t.upkeep_trying_again()),
            (_, true) => ("info", t.upkeep_running()),
            (None, false) => ("mute", t.upkeep_never()),
            (Some(last), false) if last.is_done => ("ok", t.upkeep_done()),
            (Some(_), false) => ("bad", t.upkeep_failed(t.number(row.failures))),
        };
        let error = row.open_error.clone().or_else(|| row.last.as_ref().and_then(|last| last.error.clone()));
        Self {
            code: row.task.code(),
            name: name(t, row.task),
            about: about(t, row.task),
            state,
            last: last.unwrap_or_default(),
            next: t.upkeep_next(t.datetime(row.task.next_due(now))),
            error: error.unwrap_or_default(),
            is_open: row.is_open,
        }
    }
}

impl JobView {
    fn new(row: JobRow, t: &Tr) -> Self {
        let state = if row.is_failed {
            ("bad", t.upkeep_job_failed())
        } else {
            ("warn", t.upkeep_job_again(t.datetime(row.run_at)))
        };
        let order = row.payload.get("order").and_then(serde_json::Value::as_i64);
        Self {
            id: row.id,
            kind: row.kind,
            subject: order.map(|order| t.upkeep_job_order(t.digits(order))).unwrap_or_default(),
            attempts: t.upkeep_job_attempts(t.number(row.attempts)),
            error: row.last_error,
            state,
            is_failed: row.is_failed,
        }
    }
}

impl ServerView {
    fn new(health: &Health, ours: i64, t: &Tr) -> Self {
        let milliseconds = i64::try_from(health.latency.as_millis()).unwrap_or(i64::MAX);
        let mut facts = vec![
            (t.upkeep_server_latency(), t.upkeep_milliseconds(t.number(milliseconds))),
            (t.upkeep_server_here(), t.number(ours)),
        ];
        if let Some(users) = health.users {
            facts.push((t.upkeep_server_there(), t.number(i64::try_from(users).unwrap_or(i64::MAX))));
        }
        if let Some(version) = &health.version {
            facts.push((t.upkeep_server_version(), version.clone()));
        }
        if let Some(core) = &health.core {
            let state = if core.running { t.upkeep_core_runs() } else { t.upkeep_core_stopped() };
            facts.push((t.upkeep_core(), state));
            facts.push((t.upkeep_core_version(), core.version.clone()));
        }
        let state = match health.problem {
            None if health.stands_still() => ("bad", t.upkeep_server_stands_still()),
            None => ("ok", t.upkeep_server_fine()),
            Some(Cause::Unauthorized) => ("bad", t.upkeep_server_unauthorized()),
            Some(Cause::ProxyFailed) => ("bad", t.upkeep_server_proxy()),
            Some(Cause::Server5xx | Cause::BadAnswer) => ("bad", t.upkeep_server_wrong()),
            Some(_) => ("bad", t.upkeep_server_unreachable()),
        };
        Self { state, facts }
    }
}
