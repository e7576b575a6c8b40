//! Iranian mobile numbers: `09` and nine digits.

use std::fmt;

use super::clean_number;

/// A mobile number in its canonical form, `09` and nine Latin digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Phone(String);

/// Why a typed phone number is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    #[error("no phone number was typed")]
    Empty,
    #[error("not an Iranian mobile number")]
    NotAMobile,
}

impl Phone {
    /// Reads a mobile number in any digits, with `+98`, `0098`, `98`, `0` or nothing before the nine.
    pub fn parse(typed: &str) -> Result<Self, PhoneError> {
        let text = clean_number(typed).replace(['(', ')'], "");
        if text.is_empty() {
            return Err(PhoneError::Empty);
        }
        let local =
            ["+98", "0098", "98"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(&text);
        let local = local.strip_prefix('0').unwrap_or(local);
        if local.len() != 10 || !local.starts_with('9') || !local.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PhoneError::NotAMobile);
        }
        Ok(Self(format!("0{local}")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_are_read_as_people_type_them() {
        for typed in [
            "09121234567",
            "9121234567",
            "+989121234567",
            "00989121234567",
            "989121234567",
            "+98 (0) 912 123 4567",
            "۰۹۱۲-۱۲۳-۴۵۶۷",
            "٠٩١٢ ١٢٣ ٤٥٦٧\u{200f}",
        ] {
            assert_eq!(Phone::parse(typed).unwrap().as_str(), "09121234567", "{typed}");
        }
        // Begins with the digits of the country code, but is whole without them.
        assert_eq!(Phone::parse("9812345678"), Err(PhoneError::NotAMobile));
        assert_eq!(Phone::parse("09812345678").unwrap().as_str(), "09812345678");
    }

    #[test]
    fn what_is_no_mobile_number_is_refused() {
        assert_eq!(Phone::parse("  "), Err(PhoneError::Empty));
        for typed in ["0912123456", "091212345678", "02112345678", "+449121234567", "0912abc4567", "+9809"] {
            assert_eq!(Phone::parse(typed), Err(PhoneError::NotAMobile), "{typed}");
        }
    }
}
