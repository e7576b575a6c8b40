//! The server that the shop has: each call goes through the circuit and leaves one line in the log when it isn't done.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant as Began},
};

use tokio::sync::watch;

use super::{
    Account, Answer, Attempt, Cause, Checkup, Health, Listed, NewAccount, Noted, Outcome, Panel, Probing,
    Reach, Renewal, Reset, Stop, Stretch, Terms,
    circuit::{Circuit, Pass},
};
use crate::{calendar::Clock, metrics};

/// The name of a call that looks whether the panel is back; that it isn't, is no news.
const PROBE: &str = "probe";

/// The panel behind its circuit; clones share both.
#[derive(Clone)]
pub struct Server {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    panel: Box<dyn Panel>,
    circuit: Circuit,
    pub(super) clock: Clock,
    pub(super) last_checkup: std::sync::Mutex<Option<Checkup>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.inner.panel).finish()
    }
}

impl Server {
    /// Puts the circuit before the panel; sends nothing yet.
    pub fn new(panel: impl Panel + 'static, probing: Probing, clock: Clock) -> Self {
        let circuit = Circuit::new(probing, clock.clone());
        let last_checkup = std::sync::Mutex::default();
        Self { inner: Arc::new(Inner { panel: Box::new(panel), circuit, clock, last_checkup }) }
    }

    /// As [`Panel::create`].
    pub async fn create_account(&self, new: &NewAccount, attempt: Attempt) -> Outcome<Account> {
        self.guarded("create_account", &new.username, self.inner.panel.create(new, attempt)).await
    }

    /// As [`Panel::get`].
    pub async fn account(&self, username: &str) -> Outcome<Option<Account>> {
        self.guarded("account", username, self.inner.panel.get(username)).await
    }

    /// As [`Panel::list`].
    pub async fn accounts(&self, usernames: &[&str]) -> Outcome<Listed> {
        let first = usernames.first().copied().unwrap_or_default();
        self.guarded("accounts", first, self.inner.panel.list(usernames)).await
    }

    /// As [`Panel::stretch`].
    pub async fn stretch(&self, start: u64, limit: usize) -> Outcome<Stretch> {
        self.guarded("stretch", "", self.inner.panel.stretch(start, limit)).await
    }

    /// As [`Panel::set_note`].
    pub async fn set_note(&self, username: &str, before: &str, after: &str) -> Outcome<Noted> {
        self.guarded("set_note", username, self.inner.panel.set_note(username, before, after)).await
    }

    /// As [`Panel::delete`].
    pub async fn delete_account(&self, username: &str) -> Outcome<()> {
        self.guarded("delete_account", username, self.inner.panel.delete(username)).await
    }

    /// As [`Panel::set_enabled`].
    pub async fn set_enabled(&self, username: &str, enabled: bool) -> Outcome<Account> {
        self.guarded("set_enabled", username, self.inner.panel.set_enabled(username, enabled)).await
    }

    /// As [`Panel::renew`].
    pub async fn renew(&self, username: &str, renewal: &Renewal) -> Outcome<Account> {
        self.guarded("renew", username, self.inner.panel.renew(username, renewal)).await
    }

    /// As [`Panel::reset`].
    pub async fn reset_volume(&self, username: &str, reset: &Reset) -> Outcome<Account> {
        self.guarded("reset_volume", username, self.inner.panel.reset(username, reset)).await
    }

    /// As [`Panel::revoke`].
    pub async fn revoke_subscription(&self, username: &str) -> Outcome<Account> {
        self.guarded("revoke_subscription", username, self.inner.panel.revoke(username)).await
    }

    /// As [`Panel::update`].
    pub async fn restore(&self, username: &str, terms: &Terms) -> Outcome<Account> {
        self.guarded("restore", username, self.inner.panel.update(username, terms)).await
    }

    /// How the panel can be reached, without asking it.
    pub fn reach(&self) -> Reach {
        self.inner.circuit.reach()
    }

