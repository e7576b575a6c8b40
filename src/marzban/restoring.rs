//! Setting an account back to what was agreed: one request, harmless to repeat.

use tokio::time::Instant;

use super::{Marzban, renewal, wire};
use crate::panel::{Account, End, Refusal, Renewal, Stop, Terms};

impl Marzban {
    pub(super) async fn restore(
        &self,
        username: &str,
        terms: &Terms,
        deadline: Instant,
    ) -> Result<Account, Stop> {
        let wanted = Renewal {
            end: End::At(terms.end),
            data_limit_bytes: terms.data_limit_bytes,
            keep_disabled: !terms.enabled,
        };
        // Sent with its end and its volume, "active" is what the panel itself makes of both: also expired or limited.
        let change = renewal::terms(&wanted)?;
        let found = self.find(username, deadline).await?.ok_or(Stop::Refused(Refusal::NotFound))?;
        let next_plan = found.next_plan.filter(|_| terms.data_limit_bytes.is_some());
        let change = wire::Change { next_plan: next_plan.as_ref(), ..change };
        self.put(username, &change, deadline).await?.into_account(&self.public_url)
    }
}
