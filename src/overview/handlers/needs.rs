//! What needs the owner, in words: one row each, also where all is well.

use sqlx::PgConnection;
use time::Duration;

use crate::{
    calendar::Time,
    locale::Tr,
    overview::needs::{self, Needs, Owing},
    panel::Checkup,
};

/// A due job that waits longer than this says that no worker runs.
const WORKERLESS: Duration = Duration::minutes(2);

/// One is made each night; an older one says that a night was missed.
const BACKUP_OLD: Duration = Duration::hours(26);

/// One thing to know.
pub struct Need {
    /// `ok`, `warn`, `bad` or `mute`.
    pub kind: &'static str,
    pub text: String,
    pub note: String,
    /// Where it is dealt with; empty without a place.
    pub href: String,
    pub people: Vec<PersonOwing>,
}

/// An agent whose time runs.
pub struct PersonOwing {
    pub href: String,
    pub name: String,
    pub owed: String,
    pub countdown_unix: i64,
    pub deadline: String,
}

impl Need {
    fn new(kind: &'static str, text: String) -> Self {
        Self { kind, text, note: String::new(), href: String::new(), people: Vec::new() }
    }

    fn noted(self, note: String) -> Self {
        Self { note, ..self }
    }

    fn at(self, href: &str) -> Self {
        Self { href: href.to_owned(), ..self }
    }

    /// The picture before it.
    pub fn icon(&self) -> &'static str {
        match self.kind {
            "ok" => "check-circle",
            "mute" => "clock",
            _ => "exclamation-triangle",
        }
    }
}

/// All that is known without asking another machine.
///
/// # Errors
/// When the database fails.
pub async fn load(
    conn: &mut PgConnection,
    t: &Tr,
    store: Option<&str>,
    now: Time,
) -> sqlx::Result<Vec<Need>> {
    let counts = needs::needs(conn, store, now).await?;
    let owing = if counts.owing > 0 { needs::owing(conn).await? } else { Vec::new() };
    Ok(vec![
        payments(t, &counts, now),
        below_zero(t, &counts, &owing),
        accounts(t, &counts),
        jobs(t, &counts, now),
        backup(t, &counts, now),
    ])
}

fn payments(t: &Tr, counts: &Needs, now: Time) -> Need {
    let Some(oldest) = counts.oldest_payment else { return Need::new("ok", t.overview_no_payments()) };
    Need::new("warn", t.overview_payments(t.number(counts.payments)))
        .noted(t.overview_oldest(t.ago(oldest, now)))
        .at("/admin/payments")
}

fn below_zero(t: &Tr, counts: &Needs, owing: &[Owing]) -> Need {
    if owing.is_empty() {
        return Need::new("ok", t.overview_nobody_owes());
    }
    let people = owing.iter().filter_map(|agent| {
        let balance = agent.balance();
        let deadline = balance.deadline(agent.deadline_deferred_until)?;
        Some(PersonOwing {
            href: format!("/admin/agents/{}", agent.id),
            name: agent.name.clone(),
            owed: t.amount(-balance.total()),
            countdown_unix: deadline.unix_timestamp(),
            deadline: t.datetime(deadline),
        })
    });
    let need =
        Need { people: people.collect(), ..Need::new("bad", t.overview_owing(t.number(counts.owing))) };
    need.at("/admin/agents?show=owing")
}

/// The worst leads, and stands first; the next is a note to it.
fn accounts(t: &Tr, counts: &Needs) -> Need {
    let minutes = || t.number(needs::LATE.whole_minutes());
    let late = (counts.late_orders > 0).then(|| {
        let words = t.overview_late(t.number(counts.late_orders), minutes());
        ("bad", words, "/admin/orders?status=PROVISIONING".to_owned())
    });
    let changes = counts.late_change.map(|order| {
        let words = t.overview_late_changes(t.number(counts.late_changes), minutes());
        ("bad", words, format!("/admin/orders/{order}"))
    });
    let failed = (counts.failed_orders > 0).then(|| {
        let words = t.overview_failed(t.number(counts.failed_orders));
        ("warn", words, "/admin/orders?status=FAILED".to_owned())
    });
    let mut all = [late, changes, failed].into_iter().flatten();
    let Some((kind, words, href)) = all.next() else { return Need::new("ok", t.overview_all_made()) };
    Need::new(kind, words).noted(all.next().map(|(_, words, _)| words).unwrap_or_default()).at(&href)
}

fn jobs(t: &Tr, counts: &Needs, now: Time) -> Need {
    let failed = (counts.failed_jobs > 0).then(|| t.overview_failed_jobs(t.number(counts.failed_jobs)));
    let stuck = counts.oldest_due_job.filter(|due| now - *due > WORKERLESS);
    match (stuck, failed) {
        (Some(due), failed) => {
            Need::new("bad", t.overview_stuck(t.ago(due, now))).noted(failed.unwrap_or_default())
        }
        (None, Some(failed)) => Need::new("warn", failed),
        (None, None) => Need::new("ok", t.overview_jobs_run()),
    }
}

fn backup(t: &Tr, counts: &Needs, now: Time) -> Need {
    let need = match counts.last_backup {
        None => Need::new("warn", t.overview_no_backup()),
        Some(at) if now - at > BACKUP_OLD => Need::new("warn", t.overview_backup_old(t.ago(at, now))),
        Some(at) => match counts.uncopied_since {
            Some(since) => Need::new("warn", t.overview_backup_not_copied(t.ago(since, now))),
            None => Need::new("ok", t.overview_backup(t.ago(at, now))),
        },
    };
    need.at("/admin/backups")
}

/// How the server does; `None` where it hasn't answered yet.
pub fn server(t: &Tr, checkup: Option<&Checkup>, now: Time) -> Need {
    let Some(Checkup { health, at }) = checkup else {
        return Need::new("warn", t.overview_server_slow()).at("/admin/server");
    };
    let ago = t.ago(*at, now);
    match (&health.version, health.problem) {
        (Some(_), None) if health.stands_still() => {
            Need::new("bad", t.overview_core_stopped()).noted(ago).at("/admin/upkeep/server")
        }
        (Some(version), None) => {
            let ms = i64::try_from(health.latency.as_millis()).unwrap_or(i64::MAX);
            Need::new("ok", t.overview_server_answers()).noted(t.overview_server_facts(
                ago,
                t.number(ms),
                version,
            ))
        }
        (_, problem) => Need::new("bad", t.overview_server_silent())
            .noted(problem.map(|cause| t.overview_server_why(ago, cause.words(t))).unwrap_or_default()),
    }
}
