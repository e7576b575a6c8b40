//! Reading what was typed: numbers in any digits, amounts, lines of text. What is wrong stands beside its field.

use std::ops::RangeInclusive;

use super::{AppError, Fields};
use crate::{
    calendar::{JalaliDate, Time},
    locale::Tr,
    money::{AmountError, Toman},
    persian::normalize,
};

/// The hidden field that says which state of a thing its form showed.
const SEEN: &str = "seen";

impl Fields {
    /// A whole number within `range`.
    pub fn whole(&mut self, name: &'static str, range: RangeInclusive<i64>, t: &Tr) -> Option<i64> {
        self.number(name, range, t, |n| t.number(n))
    }

    /// An amount within `range`, Toman.
    pub fn toman(&mut self, name: &'static str, range: RangeInclusive<i64>, t: &Tr) -> Option<Toman> {
        self.number(name, range, t, |n| t.amount(Toman(n))).map(Toman)
    }

    /// The same where nothing need be typed.
    pub fn optional_whole(&mut self, name: &'static str, range: RangeInclusive<i64>, t: &Tr) -> Option<i64> {
        if self.get(name).is_empty() { None } else { self.whole(name, range, t) }
    }

    /// The same where nothing need be typed.
    pub fn optional_toman(
        &mut self,
        name: &'static str,
        range: RangeInclusive<i64>,
        t: &Tr,
    ) -> Option<Toman> {
        if self.get(name).is_empty() { None } else { self.toman(name, range, t) }
    }

    fn number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<i64>,
        t: &Tr,
        show: impl Fn(i64) -> String,
    ) -> Option<i64> {
        // Amounts and plain numbers are typed alike: any digits, grouped or not.
        let message = match Toman::parse(self.value(name)) {
            Ok(Toman(n)) if range.contains(&n) => return Some(n),
            Err(AmountError::Empty) => t.forms_missing(),
            Err(AmountError::NotANumber) => t.forms_not_whole(),
            Ok(_) | Err(AmountError::Negative | AmountError::TooLarge) => {
                t.forms_out_of_range(show(*range.start()), show(*range.end()))
            }
        };
        self.fail(name, message);
        None
    }

    /// A line of text of at least one and at most `most` characters, as it is stored.
    pub fn line(&mut self, name: &'static str, most: usize, t: &Tr) -> String {
        let text = self.optional_line(name, most, t);
        if text.is_empty() {
            self.fail(name, t.forms_missing());
        }
        text
    }

    /// The same where nothing need be typed.
    pub fn optional_line(&mut self, name: &'static str, most: usize, t: &Tr) -> String {
        let text = normalize(self.value(name));
        if text.chars().count() > most {
            self.fail(name, t.forms_too_long(t.digits(most)));
        }
        text
    }

    /// A Jalali date; empty is none.
    pub fn date(&mut self, name: &'static str, t: &Tr) -> Option<JalaliDate> {
        let typed = self.get(name);
        if typed.is_empty() {
            return None;
        }
        let date = JalaliDate::parse(typed);
        if date.is_err() {
            self.fail(name, t.payments_date_wrong());
        }
        date.ok()
    }

    /// Marks the form with the state that it shows, by the time of its last change.
    pub fn set_seen(&mut self, changed_at: Time) {
        self.set(SEEN, (changed_at.unix_timestamp_nanos() / 1000).to_string());
    }

    /// The state that the form showed, by the time of its last change.
    ///
    /// # Errors
    /// [`AppError::BadRequest`] when it isn't one of ours.
    pub fn seen(&self) -> Result<Time, AppError> {
        let micros: Option<i64> = self.get(SEEN).parse().ok();
        micros
            .and_then(|micros| Time::from_unix_timestamp_nanos(i128::from(micros) * 1000).ok())
            .ok_or(AppError::BadRequest("seen"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::Language;

    const T: Tr = Tr::new(Language::Fa);

    fn typed(text: &str) -> Fields {
        let mut form = Fields::default();
        form.set("n", text);
        form
    }

    #[test]
    fn numbers_are_read_in_any_digits_and_kept_within_their_range() {
        for text in ["30", "۳۰", "٣٠", " 30 "] {
            assert_eq!(typed(text).whole("n", 1..=3650, &T), Some(30), "{text}");
        }
        for text in ["", "0", "3651", "-1", "1.5", "x", "99999999999999999999"] {
            let mut form = typed(text);
            assert_eq!(form.whole("n", 1..=3650, &T), None, "{text}");
            assert!(!form.error("n").is_empty(), "{text}");
        }
        let mut form = typed("");
        assert_eq!((form.optional_whole("n", 1..=9, &T), form.is_ok()), (None, true));
    }

    #[test]
    fn text_is_stored_in_persian_letters_and_counted_in_characters() {
        assert_eq!(typed(" علي  ").line("n", 3, &T), "علی");
        for text in [" \u{200f} ", "چهار"] {
            let mut form = typed(text);
            form.line("n", 3, &T);
            assert!(!form.error("n").is_empty(), "{text}");
        }
    }

    #[test]
    fn the_state_that_was_seen_comes_back_to_the_microsecond() {
        let time = Time::from_unix_timestamp_nanos(1_795_000_000_123_456_000).unwrap();
        let mut form = Fields::default();
        form.set_seen(time);
        assert_eq!(form.seen().unwrap(), time);
        assert!(typed("1").seen().is_err());
    }
}
