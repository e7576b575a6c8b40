//! The lanes: which kinds of job share slots. What waits in one lane holds up no other, so an order is never behind
//! messages that a dead courier keeps, nor behind a backup.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    backups,
    jobs::{Kinds, schedule},
    notices, orders, reports,
};

/// Kinds of job that share slots.
#[derive(Clone, Copy, Debug)]
struct Lane {
    kinds: &'static [&'static str],
    /// How many of them run at once.
    slots: usize,
}

/// The lanes; each kind that there is stands in exactly one.
const LANES: [Lane; 7] = [
    // Somebody stands at the counter.
    Lane { kinds: &[orders::jobs::PROVISION], slots: 4 },
    // Hundreds at once, when a selection is renewed or a debt is paid.
    Lane { kinds: &[orders::changes::JOB, orders::settlement::RESTORE, orders::changes::CUT_OFF], slots: 3 },
    // A courier that does not answer keeps its slot for up to 20 seconds.
    Lane { kinds: &[notices::jobs::DELIVER], slots: 2 },
    // Somebody waits for a code, whatever the others are sent.
    Lane { kinds: &[notices::jobs::SEND_CODE, notices::jobs::POLL], slots: 2 },
    // Minutes each, and a page that shows how far they are.
    Lane { kinds: &[reports::jobs::EXPORT, orders::import::READ, orders::import::TAKE], slots: 2 },
    // A backup may take long; those that look for debts and late orders go on beside it.
    Lane { kinds: &[schedule::RUN], slots: 3 },
    // Hours on a slow line.
    Lane { kinds: &[backups::COPY], slots: 1 },
];

/// How many jobs run at once whose kind stands in no lane.
const STRANGERS: usize = 4;

/// The kinds of job that there are.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    LANES.iter().flat_map(|lane| lane.kinds.iter().copied())
}

/// The slots of one worker.
pub(super) struct Slots {
    lanes: [Arc<Semaphore>; LANES.len()],
    strangers: Arc<Semaphore>,
}

impl Slots {
    pub(super) fn new() -> Self {
        let lanes = LANES.map(|lane| Arc::new(Semaphore::new(lane.slots)));
        Self { lanes, strangers: Arc::new(Semaphore::new(STRANGERS)) }
    }

    /// The kinds that there is a slot for.
    pub(super) fn free(&self) -> Kinds {
        let known = |is_free: bool| {
            let lanes = LANES.iter().zip(&self.lanes);
            let lanes = lanes.filter(move |(_, slots)| (slots.available_permits() > 0) == is_free);
            lanes.flat_map(|(lane, _)| lane.kinds.iter().copied())
        };
        if self.strangers.available_permits() > 0 {
            Kinds::all_but(known(false))
        } else {
            Kinds::among(known(true))
        }
    }

    /// A slot for a job of this kind, given back when it is dropped.
    pub(super) fn take(&self, kind: &str) -> Option<OwnedSemaphorePermit> {
        let lane = LANES.iter().position(|lane| lane.kinds.contains(&kind));
        let slots = lane.and_then(|lane| self.lanes.get(lane)).unwrap_or(&self.strangers);
        Arc::clone(slots).try_acquire_owned().ok()
    }

    /// Waits until all slots are given back: no job runs any more.
    pub(super) async fn all_back(&self) {
        let lanes = LANES.iter().map(|lane| lane.slots).zip(&self.lanes);
        for (count, slots) in lanes.chain([(STRANGERS, &self.strangers)]) {
            let _ = slots.acquire_many(u32::try_from(count).unwrap_or(1)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_kind_stands_in_exactly_one_lane() {
        let each: BTreeSet<&str> = kinds().collect();
        assert_eq!(each.len(), kinds().count(), "one stands twice");
        assert!(LANES.iter().all(|lane| lane.slots > 0 && !lane.kinds.is_empty()));
    }

    #[test]
    fn each_kind_that_is_run_stands_in_a_lane() {
        let text = |text: &'static str| text.split("#[cfg(test)]").next().unwrap_or_default();
        let arms = text(include_str!("../worker.rs")).lines().filter_map(|line| {
            let (kind, _) = line.trim().split_once(" => ")?;
            kind.rsplit("::").next()?.chars().all(|c| c.is_ascii_uppercase() || c == '_').then_some(kind)
        });
        let arms: Vec<&str> = arms.collect();
        assert_eq!(arms.len(), kinds().count(), "{arms:?}");
        let missing: Vec<&&str> =
            arms.iter().filter(|kind| !text(include_str!("lanes.rs")).contains(**kind)).collect();
        assert!(missing.is_empty(), "in no lane: {missing:?}");
    }

    #[test]
    fn a_full_lane_is_left_alone_and_the_others_go_on() {
        let slots = Slots::new();
        assert_eq!(slots.free(), Kinds::all_but([]));
        let first = slots.take(notices::jobs::DELIVER);
        let second = slots.take(notices::jobs::DELIVER);
        assert!(first.is_some() && second.is_some() && slots.take(notices::jobs::DELIVER).is_none());
        assert_eq!(slots.free(), Kinds::all_but([notices::jobs::DELIVER]));
        let strangers: Vec<_> = (0..STRANGERS).map(|_| slots.take("tests.stranger").unwrap()).collect();
        assert_eq!(slots.free(), Kinds::among(kinds().filter(|kind| *kind != notices::jobs::DELIVER)));
        drop((second, strangers));
        assert_eq!(slots.free(), Kinds::all_but([]));
    }
}
