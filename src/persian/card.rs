//! Numbers of bank cards: 16 digits, the last one by Luhn.

use std::fmt;

use super::{Bank, clean_number, in_fours};

/// A valid card number, 16 Latin digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CardNumber(String);

/// Why a typed card number is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    #[error("no card number was typed")]
    Empty,
    #[error("a card number has 16 digits")]
    NotSixteenDigits,
    /// A digit is wrong or two are swapped.
    #[error("the check digit of the card number is wrong")]
    WrongCheckDigit,
}

impl CardNumber {
    /// Reads a card number in any digits, with or without separators.
    pub fn parse(typed: &str) -> Result<Self, CardError> {
        let digits = clean_number(typed);
        if digits.is_empty() {
            return Err(CardError::Empty);
        }
        // Only zeros would pass Luhn.
        if digits.len() != 16 || !digits.bytes().all(|b| b.is_ascii_digit()) || digits.starts_with('0') {
            return Err(CardError::NotSixteenDigits);
        }
        if !luhn(digits.as_bytes()) {
            return Err(CardError::WrongCheckDigit);
        }
        Ok(Self(digits))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `6037 9975 1234 5678`; Latin digits, to be shown left to right.
    pub fn grouped(&self) -> String {
        in_fours(&self.0)
    }

    /// `6037 99** **** 5678`: bank and end, enough to recognise one's own card.
    pub fn masked(&self) -> String {
        format!("{} {}** **** {}", &self.0[..4], &self.0[4..6], &self.0[12..])
    }

    /// The bank that issued the card, by its first six digits.
    pub fn bank(&self) -> Option<Bank> {
        Bank::of_card_prefix(&self.0[..6])
    }
}

impl fmt::Display for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, digit)| match u32::from(digit - b'0') {
            digit if i % 2 == 0 => digit,
            digit if digit > 4 => digit * 2 - 9,
            digit => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALID: &str = "6037997512345670";

    #[test]
    fn card_numbers_are_read_as_people_type_them() {
        for typed in [VALID, "6037-9975-1234-5670", "۶۰۳۷ ۹۹۷۵ ۱۲۳۴ ۵۶۷۰", "\u{200e}٦٠٣٧٩٩٧٥١٢٣٤٥٦٧٠"]
        {
            assert_eq!(CardNumber::parse(typed).unwrap().as_str(), VALID, "{typed}");
        }
    }

    #[test]
    fn a_card_number_is_shown_whole_or_masked_with_its_bank() {
        let card = CardNumber::parse(VALID).unwrap();
        assert_eq!(card.grouped(), "6037 9975 1234 5670");
        assert_eq!(card.masked(), "6037 99** **** 5670");
        assert_eq!(card.bank(), Some(Bank::Melli));
    }

    #[test]
    fn what_is_no_card_number_says_why() {
        assert_eq!(CardNumber::parse(" "), Err(CardError::Empty));
        for typed in ["603799751234567", "60379975123456700", "603799751234567a", "0000000000000000"] {
            assert_eq!(CardNumber::parse(typed), Err(CardError::NotSixteenDigits), "{typed}");
        }
        assert_eq!(CardNumber::parse("6037997512345678"), Err(CardError::WrongCheckDigit));
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_always_noticed(at in 1usize..16, other in 0u8..10) {
            let mut digits = VALID.as_bytes().to_vec();
            prop_assume!(digits[at] != b'0' + other);
            digits[at] = b'0' + other;
            let typed = String::from_utf8(digits).unwrap();
            prop_assert_eq!(CardNumber::parse(&typed), Err(CardError::WrongCheckDigit));
        }
    }
}
