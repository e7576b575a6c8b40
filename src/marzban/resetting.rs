//! Letting a volume begin anew. Marzban's reset (0.8) wakes an account that is switched off, makes one on hold endless and
//! loses a next plan; asked again it forgives what was used in between.
//!
//! Invariant: it is asked for only where the volume has not begun anew since the caller looked, and what it destroys is
//! put back. Only this call knows the next plan: where both it and what puts it back are lost, so is the plan.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{
    Marzban,
    client::{invalid, not_the_panel},
    transport::{Body, Request},
    wire,
};
use crate::panel::{Account, Field, Refusal, Reset, Stop};

/// How long what a reset has destroyed may take to be put back where the call's own time is over.
const PUT_BACK: Duration = Duration::from_secs(5);

impl Marzban {
    pub(super) async fn begin_anew(
        &self,
        username: &str,
        reset: &Reset,
        deadline: Instant,
    ) -> Result<Account, Stop> {
        let found = self.find(username, deadline).await?.ok_or(Stop::Refused(Refusal::NotFound))?;
        let next_plan = found.next_plan.clone();
        let account = found.into_account(&self.public_url)?;
        let is_done = account.counted_off_bytes() != reset.counted_off_bytes;
        if is_done && reset.keep_disabled {
            // Done by an attempt that may have ended before it was switched off again.
            return self.switch(username, false, deadline).await.map_err(Stop::never_refused);
        }
        if is_done || account.data_used_bytes == 0 {
            return Ok(account);
        }
        if account.waits_for_connection() {
            return Err(invalid(Field::Validity));
        }
        // On an account without limit a next plan would stop the panel's own clockwork at it.
        let next_plan = next_plan.filter(|_| account.data_limit_bytes.is_some());
        self.count_from_zero(username, reset.keep_disabled, next_plan.as_ref(), deadline).await
    }

    /// Sets the used volume to zero, and puts back what that destroys.
    pub(super) async fn count_from_zero(
        &self,
        username: &str,
        keep_disabled: bool,
        next_plan: Option<&Value>,
        deadline: Instant,
    ) -> Result<Account, Stop> {
        let path = format!("/api/user/{username}/reset");
        let status = keep_disabled.then_some("disabled");
        let back = wire::Change { status, next_plan, ..wire::Change::default() };
        let is_owed = keep_disabled || next_plan.is_some();
        let mut user = match self.call(&Request::post(&path, Body::None), deadline).await {
            Ok(answer) => self.user(&answer, username)?,
            Err(stop) => {
                // It may have been done and its answer lost. Where it was not done, this asks for what is there already.
                if is_owed && matches!(stop, Stop::Unknown(..)) {
                    let _ = self.put(username, &back, deadline.max(Instant::now() + PUT_BACK)).await;
                }
                return Err(not_the_panel(stop));
            }
        };
        if is_owed {
            user = self.put(username, &back, deadline).await.map_err(Stop::never_refused)?;
        }
        user.into_account(&self.public_url)
    }
}
