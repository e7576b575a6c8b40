//! Numbers in words. The words are lists in the messages; how they join is a message too.

use crate::locale::{Tr, nth};

/// `n` in words, without a unit; any 64-bit number.
pub(super) fn in_words(t: Tr, n: i64) -> String {
    let words = Words { t, ones: t.words_ones(), tens: t.words_tens(), hundreds: t.words_hundreds() };
    let scales = t.words_scales();
    let mut groups = Vec::new();
    let mut rest = n.unsigned_abs();
    let mut scale = 0;
    while rest > 0 {
        let group = rest % 1000;
        if group > 0 {
            let mut text = words.below_thousand(group as usize);
            if scale > 0 {
                text = format!("{text} {}", nth(&scales, scale - 1));
            }
            groups.push(text);
        }
        rest /= 1000;
        scale += 1;
    }
    groups.reverse();
    let text = match groups.len() {
        0 => t.words_zero(),
        _ => groups.into_iter().reduce(|higher, lower| t.words_group(higher, lower)).unwrap_or_default(),
    };
    if n < 0 { t.words_negative(text) } else { text }
}

struct Words {
    t: Tr,
    ones: String,
    tens: String,
    hundreds: String,
}

impl Words {
    fn below_thousand(&self, n: usize) -> String {
        let hundred = (n >= 100).then(|| nth(&self.hundreds, n / 100 - 1).to_owned());
        match (hundred, n % 100) {
            (Some(hundred), 0) => hundred,
            (Some(hundred), rest) => self.t.words_hundred(hundred, self.below_hundred(rest)),
            (None, rest) => self.below_hundred(rest),
        }
    }

    fn below_hundred(&self, n: usize) -> String {
        match (n / 10, n % 10) {
            (0 | 1, _) => nth(&self.ones, n - 1).to_owned(),
            (ten, 0) => nth(&self.tens, ten - 2).to_owned(),
            (ten, one) => self.t.words_ten(nth(&self.ones, one - 1), nth(&self.tens, ten - 2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        locale::{Language, Tr},
        money::Toman,
    };

    #[test]
    fn amounts_are_said_in_persian() {
        for (n, words) in [
            (0, "صفر تومان"),
            (7, "هفت تومان"),
            (19, "نوزده تومان"),
            (85, "هشتاد و پنج تومان"),
            (100, "صد تومان"),
            (1_000, "یک هزار تومان"),
            (10_512, "ده هزار و پانصد و دوازده تومان"),
            (1_200_000, "یک میلیون و دویست هزار تومان"),
            (2_000_000_001, "دو میلیارد و یک تومان"),
            (1_000_000_000_000_000, "یک کوادریلیون تومان"),
            (-5_000, "منفی پنج هزار تومان"),
        ] {
            assert_eq!(Toman(n).in_words(Language::Fa), words);
        }
    }

    #[test]
    fn amounts_are_said_in_english() {
        for (n, words) in [
            (0, "zero Toman"),
            (21, "twenty-one Toman"),
            (1_200_000, "one million two hundred thousand Toman"),
            (345, "three hundred forty-five Toman"),
            (-1, "minus one Toman"),
        ] {
            assert_eq!(Toman(n).in_words(Language::En), words);
        }
    }

    #[test]
    fn the_lists_of_words_are_complete() {
        for language in [Language::Fa, Language::En] {
            let t = Tr::new(language);
            let length = |list: String| list.split(',').filter(|word| !word.trim().is_empty()).count();
            assert_eq!(
                (length(t.words_ones()), length(t.words_tens()), length(t.words_hundreds())),
                (19, 8, 9)
            );
            assert_eq!(length(t.words_scales()), 6);
        }
    }

    proptest! {
        #[test]
        fn two_amounts_never_sound_alike(a in any::<i64>(), b in any::<i64>()) {
            for language in [Language::Fa, Language::En] {
                prop_assert_eq!(a == b, Toman(a).in_words(language) == Toman(b).in_words(language));
            }
        }
    }
}
