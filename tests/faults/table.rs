//! The table: fault × step × outcome.

use std::{fmt::Write as _, fs, path::PathBuf, time::Duration};

use super::gate::Fault;

/// What came of one fault at one step: how long until all was well, or what was wrong.
pub type Outcome = Result<Duration, String>;

/// A row of each step.
pub struct Table {
    title: String,
    steps: Vec<String>,
    cells: Vec<(usize, Fault, Outcome)>,
}

impl Table {
    pub fn new(title: &str, steps: Vec<String>, cells: Vec<(usize, Fault, Outcome)>) -> Self {
        Self { title: title.to_owned(), steps, cells }
    }

    /// All that went wrong.
    pub fn failures(&self) -> Vec<String> {
        let failed = |(step, fault, outcome): &(usize, Fault, Outcome)| {
            let why = outcome.as_ref().err()?;
            Some(format!("{}, {} ({}): {why}", self.title, self.steps[*step], heading(*fault)))
        };
        self.cells.iter().filter_map(failed).collect()
    }

    /// The longest that it took.
    pub fn longest(&self) -> Duration {
        self.cells.iter().filter_map(|cell| cell.2.as_ref().ok()).max().copied().unwrap_or_default()
    }

    pub fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n| step |", self.title);
        for fault in Fault::ALL {
            let _ = write!(text, " {} |", heading(fault));
        }
        text.push_str("\n|---|---|---|---|---|---|\n");
        for (at, step) in self.steps.iter().enumerate() {
            let _ = write!(text, "| {}. {step} |", at + 1);
            for fault in Fault::ALL {
                let cell = self.cells.iter().find(|cell| cell.0 == at && cell.1 == fault);
                let _ = match cell.map(|cell| &cell.2) {
                    None => write!(text, " |"),
                    Some(Ok(took)) => write!(text, " whole, {:.1} s |", took.as_secs_f64()),
                    Some(Err(_)) => write!(text, " **BROKEN** |"),
                };
            }
            text.push('\n');
        }
        let _ = writeln!(
            text,
            "\n{} faults, the longest {:.1} s.",
            self.cells.len(),
            self.longest().as_secs_f64()
        );
        text
    }
}

fn heading(fault: Fault) -> &'static str {
    match fault {
        Fault::KilledBefore => "killed before",
        Fault::KilledAfter => "killed after",
        Fault::DroppedBefore => "connection broken before",
        Fault::DroppedAfter => "connection broken after",
        Fault::FailedAfter => "500 after storing",
    }
}

/// Prints a part of the report, and keeps it beside the built binary.
pub fn report(name: &str, text: &str) {
    println!("{text}");
    let target = PathBuf::from(env!("CARGO_BIN_EXE_rad-panel"));
    let folder = target.parent().and_then(|debug| debug.parent()).unwrap().join("fault-table");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.md")), text).unwrap();
}
