//! Tests of `deploy/`: what an owner or an engineer runs a shop with, tried with the tools that will read it.
#![allow(clippy::unwrap_used)]

mod behind_nginx;
mod container;
mod engine;
mod install;
mod instances;
mod kubernetes;
mod logs;
mod monitoring;
mod nginx;
mod panel;
#[path = "../it/receipts/pictures.rs"]
#[allow(dead_code, reason = "shared with the tests of receipts, which use all of it")]
mod pictures;
mod rolling;
mod runbook;
mod start;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests over HTTP, which use all of it")]
mod support;
mod systemd;
mod tls;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The folder of the project.
fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the project.
fn text(path: &str) -> String {
    fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Where `bin/need` puts tools that Debian does not have.
fn tools() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    cache.expect("HOME is set").join("rad-panel-tools")
}

/// Standard output of a command that succeeds.
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let error = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{command:?}: {}\n{error}\n{said}", output.status);
    said.into_owned()
}

/// Whether the command can be started and says yes.
fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Whether RAD Panel has a setting of this name, or reads a secret one from the file that it names.
fn is_setting(name: &str) -> bool {
    let plain = name.strip_suffix("_FILE");
    rad_panel::config::SETTINGS
        .iter()
        .any(|setting| setting.name == name || setting.secret && Some(setting.name) == plain)
}
