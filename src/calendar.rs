//! The clock, and days as the shop knows them: Jalali dates in Asia/Tehran (UTC+3:30, no summer time).

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use icu_calendar::{Date, cal::Persian, types::RataDie};
use time::{Duration, PrimitiveDateTime, UtcOffset, macros::offset};

use crate::persian::{is_invisible, latin_digits};

mod display;

/// An instant; stored and compared in UTC.
pub type Time = time::OffsetDateTime;

/// The shop's time zone. Iran gave up summer time in 1401.
pub const TEHRAN: UtcOffset = offset!(+3:30);

/// Where the time comes from: the system, or a test's hand. Cut to microseconds, as PostgreSQL stores it,
/// so that an instant read back equals the one written.
#[derive(Clone, Debug)]
pub struct Clock(Option<Arc<Mutex<Time>>>);

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `now` until it is moved; its clones move with it.
    pub fn fixed(now: Time) -> Self {
        Self(Some(Arc::new(Mutex::new(now))))
    }

    /// The present instant in UTC.
    pub fn now(&self) -> Time {
        let now = match &self.0 {
            Some(fixed) => *fixed.lock().unwrap_or_else(PoisonError::into_inner),
            None => system_now(),
        };
        let now = now.to_offset(UtcOffset::UTC);
        now.replace_nanosecond(now.nanosecond() / 1000 * 1000).unwrap_or(now)
    }

    /// Moves a fixed clock to `now`; the system's clock can't be moved.
    pub fn set(&self, now: Time) {
        if let Some(fixed) = &self.0 {
            *fixed.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
    }

    /// Moves a fixed clock on; the system's clock can't be moved.
    pub fn advance(&self, by: Duration) {
        if let Some(fixed) = &self.0 {
            *fixed.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }
}

/// The one place that asks the machine for the time.
#[allow(clippy::disallowed_methods)]
fn system_now() -> Time {
    Time::now_utc()
}

/// A day in Tehran, by its Jalali date.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JalaliDate {
    year: i32,
    month: u8,
    day: u8,
    gregorian: time::Date,
}

/// Why a typed date is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// Not year, month and day in numbers, or a year outside of 1300 to 1499.
    #[error("not a Jalali date")]
    NotADate,
    /// Such as 31 Mehr, or 30 Esfand in a common year.
    #[error("the calendar has no such day")]
    NoSuchDay,
}

/// The Julian day of the day before 0001-01-01, where rata die begins to count.
const RATA_DIE_ZERO: i64 = 1_721_425;

impl JalaliDate {
    /// The date with these numbers.
    pub fn new(year: i32, month: u8, day: u8) -> Result<Self, DateError> {
        let date = Date::try_new_persian(year, month, day).map_err(|_| DateError::NoSuchDay)?;
        let gregorian = i32::try_from(date.to_rata_die().to_i64_date() + RATA_DIE_ZERO)
            .ok()
            .and_then(|julian| time::Date::from_julian_day(julian).ok())
            .ok_or(DateError::NoSuchDay)?;
        Ok(Self { year, month, day, gregorian })
    }

    /// The day in Tehran that holds this instant.
    pub fn from_time(time: Time) -> Self {
        let gregorian = time.to_offset(TEHRAN).date();
        let rata_die = RataDie::new(i64::from(gregorian.to_julian_day()) - RATA_DIE_ZERO);
        let date = Date::from_rata_die(rata_die, Persian);
        Self {
            year: date.year().extended_year(),
            month: date.month().ordinal,
            day: date.day_of_month().0,
            gregorian,
        }
    }

    /// Reads a date as people type it: any digits, `/`, `-`, `.` or spaces between, the year in full.
    pub fn parse(typed: &str) -> Result<Self, DateError> {
        let text: String = latin_digits(typed).chars().filter(|c| !is_invisible(*c)).collect();
        let parts: Vec<&str> = text.trim().split(['/', '-', '.', ' ', '\u{60C}']).collect();
        let &[year, month, day] = parts.as_slice() else { return Err(DateError::NotADate) };
        let number = |part: &str, longest: usize| -> Result<u16, DateError> {
            if part.len() > longest || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(DateError::NotADate);
            }
            part.parse().map_err(|_| DateError::NotADate)
        };
        let year = number(year, 4)?;
        if !(1300..1500).contains(&year) {
            return Err(DateError::NotADate);
        }
        Self::new(i32::from(year), number(month, 2)? as u8, number(day, 2)? as u8)
    }

    pub fn year(self) -> i32 {
        self.year
    }

    /// 1 is Farvardin.
    pub fn month(self) -> u8 {
        self.month
    }

    pub fn day(self) -> u8 {
        self.day
    }

    /// Days since the week began: 0 is Saturday, 6 is Friday.
    pub fn weekday(self) -> u8 {
        (self.gregorian.weekday().number_days_from_sunday() + 1) % 7
    }

    /// The first instant of the day in Tehran, in UTC.
    pub fn start(self) -> Time {
        PrimitiveDateTime::new(self.gregorian, time::Time::MIDNIGHT)
            .assume_offset(TEHRAN)
            .to_offset(UtcOffset::UTC)
    }

    /// The first instant after the day, in UTC.
    pub fn end(self) -> Time {
        self.start().saturating_add(Duration::DAY)
    }
}

