//! Creating an account: get, compare, then decide. Nothing is sent that the panel would misread, store broken or
//! answer with an error after storing it.

use std::{collections::BTreeMap, time::Duration};

use serde::de::IgnoredAny;
use tokio::time::{Instant, timeout_at};

use super::{
    Marzban,
    client::{check_name, invalid, json, parse},
    transport::{Request, too_late},
    wire,
};
use crate::{
    calendar::Time,
    panel::{Account, Attempt, Field, NewAccount, Refusal, Stop, Validity},
};

/// How long the list of protocols is believed.
const PROTOCOLS_KEPT: Duration = Duration::from_secs(300);
/// An expiry beyond the calendar breaks the account and every list with it, though it is answered with an error.
pub(super) const LAST_YEAR: i32 = 9000;

impl Marzban {
    pub(super) async fn make(
        &self,
        new: &NewAccount,
        attempt: Attempt,
        deadline: Instant,
    ) -> Result<Account, Stop> {
        check_name(&new.username)?;
        // Before the rest is checked: what was made in time stays ours, however late we come to look.
        if attempt == Attempt::Again
            && let Some(ours) = self.look_for(new, deadline).await?
        {
            return Ok(ours);
        }
        let made = match self.post(new, deadline).await {
            Err(Stop::Refused(Refusal::ProtocolDisabled)) => {
                *self.protocols.lock().await = None;
                self.post(new, deadline).await
            }
            made => made,
        };
        match made {
            Err(Stop::Refused(Refusal::UsernameTaken)) => self
                .look_for(new, deadline)
                .await?
                .ok_or_else(|| Stop::bad_answer("the name was taken, and then nobody had it")),
            made => made,
        }
    }

    /// This order's account, if it exists; a refusal where the name is someone else's.
    async fn look_for(&self, new: &NewAccount, deadline: Instant) -> Result<Option<Account>, Stop> {
        match self.account(&new.username, deadline).await {
            Ok(Some(found)) if !found.belongs_to(new.order) => Err(Stop::Refused(Refusal::UsernameTaken)),
            // Another admin of the panel has it.
            Err(Stop::Refused(Refusal::Forbidden)) => Err(Stop::Refused(Refusal::UsernameTaken)),
            found => found.map_err(|stop| match stop {
                Stop::Refused(Refusal::UsernameTaken) => stop,
                stop => stop.never_refused(),
            }),
        }
    }

    async fn post(&self, new: &NewAccount, deadline: Instant) -> Result<Account, Stop> {
        let Terms { data_limit, expire, on_hold } = terms(new, self.clock.now())?;
        let protocols = self.protocols(deadline).await?;
        let note = new.note();
        let body = json(&wire::NewUser {
            username: &new.username,
            proxies: protocols.iter().map(|name| (name.as_str(), wire::Empty {})).collect(),
            inbounds: wire::Empty {},
            note: &note,
            status: if on_hold.is_some() { "on_hold" } else { "active" },
            expire,
            on_hold_expire_duration: on_hold,
            data_limit,
        })?;
        let answer = self.call(&Request::post("/api/user", body), deadline).await?;
        let made = self.user(&answer, &new.username)?.into_account(&self.public_url)?;
        if made.belongs_to(new.order) { Ok(made) } else { Err(Stop::bad_answer("made with another note")) }
    }

    /// The protocols that have an inbound; asked by one caller at a time.
    async fn protocols(&self, deadline: Instant) -> Result<Vec<String>, Stop> {
        let mut kept = timeout_at(deadline, self.protocols.lock()).await.map_err(|_| too_late())?;
        if let Some((since, names)) = &*kept
            && since.elapsed() < PROTOCOLS_KEPT
        {
            return Ok(names.clone());
        }
        let body = self.read("/api/inbounds", deadline).await.map_err(Stop::never_refused)?;
        let inbounds: BTreeMap<String, Vec<IgnoredAny>> = parse(&body)?;
        let names: Vec<String> =
            inbounds.into_iter().filter(|(_, tags)| !tags.is_empty()).map(|(name, _)| name).collect();
        if names.is_empty() {
            return Err(Stop::Refused(Refusal::ProtocolDisabled));
        }
        *kept = Some((Instant::now(), names.clone()));
        Ok(names)
    }
}

/// What an account is made with, as Marzban wants it, where zero would mean "none".
struct Terms {
    /// Bytes.
    data_limit: Option<i64>,
    /// Unix seconds.
    expire: Option<i64>,
    /// Seconds.
    on_hold: Option<u32>,
}

fn terms(new: &NewAccount, now: Time) -> Result<Terms, Stop> {
    let data_limit = match new.data_limit_bytes {
        None => None,
        Some(bytes) => match i64::try_from(bytes) {
            Ok(bytes) if bytes > 0 => Some(bytes),
            _ => return Err(invalid(Field::DataLimit)),
        },
    };
    let (expire, on_hold) = match new.validity {
        Validity::For { seconds } if seconds > 0 => (Some(now.unix_timestamp() + i64::from(seconds)), None),
        Validity::Until(end) if end > now && end.year() <= LAST_YEAR => (Some(end.unix_timestamp()), None),
        Validity::FromFirstConnection { seconds } if seconds > 0 => (None, Some(seconds)),
        _ => return Err(invalid(Field::Validity)),
    };
    Ok(Terms { data_limit, expire, on_hold })
}
