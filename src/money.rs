//! Money is a whole number of Toman in a signed 64-bit integer, never a float.

use std::{
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub, SubAssign},
    str::FromStr,
};

use crate::{
    locale::{Language, Tr},
    persian::{is_invisible, latin_digits},
};

mod words;

/// An amount in Toman. Arithmetic saturates: the database refuses a posting whose sums don't fit, so an
/// overflow can't become money.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    sqlx::Type,
    serde::Serialize,
    serde::Deserialize,
)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct Toman(pub i64);

/// Why a typed amount is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("no amount was typed")]
    Empty,
    /// Letters, a decimal fraction, or separators that don't group by three.
    #[error("the amount is not a whole number")]
    NotANumber,
    #[error("the amount is negative")]
    Negative,
    /// Doesn't fit a signed 64-bit integer.
    #[error("the amount is too large")]
    TooLarge,
}

impl Toman {
    pub const ZERO: Self = Self(0);

    /// The amount in Rial (×10), which is what bank apps take.
    pub fn rial(self) -> i64 {
        self.0.saturating_mul(10)
    }

    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// `percent` per cent of the amount in Toman, rounded down.
    pub fn percent(self, percent: i32) -> Self {
        let part = (i128::from(self.0) * i128::from(percent)).div_euclid(100);
        Self(i64::try_from(part).unwrap_or(if part < 0 { i64::MIN } else { i64::MAX }))
    }

    /// Reads an amount as people type it: Persian, Arabic or Latin digits, grouped by three or not, with or
    /// without the unit behind it. Zero is a valid amount here; what is too little is the caller's rule.
    pub fn parse(typed: &str) -> Result<Self, AmountError> {
        let text: String = latin_digits(typed).chars().filter(|c| !is_invisible(*c)).collect();
        let text = text.trim();
        let text = without_unit(text).trim_end();
        if text.is_empty() {
            return Err(AmountError::Empty);
        }
        let (number, negative) = match text.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => (rest.trim_start(), true),
            None => (text, false),
        };
        let digits = ungrouped(number).ok_or(AmountError::NotANumber)?;
        if negative {
            return Err(AmountError::Negative);
        }
        digits.parse().map(Self).map_err(|_| AmountError::TooLarge)
    }

    /// The amount in words with its unit, for whoever wants to be sure of the zeros.
    pub fn in_words(self, language: Language) -> String {
        let t = Tr::new(language);
        t.toman(words::in_words(t, self.0))
    }
}

/// A word of the unit behind the number says nothing new: this panel knows Toman only.
fn without_unit(text: &str) -> &str {
    for unit in crate::persian::TOMAN_WORDS {
        let Some(at) = text.len().checked_sub(unit.len()) else { continue };
        if text.is_char_boundary(at) && text[at..].eq_ignore_ascii_case(unit) {
            return &text[..at];
        }
    }
    text
}

/// The bare digits of `number`, or nothing if it holds anything but digits grouped by three. Points and
/// commas must group by three: otherwise "12.5" would become 125.
fn ungrouped(number: &str) -> Option<String> {
    let compact: String = number.chars().filter(|c| !c.is_whitespace()).collect();
    let mut groups = compact.split([',', '.', '\u{66C}', '\u{60C}']);
    let mut digits = groups.next()?.to_owned();
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        digits.push_str(group);
    }
    let starts_with_digit = compact.starts_with(|c: char| c.is_ascii_digit());
    (starts_with_digit && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

impl FromStr for Toman {
    type Err = AmountError;

    fn from_str(typed: &str) -> Result<Self, AmountError> {
        Self::parse(typed)
    }
}

impl Add for Toman {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Toman {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Toman {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Toman {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Neg for Toman {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Toman {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rial_are_ten_to_the_toman() {
        assert_eq!(Toman(120_000).rial(), 1_200_000);
        assert_eq!(Toman(i64::MAX).rial(), i64::MAX);
    }

    #[test]
    fn a_percentage_is_rounded_down() {
        assert_eq!(Toman(199).percent(10), Toman(19));
        assert_eq!(Toman(-199).percent(10), Toman(-20));
        assert_eq!(Toman(i64::MAX).percent(200), Toman(i64::MAX));
    }

    #[test]
    fn amounts_are_read_as_people_type_them() {
        for typed in [
            "1200000",
            "۱۲۰۰۰۰۰",
            "١٢٠٠٠٠٠",
            "1,200,000",
            "۱٬۲۰۰٬۰۰۰",
            "۱،۲۰۰،۰۰۰",
            "1.200.000",
            "1 200 000",
            " ۱٬۲۰۰٬۰۰۰ تومان ",
            "۱۲۰۰۰۰۰تومان",
            "1200000 TOMAN",
            "\u{200f}۱٬۲۰۰٬۰۰۰\u{200c}\u{202c}",
        ] {
            assert_eq!(Toman::parse(typed), Ok(Toman(1_200_000)), "{typed}");
        }
        assert_eq!(Toman::parse("0"), Ok(Toman::ZERO));
    }

    #[test]
    fn what_is_no_amount_says_why() {
        for (typed, why) in [
            ("", AmountError::Empty),
            ("  \u{200f}", AmountError::Empty),
            ("تومان", AmountError::Empty),
            ("abc", AmountError::NotANumber),
            ("12.5", AmountError::NotANumber),
            ("12,5", AmountError::NotANumber),
            ("۱۲٫۵", AmountError::NotANumber),
            ("1e9", AmountError::NotANumber),
            ("0x10", AmountError::NotANumber),
            ("+5", AmountError::NotANumber),
            (",500", AmountError::NotANumber),
            ("1,,200", AmountError::NotANumber),
            ("--5", AmountError::NotANumber),
            ("-", AmountError::NotANumber),
            ("-5", AmountError::Negative),
            ("−۵٬۰۰۰", AmountError::Negative),
            ("9223372036854775808", AmountError::TooLarge),
        ] {
            assert_eq!(Toman::parse(typed), Err(why), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn what_a_page_shows_can_be_typed_back(n in 0..=i64::MAX) {
            for language in [Language::Fa, Language::En] {
                let t = Tr::new(language);
                prop_assert_eq!(Toman::parse(&t.amount(Toman(n))), Ok(Toman(n)));
            }
        }

        #[test]
        fn nothing_typed_makes_the_parser_fail(typed in "\\PC*") {
            if let Ok(amount) = Toman::parse(&typed) {
                prop_assert!(!amount.is_negative());
            }
        }

        #[test]
        fn a_sum_and_its_parts_agree(amounts in prop::collection::vec(-1_000_000_000_000i64..1_000_000_000_000, 0..20)) {
            let sum: Toman = amounts.iter().copied().map(Toman).sum();
            prop_assert_eq!(sum.0, amounts.iter().sum::<i64>());
            prop_assert_eq!(amounts.iter().fold(sum, |rest, n| rest - Toman(*n)), Toman::ZERO);
        }

        #[test]
        fn a_percentage_is_the_largest_whole_number_not_above_it(n in -1_000_000_000_000i64..1_000_000_000_000, percent in 0..=100i32) {
            let part = Toman(n).percent(percent).0 * 100;
            let exact = n * i64::from(percent);
            prop_assert!(part <= exact && exact < part + 100);
        }
    }
}