    /// Tells of each change of [`Self::reach`].
    pub fn watch(&self) -> watch::Receiver<Reach> {
        self.inner.circuit.watch()
    }

    /// Waits until a probe is due, and sends it. Whoever is told by [`Self::watch`] that the panel is away looks so
    /// for its return.
    pub async fn probe(&self) {
        tokio::time::sleep_until(self.inner.circuit.next_probe()).await;
        let _ = self.guarded(PROBE, "", self.inner.panel.state()).await;
    }

    /// One call through the circuit. The work begins only when it is let through.
    async fn guarded<T>(
        &self,
        call: &'static str,
        username: &str,
        work: impl Future<Output = Answer<T>>,
    ) -> Outcome<T> {
        let began = Began::now();
        let circuit = &self.inner.circuit;
        let result = match circuit.enter() {
            Err(stop) => return conclude(call, username, began, Err(stop)),
            Ok(Pass::Free) => {
                let result = work.await;
                circuit.note(Pass::Free, &result);
                result
            }
            // Asked about itself, the panel says more than about one account, which may be broken on its own.
            Ok(Pass::Probe) => {
                let there = self.inner.panel.state().await;
                circuit.note(Pass::Probe, &there);
                match there {
                    Ok(_) => work.await,
                    Err(stop) => Err(stop),
                }
            }
        };
        conclude(call, username, began, result)
    }

    /// How the panel does at the moment; asked once, without repeating, also where calls are held back.
    pub async fn health(&self) -> Health {
        let began = Began::now();
        let result = self.inner.panel.state().await;
        self.inner.circuit.note(Pass::Free, &result);
        let latency = began.elapsed();
        match conclude("health", "", began, result) {
            Outcome::Done(state) => Health {
                reachable: true,
                problem: None,
                version: Some(state.version),
                latency,
                users: Some(state.users),
                core: conclude("core", "", Began::now(), self.inner.panel.core().await).done().flatten(),
            },
            Outcome::Refused(_) => unreachable_because(Cause::BadAnswer, latency),
            Outcome::Unknown(cause) => unreachable_because(cause, latency),
        }
    }
}

fn unreachable_because(cause: Cause, latency: Duration) -> Health {
    Health { reachable: false, problem: Some(cause), version: None, latency, users: None, core: None }
}

/// The boundary: what is known becomes the outcome, the words go to the log.
fn conclude<T>(call: &'static str, username: &str, began: Began, result: Answer<T>) -> Outcome<T> {
    let took = began.elapsed();
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match &result {
        Ok(_) => metrics::call_ended(call, "done", took),
        Err(Stop::Refused(_)) => metrics::call_ended(call, "refused", took),
        Err(Stop::Unknown(Cause::CircuitOpen, _)) => metrics::call_held_back(call),
        Err(Stop::Unknown(cause, _)) => metrics::call_lost(call, cause.code(), took),
    }
    match result {
        Ok(value) => {
            tracing::debug!(call, username, outcome = "done", ms, "the server did it");
            Outcome::Done(value)
        }
        Err(Stop::Refused(refusal)) => {
            tracing::info!(call, username, outcome = "refused", why = ?refusal, ms, "the server refused");
            Outcome::Refused(refusal)
        }
        // Told once, when it opened.
        Err(Stop::Unknown(Cause::CircuitOpen, _)) => Outcome::Unknown(Cause::CircuitOpen),
        Err(Stop::Unknown(cause, why)) if call == PROBE => {
            tracing::debug!(?cause, why, ms, "the server is not back yet");
            Outcome::Unknown(cause)
        }
        Err(Stop::Unknown(cause, why)) => {
            tracing::warn!(
                call,
                username,
                outcome = "unknown",
                ?cause,
                why,
                ms,
                "the server did not answer clearly"
            );
            Outcome::Unknown(cause)
        }
    }
}