impl FromStr for JalaliDate {
    type Err = DateError;

    fn from_str(typed: &str) -> Result<Self, DateError> {
        Self::parse(typed)
    }
}

/// `1405/09/01`, in Latin digits, as filters carry it.
impl fmt::Display for JalaliDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}/{:02}/{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Debug for JalaliDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JalaliDate({self})")
    }
}

/// The Tehran day that holds `time`, in UTC: its first instant and the first one after it.
pub fn day_bounds(time: Time) -> (Time, Time) {
    let day = JalaliDate::from_time(time);
    (day.start(), day.end())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    fn date(year: i32, month: u8, day: u8) -> JalaliDate {
        JalaliDate::new(year, month, day).unwrap()
    }

    #[test]
    fn known_days_agree_with_the_gregorian_calendar() {
        assert_eq!(JalaliDate::from_time(datetime!(2026-11-22 10:00 UTC)), date(1405, 9, 1));
        assert_eq!(date(1403, 1, 1).start(), datetime!(2024-03-19 20:30 UTC));
        assert_eq!(date(1403, 12, 30).end(), date(1404, 1, 1).start());
    }

    #[test]
    fn thirty_esfand_exists_in_leap_years_only() {
        assert_eq!(JalaliDate::parse("1403/12/30"), Ok(date(1403, 12, 30)));
        assert_eq!(JalaliDate::parse("1404/12/30"), Err(DateError::NoSuchDay));
    }

    #[test]
    fn the_day_changes_at_midnight_in_tehran() {
        assert_eq!(JalaliDate::from_time(datetime!(2026-11-22 20:29:59 UTC)), date(1405, 9, 1));
        assert_eq!(JalaliDate::from_time(datetime!(2026-11-22 20:30 UTC)), date(1405, 9, 2));
        assert_eq!(
            day_bounds(datetime!(2026-11-22 20:30 UTC)),
            (datetime!(2026-11-22 20:30 UTC), datetime!(2026-11-23 20:30 UTC))
        );
    }

    #[test]
    fn dates_are_read_as_people_type_them() {
        for typed in ["1405/09/01", "۱۴۰۵/۹/۱", "١٤٠٥-٠٩-٠١", "1405.9.1", " 1405 9 1 ", "\u{200f}۱۴۰۵/۰۹/۰۱"]
        {
            assert_eq!(JalaliDate::parse(typed), Ok(date(1405, 9, 1)), "{typed}");
        }
        for typed in
            ["", "05/09/01", "1405/09", "1405/09/01/02", "2026/11/22", "1405/+9/1", "abc", "1405/009/1"]
        {
            assert_eq!(JalaliDate::parse(typed), Err(DateError::NotADate), "{typed}");
        }
        for typed in ["1405/13/01", "1405/00/01", "1405/09/31", "1405/09/00"] {
            assert_eq!(JalaliDate::parse(typed), Err(DateError::NoSuchDay), "{typed}");
        }
    }

    #[test]
    fn the_week_begins_on_saturday() {
        assert_eq!(date(1405, 9, 1).weekday(), 1, "1 Azar 1405 is a Sunday");
        assert_eq!(date(1405, 8, 30).weekday(), 0);
    }

    #[test]
    fn a_clock_has_the_precision_of_the_database() {
        assert_eq!(Clock::system().now().nanosecond() % 1000, 0);
        let clock = Clock::fixed(datetime!(2026-11-22 10:00:00.123456789 UTC));
        assert_eq!(clock.now(), datetime!(2026-11-22 10:00:00.123456 UTC));
        let clone = clock.clone();
        clock.advance(Duration::HOUR);
        assert_eq!(clone.now(), datetime!(2026-11-22 11:00:00.123456 UTC));
        clone.set(datetime!(2026-01-01 03:30 +3:30));
        assert_eq!(clock.now(), datetime!(2026-01-01 00:00 UTC));
    }

    proptest! {
        // 1300 to 1499 in the Jalali calendar.
        #[test]
        fn a_date_survives_being_shown_and_typed(seconds in -1_538_000_000i64..4_700_000_000) {
            let time = Time::from_unix_timestamp(seconds).unwrap();
            let day = JalaliDate::from_time(time);
            prop_assert_eq!(JalaliDate::parse(&day.to_string()), Ok(day));
            prop_assert!(day.start() <= time && time < day.end());
            let next = JalaliDate::from_time(day.end());
            prop_assert!(next > day && next.start() == day.end());
            prop_assert_eq!(next.weekday(), (day.weekday() + 1) % 7);
        }

        #[test]
        fn nothing_typed_makes_the_parser_fail(typed in "\\PC*") {
            let _ = JalaliDate::parse(&typed);
        }
    }
}
