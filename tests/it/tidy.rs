//! The rules of the house, held over the sources themselves: who may import whom, who writes which table, and
//! what must not stand in templates and styles. A failure says where, and what to do.

mod rooms;
mod text;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file of the project, by its path from the root.
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    /// The lines with their numbers, for messages.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

/// All files under `folder` whose names end so, in order.
pub fn sources(folder: &str, ending: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join(folder), &mut found);
    found.sort();
    let found: Vec<Source> = found
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .map(|path| Source {
            text: String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
            path: path.strip_prefix(root).unwrap().to_string_lossy().into_owned(),
        })
        .collect();
    assert!(!found.is_empty(), "nothing ends with {ending} in {folder}: the rule looks at nothing");
    found
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

/// Rust as the program has it: without comments and without the tests at the end of the file. Lines keep their
/// numbers.
pub fn rust() -> Vec<Source> {
    sources("src", ".rs")
        .into_iter()
        .map(|source| {
            let text = source.text.split("#[cfg(test)]").next().unwrap();
            let code: Vec<&str> = text.lines().map(without_comment).collect();
            Source { path: source.path, text: code.join("\n") }
        })
        .collect()
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") {
        return "";
    }
    // Behind code; an address in a string has no space before its slashes.
    line.split_once(" // ").map_or(line, |(code, _)| code)
}

/// Whether `line` has `word` with no letter, digit or underscore beside it.
pub fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part))
}

/// Fails with all findings and what to do about them.
#[track_caller]
pub fn nothing_found(findings: &[String], advice: &str) {
    assert!(findings.is_empty(), "{advice}\n  {}", findings.join("\n  "));
}

/// Lines for which `is_wrong`, as findings.
pub fn wrong_lines(sources: &[Source], is_wrong: impl Fn(&Source, &str) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        for (number, line) in source.lines().filter(|(_, line)| is_wrong(source, line)) {
            findings.push(format!("{}:{number}: {}", source.path, line.trim()));
        }
    }
    findings
}

#[test]
fn files_stay_short_enough_to_be_read_at_once() {
    let mut findings = Vec::new();
    for (folder, ending, limit) in [
        ("src", ".rs", 400),
        ("tests/it", ".rs", 400),
        ("templates", ".html", 220),
        ("assets/css", ".css", 220),
    ] {
        for source in sources(folder, ending) {
            let lines = source.text.lines().count();
            if lines > limit {
                findings.push(format!("{}: {lines} lines, at most {limit}", source.path));
            }
        }
    }
    nothing_found(&findings, "Split by what is said, not by size alone:");
}

#[test]
fn nothing_in_the_program_panics_by_intention() {
    let findings = wrong_lines(&rust(), |source, line| {
        !source.path.starts_with("src/demo/")
            && [".unwrap()", ".expect(", ".unwrap_err()", "panic!(", "todo!(", "unimplemented!(", "dbg!("]
                .iter()
                .any(|call| line.contains(call))
    });
    nothing_found(&findings, "Give the failure a type and hand it on:");
}

#[test]
fn the_clock_is_passed_in() {
    let findings = wrong_lines(&rust(), |source, line| {
        source.path != "src/calendar.rs"
            && ["now_utc(", "now_local(", "SystemTime::now("].iter().any(|call| line.contains(call))
    });
    nothing_found(&findings, "Take a calendar::Time or a calendar::Clock as an argument:");
}

#[test]
fn nothing_is_left_to_be_done() {
    let all = [
        sources("src", ".rs"),
        sources("templates", ".html"),
        sources("assets/css", ".css"),
        sources("tests/it", ".rs"),
    ];
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X:"].concat()];
    for sources in all {
        let findings = wrong_lines(&sources, |_, line| marks.iter().any(|mark| has_word(line, mark)));
        nothing_found(&findings, "Do it, or write it where work is planned:");
    }
}
