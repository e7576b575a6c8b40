//! Charts as SVG, drawn by the server: columns over time, which runs as the page is read, from right to left in
//! Persian.
//!
//! Pure functions: figures and words in, geometry out. The picture is 100 by 100 units and stretched to its place, so
//! that text can stand beside it in HTML, at its own size on every screen.

use crate::locale::Language;

/// One column, with the words that a person reads for it.
#[derive(Clone, Debug)]
pub struct Point {
    /// What the column stands for, in the table and under the pointer.
    pub label: String,
    /// Under the axis; empty for none.
    pub short: String,
    pub value: i64,
    /// The value in words.
    pub shown: String,
}

/// A drawn column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub title: String,
}

/// A chart of columns. `components/_chart.html` shows it.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Unique on its page.
    pub id: &'static str,
    pub title: String,
    /// The chart in one sentence.
    pub description: String,
    /// What the columns are: the head of their names in the table.
    pub axis: String,
    pub columns: Vec<Column>,
    /// Where the lines of the scale are, from the top.
    pub lines: Vec<f64>,
    /// What they stand for, from the top.
    pub scale: Vec<String>,
    pub points: Vec<Point>,
}

/// How much of its share of the width a column takes.
const FILL: f64 = 0.72;
/// How many steps the scale has at most, above and below zero together but for one.
const STEPS: i64 = 3;

impl Columns {
    /// Draws `points`, oldest first; the texts are its title, its description and what its columns are. `tick` makes
    /// the words of the scale.
    pub fn new(
        id: &'static str,
        [title, description, axis]: [String; 3],
        points: Vec<Point>,
        language: Language,
        tick: impl Fn(i64) -> String,
    ) -> Self {
        let (bottom, step, top) = scale(points.iter().map(|point| point.value));
        let height = |value: i64| 100.0 * (value.clamp(bottom, top) - bottom) as f64 / (top - bottom) as f64;
        let zero = height(0);
        let share = 100.0 / points.len().max(1) as f64;
        let columns = (0..).zip(&points).map(|(at, point)| {
            let from_start = share * (f64::from(at) + (1.0 - FILL) / 2.0);
            let width = share * FILL;
            let end = height(point.value);
            Column {
                x: match language {
                    Language::Fa => 100.0 - from_start - width,
                    Language::En => from_start,
                },
                y: 100.0 - zero.max(end),
                width,
                height: (end - zero).abs(),
                title: format!("{}: {}", point.label, point.shown),
            }
        });
        let columns = columns.collect();
        let ticks: Vec<i64> = (0..).map(|n| top - n * step).take_while(|tick| *tick >= bottom).collect();
        Self {
            id,
            title,
            description,
            axis,
            columns,
            lines: ticks.iter().map(|tick| 100.0 - height(*tick)).collect(),
            scale: ticks.into_iter().map(tick).collect(),
            points,
        }
    }
}

/// A round scale that holds all values and zero: its bottom, its step, and its top.
fn scale(values: impl Iterator<Item = i64> + Clone) -> (i64, i64, i64) {
    // No shop sells more; a sum of two stays in range.
    const MOST: i64 = i64::MAX / 8;
    let highest = values.clone().max().unwrap_or(0).clamp(0, MOST);
    let lowest = values.min().unwrap_or(0).clamp(-MOST, 0);
    let step = round_up(((highest - lowest) + STEPS - 1) / STEPS);
    let steps = |far: i64| (far + step - 1) / step;
    let (above, below) = (steps(highest), steps(-lowest));
    (-below * step, step, (above.max(i64::from(below == 0))) * step)
}

/// The next of 1, 2, 5, 10, 20, 50 and so on.
fn round_up(least: i64) -> i64 {
    let mut unit: i64 = 1;
    loop {
        for step in [unit, unit.saturating_mul(2), unit.saturating_mul(5)] {
            if step >= least {
                return step;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[i64], language: Language) -> Columns {
        let points = values.iter().map(|value| Point {
            label: "day".to_owned(),
            short: String::new(),
            value: *value,
            shown: value.to_string(),
        });
        Columns::new("c", [const { String::new() }; 3], points.collect(), language, |n| n.to_string())
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn time_runs_as_the_page_is_read() {
        let (en, fa) = (chart(&[1, 2, 4], Language::En), chart(&[1, 2, 4], Language::Fa));
        assert!(en.columns[0].x < en.columns[1].x && en.columns[1].x < en.columns[2].x);
        assert!(fa.columns[0].x > fa.columns[1].x && fa.columns[1].x > fa.columns[2].x);
        for (one, other) in en.columns.iter().zip(&fa.columns) {
            assert!(near(one.x, 100.0 - other.x - other.width), "the one is the other in a mirror");
            assert!(near(one.y, other.y) && near(one.height, other.height));
        }
    }

    #[test]
    fn columns_stand_on_zero_and_stay_in_the_picture() {
        for values in [
            &[0, 0][..],
            &[],
            &[7],
            &[-3, 5],
            &[-10, -20],
            &[i64::MAX, 0],
            &[i64::MIN, 1],
            &[999, 1_000, 1_001],
        ] {
            let chart = chart(values, Language::Fa);
            assert!(
                chart.lines.len() >= 2 && chart.lines.len() == chart.scale.len(),
                "{values:?}: {:?}",
                chart.scale
            );
            let zero = chart.scale.iter().position(|tick| tick == "0").expect("the scale has a zero");
            for (column, value) in chart.columns.iter().zip(values) {
                let (top, bottom) = (column.y, column.y + column.height);
                assert!(top >= -1e-9 && bottom <= 100.0 + 1e-9, "{values:?}");
                let end = if *value >= 0 { bottom } else { top };
                assert!(near(end, chart.lines[zero]), "{values:?}: {end} stands on no zero");
                assert!(column.x >= 0.0 && column.x + column.width <= 100.0);
            }
        }
    }

    #[test]
    fn the_scale_is_round_and_holds_all() {
        for (values, expected) in [
            (&[0][..], ["1", "0"].as_slice()),
            (&[1_000_000], &["1000000", "500000", "0"]),
            (&[900_000, 10], &["1000000", "500000", "0"]),
            (&[1_200_000], &["1500000", "1000000", "500000", "0"]),
            (&[-100, 300], &["400", "200", "0", "-200"]),
        ] {
            assert_eq!(chart(values, Language::En).scale, expected, "{values:?}");
        }
    }
}
