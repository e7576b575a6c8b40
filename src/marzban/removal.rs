//! Deleting an account for good.
//!
//! Invariant: an account that is said to be gone no longer works. Marzban drops the row of an account without owner,
//! answers with an error, and leaves the account in its core, where it works until the core restarts. Such an account
//! is given to our own administrator first. One that lives in the environment can't own any; then the account is
//! switched off first, which takes it out of the core.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::Instant;

use super::{
    Marzban,
    client::not_the_panel,
    transport::{Body, Request},
    wire,
};
use crate::panel::{Cause, Refusal, Stop};

impl Marzban {
    pub(super) async fn remove(&self, username: &str, deadline: Instant) -> Result<(), Stop> {
        let has_owner = match self.find(username, deadline).await {
            Ok(None) => return Ok(()),
            Ok(Some(found)) => Some(found.has_owner()),
            // A row that can't be shown can be deleted all the same.
            Err(Stop::Unknown(Cause::Server5xx, _)) => None,
            Err(stop) => return Err(stop),
        };
        if has_owner != Some(true) {
            match self.take_out(username, deadline).await {
                // What is done with a row that can't be shown is answered with an error.
                Err(Stop::Unknown(Cause::Server5xx, _)) if has_owner.is_none() => {}
                // Gone since it was looked for.
                Err(Stop::Refused(Refusal::NotFound)) => return Ok(()),
                taken => taken?,
            }
        }
        let path = format!("/api/user/{username}");
        match self.call(&Request::delete(&path), deadline).await {
            Ok(answer) if wire::says_deleted(&answer) => Ok(()),
            Err(Stop::Refused(Refusal::NotFound)) => Ok(()),
            // Something else may have answered in the panel's place.
            Ok(_) => match self.find(username, deadline).await? {
                None => Ok(()),
                Some(_) => Err(Stop::bad_answer("deleted, it says, and it is there")),
            },
            // Out of the core and still without owner, it is deleted and yet answered with an error.
            Err(Stop::Unknown(Cause::Server5xx, why)) => match self.find(username, deadline).await {
                Ok(None) => Ok(()),
                _ => Err(Stop::Unknown(Cause::Server5xx, why)),
            },
            Err(stop) => Err(not_the_panel(stop)),
        }
    }

    /// Sees to it that deleting the account takes it out of the core, or takes it out now.
    async fn take_out(&self, username: &str, deadline: Instant) -> Result<(), Stop> {
        if !self.adopt(username, deadline).await? {
            let off = wire::Change { status: Some("disabled"), ..wire::Change::default() };
            self.put(username, &off, deadline).await?;
        }
        Ok(())
    }

    /// Makes our administrator the owner; false where it can't own any.
    async fn adopt(&self, username: &str, deadline: Instant) -> Result<bool, Stop> {
        let ours = utf8_percent_encode(self.tokens.username(), NON_ALPHANUMERIC);
        let path = format!("/api/user/{username}/set-owner?admin_username={ours}");
        match self.call(&Request::put(&path, Body::None), deadline).await {
            Ok(answer) => self.user(&answer, username).map(|_| true),
            Err(Stop::Refused(Refusal::Other { status: 404, detail })) if detail == wire::ADMIN_NOT_FOUND => {
                Ok(false)
            }
            Err(stop) => Err(not_the_panel(stop)),
        }
    }
}
