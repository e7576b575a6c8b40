//! Makes what the binary embeds: one typed method per message, and the bundled, compressed assets.

#[path = "assets/build.rs"]
mod assets;
#[path = "locales/build.rs"]
mod messages;

use std::{env, path::PathBuf};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    messages::generate(&root.join("locales"), &out.join("messages.rs"));
    assets::bundle(&root.join("assets"), &out.join("assets"));
    // The macros of sqlx and askama don't watch these themselves.
    for watched in ["migrations", ".sqlx", "templates"] {
        println!("cargo::rerun-if-changed={watched}");
    }
}
