//! Where the proxies ask whether a step may go on.
//!
//! A step is an effect outside of the process: a commit, a write without transaction, a call of Marzban. One run
//! without faults records the steps of an operation in their order; each further run lays a trap at one of them.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Notify;

/// What goes wrong at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL before the step is passed on.
    KilledBefore,
    /// SIGKILL when the step is done and its answer not yet passed on.
    KilledAfter,
    /// The connection breaks, nothing was passed on.
    DroppedBefore,
    /// The connection breaks, the step is done.
    DroppedAfter,
    /// The step is done, and the answer is 500.
    FailedAfter,
}

impl Fault {
    pub const KILLS: [Self; 2] = [Self::KilledBefore, Self::KilledAfter];
    pub const ALL: [Self; 5] =
        [Self::KilledBefore, Self::KilledAfter, Self::DroppedBefore, Self::DroppedAfter, Self::FailedAfter];

    pub fn is_kill(self) -> bool {
        Self::KILLS.contains(&self)
    }

    fn is_before(self) -> bool {
        matches!(self, Self::KilledBefore | Self::DroppedBefore)
    }
}

/// What a proxy is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Pass,
    /// Neither on nor back: the process is about to be killed.
    Hold,
    Drop,
    /// Answer 500 in the place of what the server said.
    Fail,
}

#[derive(Default)]
enum Mode {
    #[default]
    Open,
    /// Each step behind the number of its beginning.
    Recording(Vec<(u64, String)>),
    Trapped(Trap),
}

struct Trap {
    path: Vec<String>,
    begun: Vec<bool>,
    done: Vec<bool>,
    target: usize,
    fault: Fault,
}

/// One per shop; both of its proxies ask it.
#[derive(Default)]
pub struct Gate {
    mode: Mutex<Mode>,
    sprung: Notify,
    begun: AtomicU64,
}

impl Gate {
    /// Takes down the steps from now on.
    pub fn record(&self) {
        *self.mode() = Mode::Recording(Vec::new());
    }

    /// The steps that were taken down; all pass from now on.
    pub fn recorded(&self) -> Vec<String> {
        match std::mem::take(&mut *self.mode()) {
            Mode::Recording(mut path) => {
                // What waits for a step may have been done before this step's end was seen here.
                path.sort();
                path.into_iter().map(|(_, step)| step).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Lays a trap at one step of a path that was recorded before.
    pub fn lay(&self, path: &[String], target: usize, fault: Fault) {
        let none = vec![false; path.len()];
        let trap = Trap { path: path.to_vec(), begun: none.clone(), done: none, target, fault };
        *self.mode() = Mode::Trapped(trap);
    }

    /// Ready when the trap has sprung.
    pub async fn sprung(&self) {
        self.sprung.notified().await;
    }

    /// The number of what begins now, which [`Gate::after`] wants.
    pub fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::Relaxed)
    }

    /// Before a step is passed on.
    pub fn before(&self, step: &str) -> Order {
        let mut mode = self.mode();
        let Mode::Trapped(trap) = &mut *mode else { return Order::Pass };
        let Some(at) = trap.next(step) else { return Order::Pass };
        // Whether the step before has ended may be known later here than to who takes the next one.
        if trap.fault.is_before() && at == trap.target && (at == 0 || trap.begun[at - 1]) {
            return self.spring(&mut mode);
        }
        trap.begun[at] = true;
        Order::Pass
    }

    /// When a step is done: one that found nothing to do is none.
    pub fn after(&self, step: &str, begun: u64) -> Order {
        let mut mode = self.mode();
        match &mut *mode {
            Mode::Recording(path) => path.push((begun, step.to_owned())),
            Mode::Trapped(trap) => match trap.next(step) {
                Some(at) if at == trap.target && !trap.fault.is_before() => return self.spring(&mut mode),
                Some(at) => trap.done[at] = true,
                None => {}
            },
            Mode::Open => {}
        }
        Order::Pass
    }

    fn spring(&self, mode: &mut Mode) -> Order {
        let Mode::Trapped(trap) = std::mem::take(mode) else { return Order::Pass };
        self.sprung.notify_one();
        match trap.fault {
            Fault::KilledBefore | Fault::KilledAfter => Order::Hold,
            Fault::DroppedBefore | Fault::DroppedAfter => Order::Drop,
            Fault::FailedAfter => Order::Fail,
        }
    }

    fn mode(&self) -> MutexGuard<'_, Mode> {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trap {
    /// Where in the path a step of this name is that is not done yet.
    fn next(&self, step: &str) -> Option<usize> {
        (0..self.path.len()).find(|&at| self.path[at] == step && !self.done[at])
    }
}
