//! The way of each call through the circuit, and what is known of the panel by it.

use std::time::{Duration, Instant as Began};

use tokio::sync::watch;

use super::{
    Cause, Health, Marzban, Outcome,
    circuit::{Pass, Reach},
    outcome::Stop,
};

/// The name of a call that looks whether the panel is back; that it isn't, is no news.
const PROBE: &str = "probe";

impl Marzban {
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
        let _ = self.guarded(PROBE, "", async { self.inner.system(self.inner.deadline()).await }).await;
    }

    /// One call through the circuit. The work begins only when it is let through.
    pub(super) async fn guarded<T>(
        &self,
        call: &'static str,
        username: &str,
        work: impl Future<Output = Result<T, Stop>>,
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
                let there = self.inner.system(self.inner.deadline()).await;
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
        let result = self.inner.system(self.inner.deadline()).await;
        self.inner.circuit.note(Pass::Free, &result);
        let latency = began.elapsed();
        match conclude("health", "", began, result) {
            Outcome::Done(system) => Health {
                reachable: true,
                problem: None,
                version: Some(system.version),
                latency,
                users: Some(system.total_user),
            },
            Outcome::Refused(_) => unreachable_because(Cause::BadAnswer, latency),
            Outcome::Unknown(cause) => unreachable_because(cause, latency),
        }
    }
}

fn unreachable_because(cause: Cause, latency: Duration) -> Health {
    Health { reachable: false, problem: Some(cause), version: None, latency, users: None }
}

/// The boundary: what is known becomes the outcome, the words go to the log.
fn conclude<T>(call: &str, username: &str, began: Began, result: Result<T, Stop>) -> Outcome<T> {
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match result {
        Ok(value) => Outcome::Done(value),
        Err(Stop::Refused(refusal)) => {
            tracing::info!(call, username, outcome = "refused", why = ?refusal, ms, "Marzban refused");
            Outcome::Refused(refusal)
        }
        // Told once, when it opened.
        Err(Stop::Unknown(Cause::CircuitOpen, _)) => Outcome::Unknown(Cause::CircuitOpen),
        Err(Stop::Unknown(cause, why)) if call == PROBE => {
            tracing::debug!(?cause, why, ms, "Marzban is not back yet");
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
                "Marzban did not answer clearly"
            );
            Outcome::Unknown(cause)
        }
    }
}
