//! Periods that are chosen with one tap.

use crate::calendar::{JalaliDate, Time};

/// A period that moves with the days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    Today,
    Yesterday,
    /// From Saturday on.
    ThisWeek,
    ThisMonth,
    LastMonth,
    ThisYear,
    All,
}

/// The first and the last day of a period; `None` is open.
pub type Days = (Option<JalaliDate>, Option<JalaliDate>);

impl Range {
    /// In the order in which they are offered.
    pub const EVERY: [Self; 7] = [
        Self::Today,
        Self::Yesterday,
        Self::ThisWeek,
        Self::ThisMonth,
        Self::LastMonth,
        Self::ThisYear,
        Self::All,
    ];

    /// The word in addresses.
    pub fn code(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Yesterday => "yesterday",
            Self::ThisWeek => "week",
            Self::ThisMonth => "month",
            Self::LastMonth => "last-month",
            Self::ThisYear => "year",
            Self::All => "all",
        }
    }

    /// Its days, seen from `now`. What has begun ends today: nothing is entered ahead of time.
    pub fn days(self, now: Time) -> Days {
        let today = JalaliDate::from_time(now);
        let back = |days: i64| JalaliDate::from_time(today.start() - time::Duration::days(days));
        let first_of = |date: JalaliDate| {
            JalaliDate::from_time(date.start() - time::Duration::days(i64::from(date.day()) - 1))
        };
        let (from, to) = match self {
            Self::Today => (today, today),
            Self::Yesterday => (back(1), back(1)),
            Self::ThisWeek => (back(i64::from(today.weekday())), today),
            Self::ThisMonth => (first_of(today), today),
            Self::LastMonth => {
                let last = JalaliDate::from_time(first_of(today).start() - time::Duration::DAY);
                (first_of(last), last)
            }
            // Every year has a 1 Farvardin.
            Self::ThisYear => (JalaliDate::new(today.year(), 1, 1).unwrap_or(today), today),
            Self::All => return (None, None),
        };
        (Some(from), Some(to))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn days(range: Range, now: Time) -> String {
        let (from, to) = range.days(now);
        format!("{}-{}", from.unwrap(), to.unwrap())
    }

    #[test]
    fn ranges_are_periods_of_the_jalali_calendar_in_tehran() {
        // Sunday, 1 Azar 1405, in the afternoon.
        let now = datetime!(2026-11-22 10:00 UTC);
        for (range, expected) in [
            (Range::Today, "1405/09/01-1405/09/01"),
            (Range::Yesterday, "1405/08/30-1405/08/30"),
            (Range::ThisWeek, "1405/08/30-1405/09/01"),
            (Range::ThisMonth, "1405/09/01-1405/09/01"),
            (Range::LastMonth, "1405/08/01-1405/08/30"),
            (Range::ThisYear, "1405/01/01-1405/09/01"),
        ] {
            assert_eq!(days(range, now), expected, "{range:?}");
        }
        assert_eq!(Range::All.days(now), (None, None));
    }

    #[test]
    fn the_first_day_of_a_year_and_of_a_week_look_back() {
        // Half an hour into 1 Farvardin 1404, a Friday; the year before had 30 Esfand.
        let now = datetime!(2025-03-20 21:00 UTC);
        assert_eq!(days(Range::Today, now), "1404/01/01-1404/01/01");
        assert_eq!(days(Range::LastMonth, now), "1403/12/01-1403/12/30");
        assert_eq!(days(Range::ThisYear, now), "1404/01/01-1404/01/01");
        assert_eq!(days(Range::ThisWeek, now), "1403/12/25-1404/01/01");
        // A Saturday is the whole of its week.
        assert_eq!(days(Range::ThisWeek, datetime!(2026-11-21 10:00 UTC)), "1405/08/30-1405/08/30");
    }
}
