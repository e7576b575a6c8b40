//! An account's note, by which it is known whose it is.

use tokio::time::Instant;

use super::{
    Marzban,
    client::{json, not_the_panel},
    transport::Request,
    wire,
};
use crate::panel::{Noted, Refusal, Stop};

impl Marzban {
    pub(super) async fn change_note(
        &self,
        username: &str,
        before: &str,
        after: &str,
        deadline: Instant,
    ) -> Result<Noted, Stop> {
        let found = self.find(username, deadline).await?.ok_or(Stop::Refused(Refusal::NotFound))?;
        let note = found.note.clone().unwrap_or_default();
        if note == after {
            return Ok(Noted::Set(Box::new(found.into_account(&self.public_url)?)));
        }
        if note != before {
            return Ok(Noted::Other { note });
        }
        // A next plan that isn't sent back is lost.
        let body = json(&wire::Note { note: after, next_plan: found.next_plan.as_ref() })?;
        let path = format!("/api/user/{username}");
        let answer = self.call(&Request::put(&path, body), deadline).await.map_err(not_the_panel)?;
        Ok(Noted::Set(Box::new(self.user(&answer, username)?.into_account(&self.public_url)?)))
    }
}
