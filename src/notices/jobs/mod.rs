//! What the worker runs: sending what waits for a person, mailing a code, listening to the bot.

mod deliver;
mod link;

use std::time::Duration;

pub use deliver::deliver;
pub use link::{poll, send_code};

/// The kind of job that sends what waits for one person on one channel.
pub const DELIVER: &str = "notices.deliver";
/// The kind of job that mails a one-time code.
pub const SEND_CODE: &str = "notices.code";
/// The kind of job that listens to the bot while a code waits to come back.
pub const POLL: &str = "notices.poll";

/// What can't be sent for so long is not sent any more; it stands in the panel.
const GIVE_UP: Duration = Duration::from_secs(24 * 3600);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(30 * 60);
