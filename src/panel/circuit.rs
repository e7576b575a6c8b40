//! The circuit: when call after call says that the panel is away, the client stops asking and says so at once, until
//! a probe finds it again.
//!
//! Invariant: what the circuit answers by itself is `Unknown`, never a refusal; only an answer of the panel closes it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::{Cause, Stop};
use crate::calendar::{Clock, Time};

/// So many failures in a row open the circuit.
const FAILURES: u32 = 5;

/// How the panel is looked for while it is away.
#[derive(Clone, Copy, Debug)]
pub struct Probing {
    /// After the circuit has opened, the first probe goes out so much later; each further pause is twice as long.
    pub first_after: Duration,
    /// The longest pause between two probes.
    pub longest_pause: Duration,
}

impl Default for Probing {
    fn default() -> Self {
        Self { first_after: Duration::from_secs(1), longest_pause: Duration::from_secs(15) }
    }
}

/// How the panel can be reached, as far as the calls of this instance tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The last word of the panel was an answer.
    Open,
    /// The last calls got none, but too few of them to give up.
    Doubtful,
    /// Nothing is sent but a probe now and then.
    Away {
        since: Time,
        /// Why the last call failed.
        cause: Cause,
    },
    /// It answers, but refuses our name or password; nothing is sent for a while.
    CredentialsRefused { since: Time },
}

impl Reach {
    /// Whether calls are held back.
    pub fn is_shut(self) -> bool {
        matches!(self, Self::Away { .. } | Self::CredentialsRefused { .. })
    }
}

pub(super) struct Circuit {
    clock: Clock,
    first_pause: Duration,
    longest_pause: Duration,
    line: Mutex<Line>,
    told: watch::Sender<Reach>,
}

#[derive(Default)]
struct Line {
    failures: u32,
    open: Option<Open>,
}

struct Open {
    since: Time,
    pause: Duration,
    probe_at: Instant,
}

/// What a call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    Free,
    /// It asks first whether the panel is there.
    Probe,
}

impl Circuit {
    pub(super) fn new(probing: Probing, clock: Clock) -> Self {
        Self {
            clock,
            first_pause: probing.first_after,
            longest_pause: probing.longest_pause,
            line: Mutex::default(),
            told: watch::Sender::new(Reach::Open),
        }
    }

    pub(super) fn reach(&self) -> Reach {
        *self.told.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Reach> {
        self.told.subscribe()
    }

    /// Whether a call may go out. A probe that is let through puts off the next one, so that a caller who gives up
    /// half-way leaves nothing locked.
    pub(super) fn enter(&self) -> Result<Pass, Stop> {
        let mut line = self.line();
        let Some(open) = &mut line.open else { return Ok(Pass::Free) };
        let now = Instant::now();
        if now < open.probe_at {
            return Err(Stop::Unknown(Cause::CircuitOpen, "the panel is away; nothing was sent".into()));
        }
        open.probe_at = now + jittered(open.pause);
        Ok(Pass::Probe)
    }

    /// When it is worth asking next.
    pub(super) fn next_probe(&self) -> Instant {
        let pause = match self.reach() {
            Reach::CredentialsRefused { .. } => self.longest_pause,
            _ => self.first_pause,
        };
        self.line().open.as_ref().map_or_else(|| Instant::now() + jittered(pause), |open| open.probe_at)
    }

    /// Takes note of how a call ended that had gone out.
    pub(super) fn note<T>(&self, pass: Pass, result: &Result<T, Stop>) {
        let mut line = self.line();
        match result {
            Ok(_) | Err(Stop::Refused(_)) => self.close(&mut line, Reach::Open),
            Err(Stop::Unknown(Cause::Unauthorized, _)) => {
                let since = match self.reach() {
                    Reach::CredentialsRefused { since } => since,
                    _ => self.clock.now(),
                };
                self.close(&mut line, Reach::CredentialsRefused { since });
            }
            Err(Stop::Unknown(cause, _)) if cause.is_absence() => self.failed(&mut line, pass, *cause),
            // Something answers, but it can't be told whether it is the panel: this neither opens nor closes.
            Err(Stop::Unknown(..)) => {}
        }
    }

    fn failed(&self, line: &mut Line, pass: Pass, cause: Cause) {
        line.failures = line.failures.saturating_add(1);
        let reach = match &mut line.open {
            Some(open) => {
                if pass == Pass::Probe {
                    open.pause = (open.pause * 2).min(self.longest_pause);
                    open.probe_at = Instant::now() + jittered(open.pause);
                }
                Reach::Away { since: open.since, cause }
            }
            None if line.failures >= FAILURES => {
                let since = self.clock.now();
                let probe_at = Instant::now() + jittered(self.first_pause);
                line.open = Some(Open { since, pause: self.first_pause, probe_at });
                tracing::warn!(
                    ?cause,
                    "the server is away: calls are held back, a probe goes out now and then"
                );
                Reach::Away { since, cause }
            }
            None => Reach::Doubtful,
        };
        self.tell(reach);
    }

    fn close(&self, line: &mut Line, reach: Reach) {
        if line.open.take().is_some() {
            tracing::info!("the server answers again");
        }
        line.failures = 0;
        self.tell(reach);
    }

    fn tell(&self, reach: Reach) {
        let is_news = self.told.send_if_modified(|told| std::mem::replace(told, reach) != reach);
        if is_news && matches!(reach, Reach::CredentialsRefused { .. }) {
            tracing::error!("the server refuses our user name or password; it is left in peace for a while");
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A little less than the pause, so that instances which lost the panel together don't come back together.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.7..1.0))
}
