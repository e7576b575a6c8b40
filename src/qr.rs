//! A text as a QR code: one SVG path, without style or script, as the page's policy wants it.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder};

/// A QR code to be drawn; dark on light whatever the page's colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qr {
    /// The side of the square, in modules, with the quiet zone of four modules that scanners need.
    pub side: usize,
    /// The dark modules as the `d` of one path.
    pub path: String,
}

const QUIET: usize = 4;

/// The code of `text`; `None` where it is too long for one (2,331 bytes).
pub fn qr(text: &str) -> Option<Qr> {
    let code = QRBuilder::new(text.as_bytes()).ecl(ECL::M).build().ok()?;
    let mut path = String::new();
    for row in 0..code.size {
        let modules = &code[row];
        let mut column = 0;
        while column < code.size {
            let dark = modules[column..code.size].iter().take_while(|module| module.value()).count();
            if dark > 0 {
                // Writing to a String can't fail.
                let _ = write!(path, "M{} {}h{dark}v1h-{dark}z", column + QUIET, row + QUIET);
            }
            column += dark.max(1);
        }
    }
    Some(Qr { side: code.size + 2 * QUIET, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws the path again, without knowing how it was made.
    fn drawn(qr: &Qr) -> Vec<Vec<bool>> {
        let mut picture = vec![vec![false; qr.side]; qr.side];
        for run in qr.path.split('M').skip(1) {
            let (place, rest) = run.split_once('h').unwrap();
            let (x, y) = place.split_once(' ').unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            let length: usize = rest.split_once('v').unwrap().0.parse().unwrap();
            assert_eq!(rest, format!("{length}v1h-{length}z"));
            for cell in &mut picture[y][x..x + length] {
                assert!(!*cell, "a module is drawn twice");
                *cell = true;
            }
        }
        picture
    }

    #[test]
    fn the_path_draws_exactly_the_code() {
        let link = "https://sub.example.com:8443/sub/cmV6YV8xLDE3OTUzODAxMTYabcdefghij";
        let qr = qr(link).unwrap();
        let picture = drawn(&qr);
        let code = QRBuilder::new(link).ecl(ECL::M).build().unwrap();
        for y in 0..qr.side {
            for x in 0..qr.side {
                let inside = |n: usize| (QUIET..QUIET + code.size).contains(&n);
                let dark = inside(x) && inside(y) && code[y - QUIET][x - QUIET].value();
                assert_eq!(picture[y][x], dark, "{x} {y}");
            }
        }
    }

    #[test]
    fn a_text_that_fits_no_code_has_none() {
        assert_eq!(qr(&"x".repeat(3000)), None);
    }
}
