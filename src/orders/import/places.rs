//! Some places of the server's list, also where one of them holds an account that the server can't show.
//!
//! Such an account makes every list with it fail. It is looked for by halves, about seven calls for one; what it is called
//! stays unknown.

use crate::panel::{Account, Cause, Outcome, Server, Stretch};

/// What stands in some places of the list.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub accounts: Vec<Account>,
    /// Names whose rows could not be read.
    pub unreadable: Vec<String>,
    /// How many places were looked at; the last one holds an account that can't be shown where `ends_hidden`.
    pub count: u64,
    pub ends_hidden: bool,
    /// How many accounts the server has; `None` where no list could be read.
    pub total: Option<u64>,
}

impl Places {
    fn add(&mut self, stretch: Stretch) {
        self.count += stretch.len() as u64;
        self.total = Some(stretch.total);
        self.accounts.extend(stretch.accounts);
        self.unreadable.extend(stretch.unreadable);
    }
}

/// Looks at up to `limit` places from `start` on, and ends at the first that can't be shown.
///
/// # Errors
/// Why the server can't be asked.
pub(super) async fn look(server: &Server, start: u64, limit: usize) -> Result<Places, Cause> {
    let mut places = Places::default();
    if let Some(stretch) = ask(server, start, limit).await? {
        places.add(stretch);
        return Ok(places);
    }
    // The first `end` places hold one that can't be shown, and those before `places.count` don't: if the lists that
    // failed did so for that. The last of them asked for so many places.
    let (mut end, mut failed) = (limit as u64, limit as u64);
    while end - places.count > 1 {
        let half = (end - places.count) / 2;
        match ask(server, start + places.count, usize::try_from(half).unwrap_or(1)).await? {
            Some(stretch) => {
                let is_short = (stretch.len() as u64) < half;
                places.add(stretch);
                // The list ends before it: it was repaired, or has gone.
                if is_short {
                    return Ok(places);
                }
            }
            None => (end, failed) = (places.count + half, half),
        }
    }
    // A list may fail for a moment, or for its length: the one place that is left has to fail by itself.
    if failed > 1
        && let Some(stretch) = ask(server, start + places.count, 1).await?
    {
        places.add(stretch);
        return Ok(places);
    }
    places.count += 1;
    places.ends_hidden = true;
    Ok(places)
}

/// `None` where the server is well and can't make this list.
async fn ask(server: &Server, start: u64, limit: usize) -> Result<Option<Stretch>, Cause> {
    match server.stretch(start, limit).await {
        Outcome::Done(stretch) => Ok(Some(stretch)),
        Outcome::Unknown(cause @ (Cause::Server5xx | Cause::BadAnswer)) => {
            // It also keeps the failures from being taken for the server's absence.
            if server.health().await.reachable { Ok(None) } else { Err(cause) }
        }
        Outcome::Unknown(cause) => Err(cause),
        Outcome::Refused(_) => Err(Cause::BadAnswer),
    }
}
