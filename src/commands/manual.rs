//! The man pages and the completions, both made of the command line's own definition when a package is built.

use std::{fs, io, path::Path};

use anyhow::Context as _;
use clap::Command;
use clap_complete::Shell;

/// Writes `rad-panel.1`, and a page for each command, into `folder`. `settings` is the text that `serve --help` ends
/// with: filled to the page's width, its lines would run into each other.
pub fn man(command: Command, settings: &str, folder: &Path) -> anyhow::Result<()> {
    let context = || format!("can't write into {}", folder.display());
    let command = command
        .disable_help_subcommand(true)
        .mut_subcommand("serve", |serve| serve.after_long_help(None::<&str>));
    clap_mangen::generate_to(command, folder).with_context(context)?;
    let page = folder.join("rad-panel-serve.1");
    let text = fs::read_to_string(&page).with_context(context)?;
    let settings = settings.replace('\\', "\\e").replace("\n.", "\n\\&.").replace("\n'", "\n\\&'");
    fs::write(&page, format!("{text}.SH SETTINGS\n.nf\n{settings}.fi\n")).with_context(context)
}

/// Prints what makes `shell` complete the names of commands and options.
pub fn completions(mut command: Command, shell: Shell) {
    clap_complete::generate(shell, &mut command, "rad-panel", &mut io::stdout());
}
