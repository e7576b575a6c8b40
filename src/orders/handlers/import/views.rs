//! Imports in the words of a page.

use super::{
    super::admin::server_label,
    home,
    queries::{Import, Line, Owner},
};
use crate::{
    locale::Tr,
    orders::{
        DAY,
        all::ServerStatus,
        import::{Stage, Verdict},
        views::Badge,
    },
    panel::Cause,
};

/// So many characters of a note stand in the table.
const NOTE: usize = 80;

/// One entry of a list to pick from.
pub struct Pick {
    pub value: String,
    pub label: String,
}

impl Pick {
    /// An administrator of the server; the sign before the name tells nobody from all.
    pub fn keeper(t: &Tr, name: Option<String>, count: i64) -> Self {
        let value = format!("={}", name.as_deref().unwrap_or_default());
        let label = name.unwrap_or_else(|| t.import_keeper_nobody());
        Self { value, label: t.import_keeper_count(label, t.number(count)) }
    }

    pub fn owner(owner: &Owner) -> Self {
        let label = if owner.name == owner.username {
            owner.name.clone()
        } else {
            format!("{} ({})", owner.name, owner.username)
        };
        Self { value: owner.id.to_string(), label }
    }
}

/// An earlier import.
pub struct Past {
    pub href: String,
    pub about: String,
    pub badge: Badge,
}

impl Past {
    pub fn new(t: &Tr, import: &Import) -> Self {
        Self { href: home(import.id), about: about(t, import), badge: badge(t, import.stage) }
    }
}

/// Who read how many accounts when.
pub fn about(t: &Tr, import: &Import) -> String {
    t.import_about(&import.by, t.number(import.read), t.datetime(import.created_at))
}

fn badge(t: &Tr, stage: Stage) -> Badge {
    let (kind, text) = match stage {
        Stage::Reading => ("info", t.import_stage_reading()),
        Stage::Read => ("warn", t.import_stage_read()),
        Stage::Running => ("info", t.import_stage_running()),
        Stage::Done => ("ok", t.import_stage_done()),
        Stage::Stopped => ("mute", t.import_stage_stopped()),
    };
    Badge { kind, text }
}

/// How far it has come.
pub struct Progress {
    pub title: String,
    pub text: String,
    pub done: i64,
    pub all: i64,
    /// Why it waits; empty while it goes on.
    pub trouble: String,
}

impl Progress {
    /// `None` where nothing is under way.
    pub fn new(t: &Tr, import: &Import, counts: &[(Verdict, i64)]) -> Option<Self> {
        let of = |wanted| counts.iter().filter(|(found, _)| *found == wanted).map(|(_, n)| n).sum::<i64>();
        let (title, done, all) = match import.stage {
            Stage::Reading => (t.import_reading(), import.read, import.total.unwrap_or(0)),
            Stage::Running => {
                let done = of(Verdict::Taken);
                (t.import_running(), done, done + of(Verdict::Waiting))
            }
            Stage::Read | Stage::Done | Stage::Stopped => return None,
        };
        let trouble = import.trouble.as_deref().map(|name| {
            let why = Cause::named(name).map(|cause| cause.words(t)).unwrap_or_default();
            t.import_waits(why)
        });
        Some(Self {
            title,
            text: if all > 0 {
                t.import_progress(t.number(all), t.number(done.min(all)))
            } else {
                t.import_starting()
            },
            done: done.min(all),
            all: all.max(1),
            trouble: trouble.unwrap_or_default(),
        })
    }
}

/// Accounts that are left out for one reason.
pub struct Reason {
    pub href: String,
    pub words: String,
    pub count: String,
    pub is_shown: bool,
}

/// What becomes of an account, and why.
pub fn words(t: &Tr, verdict: Verdict) -> String {
    match verdict {
        Verdict::Take => t.import_verdict_take(),
        Verdict::Waiting => t.import_verdict_waiting(),
        Verdict::Taken => t.import_verdict_taken(),
        Verdict::Owned => t.import_verdict_owned(),
        Verdict::Foreign => t.import_verdict_foreign(),
        Verdict::Name => t.import_verdict_name(),
        Verdict::Twice => t.import_verdict_twice(),
        Verdict::NotChosen => t.import_verdict_not_chosen(),
        Verdict::Unreadable => t.import_verdict_unreadable(),
        Verdict::Gone => t.import_verdict_gone(),
        Verdict::Refused => t.import_verdict_refused(),
        Verdict::NoPlan => t.import_verdict_no_plan(),
        Verdict::Stopped => t.import_verdict_stopped(),
    }
}

/// One account of the table.
pub struct Row {
    /// Its order; empty before there is one.
    pub href: String,
    pub username: String,
    /// The beginning of its note on the server.
    pub note: String,
    /// Empty where the server can't show it.
    pub status: Option<Badge>,
    pub ends: String,
    pub volume: String,
    pub keeper: String,
    /// Empty where nobody gets it.
    pub owner: String,
    pub plan: String,
    pub badge: Badge,
}

impl Row {
    pub fn new(t: &Tr, line: &Line, owner: String) -> Self {
        let is_taken = matches!(line.verdict, Verdict::Take | Verdict::Waiting | Verdict::Taken);
        let kind = match line.verdict {
            Verdict::Take | Verdict::Taken => "ok",
            Verdict::Waiting => "info",
            Verdict::Unreadable | Verdict::Refused | Verdict::NoPlan | Verdict::Name => "warn",
            _ => "mute",
        };
        let is_known = line.status.is_some();
        Self {
            href: line.order.map(|order| format!("/admin/orders/{order}")).unwrap_or_default(),
            username: line.username.clone(),
            note: shortened(&line.note),
            status: line.status.map(|status| Badge { kind: colour(status), text: server_label(t, status) }),
            ends: if is_known { ends(t, line) } else { String::new() },
            volume: match line.data_limit_bytes {
                _ if !is_known => String::new(),
                Some(bytes) => t.bytes(bytes),
                None => t.drift_unlimited(),
            },
            keeper: line.keeper.clone().unwrap_or_default(),
            owner: if is_taken { owner } else { String::new() },
            plan: line.plan.clone().filter(|_| is_taken).unwrap_or_default(),
            badge: Badge { kind, text: words(t, line.verdict) },
        }
    }
}

fn colour(status: ServerStatus) -> &'static str {
    match status {
        ServerStatus::Active => "ok",
        ServerStatus::OnHold => "info",
        ServerStatus::Disabled => "mute",
        ServerStatus::Limited | ServerStatus::Expired => "bad",
    }
}

fn ends(t: &Tr, line: &Line) -> String {
    match (line.expire_at, line.on_hold_seconds) {
        (Some(end), _) => t.date(end),
        (None, Some(seconds)) if line.status == Some(ServerStatus::OnHold) => {
            t.orders_ends_after_connecting(t.number(seconds / DAY))
        }
        (None, _) => t.drift_endless(),
    }
}

fn shortened(note: &str) -> String {
    let mut text: String = note.chars().take(NOTE).collect();
    if text.len() < note.len() {
        text.push('…');
    }
    text
}
