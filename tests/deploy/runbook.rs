//! What the documents tell people to type.

use std::{collections::BTreeSet, process::Command};

use crate::{output, project, text};

/// The lines between fences, without what stands behind `#`.
fn typed(document: &str) -> Vec<String> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text(document).lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if inside {
            lines.push(line.split(" #").next().unwrap().trim().to_owned());
        }
    }
    lines
}

/// The words behind the program's name: a command, and what is given to it.
fn asked_of_the_panel(line: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().rposition(|word| matches!(*word, "rad-panel" | "rad-panel-admin"))?;
    let rest = words[at + 1..].to_vec();
    // What follows the name of the unit is somebody else's option.
    let is_command = |word: &&str| {
        *word == "--version" || word.starts_with(|c: char| c.is_ascii_lowercase()) && !word.contains('.')
    };
    rest.first().is_some_and(is_command).then_some(rest)
}

#[test]
fn every_command_in_the_documents_is_one_that_the_panel_has() {
    let program = env!("CARGO_BIN_EXE_rad-panel");
    let mut seen = BTreeSet::new();
    for line in [typed("deploy/RUNBOOK.md"), typed("README.md")].concat() {
        let Some(words) = asked_of_the_panel(&line) else { continue };
        let (command, given) = words.split_first().unwrap();
        if command.starts_with("--") {
            output(Command::new(program).arg(command));
            continue;
        }
        let help = output(Command::new(program).args([command, "--help"]));
        for flag in given.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag), "{line}: {command} has no {flag}");
        }
        seen.insert((*command).to_owned());
    }
    let expected = [
        "backup",
        "check-marzban",
        "create-admin",
        "fetch-backup",
        "health",
        "reset-password",
        "reset-two-factor",
        "restore",
        "serve",
        "setup-code",
        "verify",
    ];
    for command in expected {
        assert!(seen.contains(command), "no document tells of {command}");
    }
}

#[test]
fn every_script_that_the_documents_name_is_there() {
    let lines = [typed("deploy/RUNBOOK.md"), typed("README.md")].concat();
    let scripts =
        lines.iter().flat_map(|line| line.split_whitespace()).map(|word| word.trim_start_matches("./"));
    let scripts: BTreeSet<&str> =
        scripts.filter(|word| word.starts_with("deploy/") || word.starts_with("bin/")).collect();
    assert!(scripts.len() >= 5, "{scripts:?}");
    for script in scripts {
        assert!(project().join(script).exists(), "{script}");
    }
}
