//! SHEBA, the Iranian IBAN: `IR` and 24 digits, of which the first two make the number 1 modulo 97.

use std::fmt;

use super::{Bank, clean_number, in_fours};

/// A valid SHEBA: `IR` and 24 Latin digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sheba(String);

/// Why a typed SHEBA is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShebaError {
    #[error("no SHEBA was typed")]
    Empty,
    #[error("a SHEBA is IR and 24 digits")]
    NotTwentyFourDigits,
    /// A digit is wrong or two are swapped.
    #[error("the check digits of the SHEBA are wrong")]
    WrongCheckDigits,
}

impl Sheba {
    /// Reads a SHEBA in any digits, with or without `IR` and separators.
    pub fn parse(typed: &str) -> Result<Self, ShebaError> {
        let text = clean_number(typed).to_ascii_uppercase();
        if text.is_empty() {
            return Err(ShebaError::Empty);
        }
        let digits = text.strip_prefix("IR").unwrap_or(&text);
        if digits.len() != 24 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ShebaError::NotTwentyFourDigits);
        }
        // ISO 13616: the account first, then the country (I = 18, R = 27), then the check digits.
        let (check, account) = digits.split_at(2);
        let remainder = [account, "1827", check]
            .iter()
            .flat_map(|part| part.bytes())
            .fold(0_u32, |rest, digit| (rest * 10 + u32::from(digit - b'0')) % 97);
        if remainder != 1 {
            return Err(ShebaError::WrongCheckDigits);
        }
        Ok(Self(format!("IR{digits}")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `IR06 2960 0000 0010 0324 2000 01`; to be shown left to right.
    pub fn grouped(&self) -> String {
        in_fours(&self.0)
    }

    /// The bank that keeps the account.
    pub fn bank(&self) -> Option<Bank> {
        Bank::of_sheba_code(&self.0[4..7])
    }
}

impl fmt::Display for Sheba {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // The example of the IBAN registry.
    const VALID: &str = "IR580540105180021273113007";

    #[test]
    fn a_sheba_is_read_as_people_type_it() {
        for typed in [
            VALID,
            "580540105180021273113007",
            "ir58 0540 1051 8002 1273 1130 07",
            "\u{200e}IR۵۸۰۵۴۰۱۰۵۱۸۰۰۲۱۲۷۳۱۱۳۰۰۷",
        ] {
            assert_eq!(Sheba::parse(typed).unwrap().as_str(), VALID, "{typed}");
        }
    }

    #[test]
    fn a_sheba_is_shown_in_fours_with_its_bank() {
        let sheba = Sheba::parse(VALID).unwrap();
        assert_eq!(sheba.grouped(), "IR58 0540 1051 8002 1273 1130 07");
        assert_eq!(sheba.bank(), Some(Bank::Parsian));
    }

    #[test]
    fn what_is_no_sheba_says_why() {
        assert_eq!(Sheba::parse(""), Err(ShebaError::Empty));
        for typed in ["IR58054010518002127311300", "DE580540105180021273113007", "IR58054010518002127311300x"]
        {
            assert_eq!(Sheba::parse(typed), Err(ShebaError::NotTwentyFourDigits), "{typed}");
        }
        assert_eq!(Sheba::parse("IR580540105180021273113008"), Err(ShebaError::WrongCheckDigits));
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_always_noticed(at in 2usize..26, other in 0u8..10) {
            let mut digits = VALID.as_bytes().to_vec();
            prop_assume!(digits[at] != b'0' + other);
            digits[at] = b'0' + other;
            let typed = String::from_utf8(digits).unwrap();
            prop_assert_eq!(Sheba::parse(&typed), Err(ShebaError::WrongCheckDigits));
        }
    }
}
