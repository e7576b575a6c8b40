//! Marzban, over HTTP, as the [`Panel`] where the accounts live. What it calls things stays in `wire`.
//!
//! Invariant: an answer is done or refused only where Marzban definitely said so; all else is unknown, and creating is
//! never repeated blindly: the account is looked up first, and known as ours by its note.

mod answers;
mod calls;
mod client;
mod creation;
pub mod diagnosis;
mod listing;
mod notes;
mod removal;
mod renewal;
mod resetting;
mod restoring;
mod settings;
mod tokens;
mod transport;
mod wire;

pub use client::Marzban;
pub use settings::{Settings, SettingsError};

use crate::{calendar::Clock, panel::Server};

/// The server that these settings lead to. Sends nothing yet.
///
/// # Errors
/// When a setting can't be used.
pub fn server(settings: &Settings, clock: Clock) -> Result<Server, SettingsError> {
    let marzban = Marzban::new(settings, clock.clone())?;
    Ok(Server::new(marzban, settings.probing, clock))
}
