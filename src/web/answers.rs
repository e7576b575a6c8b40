//! How the requests of the last minutes ended, in this process: whether pages fail more often than they should.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use crate::calendar::Time;

/// What is older is forgotten, in minutes.
pub const MINUTES: i64 = 10;

/// The answers of one minute.
#[derive(Clone, Copy, Debug)]
struct Minute {
    /// Since 1970.
    number: i64,
    all: u32,
    failed: u32,
}

/// Shared by all parts of one running panel.
#[derive(Clone, Debug, Default)]
pub struct Answers(Arc<Mutex<VecDeque<Minute>>>);

impl Answers {
    /// A request was answered; `failed` is our own fault, a 5xx.
    pub fn note(&self, failed: bool, now: Time) {
        let number = minute_of(now);
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back counts on in the newest minute.
        if minutes.back().is_none_or(|newest| newest.number < number) {
            minutes.push_back(Minute { number, all: 0, failed: 0 });
        }
        while minutes.front().is_some_and(|oldest| oldest.number <= number - MINUTES) {
            minutes.pop_front();
        }
        if let Some(newest) = minutes.back_mut() {
            newest.all = newest.all.saturating_add(1);
            newest.failed = newest.failed.saturating_add(u32::from(failed));
        }
    }

    /// How many were answered in the last [`MINUTES`], and how many of them failed.
    pub fn lately(&self, now: Time) -> (u32, u32) {
        let first = minute_of(now) - MINUTES;
        let minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = minutes.iter().filter(|minute| minute.number > first);
        lately.fold((0, 0), |(all, failed), minute| (all + minute.all, failed + minute.failed))
    }
}

fn minute_of(time: Time) -> i64 {
    time.unix_timestamp().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    #[test]
    fn ten_minutes_are_counted_and_what_is_older_is_forgotten() {
        let answers = Answers::default();
        let begin = datetime!(2026-11-28 12:00:30 UTC);
        for minute in 0..30 {
            let now = begin + Duration::minutes(minute);
            answers.note(false, now);
            answers.note(minute >= 15, now);
        }
        let at = |minute| answers.lately(begin + Duration::minutes(minute));
        assert_eq!((at(29), at(33), at(38), at(39)), ((20, 10), (12, 6), (2, 1), (0, 0)));
        assert_eq!(answers.0.lock().unwrap().len(), 10, "no more is kept");
    }

    #[test]
    fn a_clock_that_is_set_back_loses_nothing() {
        let answers = Answers::default();
        let begin = datetime!(2026-11-28 12:00 UTC);
        answers.note(true, begin);
        answers.note(true, begin - Duration::minutes(3));
        assert_eq!(answers.lately(begin), (2, 2));
    }
}
