//! Renewing and revoking. Renewing is several requests that are each harmless to repeat: the first one, which can be
//! refused, has the new terms; after it nothing counts as refused, because something was done.

use tokio::time::Instant;

use super::{
    Marzban,
    client::{check_name, invalid, json, not_the_panel},
    creation::LAST_YEAR,
    transport::{Body, Request},
    wire,
};
use crate::panel::{Account, End, Field, Refusal, Renewal, Stop};

impl Marzban {
    pub(super) async fn extend(
        &self,
        username: &str,
        renewal: &Renewal,
        deadline: Instant,
    ) -> Result<Account, Stop> {
        let terms = terms(renewal)?;
        let found = self.find(username, deadline).await?.ok_or(Stop::Refused(Refusal::NotFound))?;
        // On an account without limit a next plan would stop the panel's own clockwork at it.
        let next_plan = found.next_plan.filter(|_| renewal.data_limit_bytes.is_some());
        let terms = wire::Change { next_plan: next_plan.as_ref(), ..terms };
        let put = self.put(username, &terms, deadline).await?;
        // Resetting would begin the days of an account that still waits, without an end.
        if put.used_traffic == 0 || matches!(renewal.end, End::AfterFirstConnection { .. }) {
            return put.into_account(&self.public_url);
        }
        self.count_from_zero(username, renewal.keep_disabled, next_plan.as_ref(), deadline)
            .await
            .map_err(Stop::never_refused)
    }

    pub(super) async fn put(
        &self,
        username: &str,
        change: &wire::Change<'_>,
        deadline: Instant,
    ) -> Result<wire::User, Stop> {
        let path = format!("/api/user/{username}");
        let answer = self.call(&Request::put(&path, json(change)?), deadline).await.map_err(not_the_panel)?;
        self.user(&answer, username)
    }

    pub(super) async fn replace_keys(&self, username: &str, deadline: Instant) -> Result<Account, Stop> {
        check_name(username)?;
        let path = format!("/api/user/{username}/revoke_sub");
        let answer = self.call(&Request::post(&path, Body::None), deadline).await.map_err(not_the_panel)?;
        self.user(&answer, username)?.into_account(&self.public_url)
    }
}

/// The terms as Marzban wants them, where zero means "none" and leaving something out means "as it was".
pub(super) fn terms(renewal: &Renewal) -> Result<wire::Change<'static>, Stop> {
    let data_limit = match renewal.data_limit_bytes.map(i64::try_from) {
        None => 0,
        Some(Ok(bytes)) if bytes > 0 => bytes,
        Some(_) => return Err(invalid(Field::DataLimit)),
    };
    let (active, expire, on_hold) = match renewal.end {
        End::At(end) if end.unix_timestamp() > 0 && end.year() <= LAST_YEAR => {
            ("active", Some(end.unix_timestamp()), None)
        }
        End::AfterFirstConnection { seconds } if seconds > 0 => ("on_hold", None, Some(seconds)),
        End::Never => ("active", Some(0), None),
        _ => return Err(invalid(Field::Validity)),
    };
    Ok(wire::Change {
        status: Some(if renewal.keep_disabled { "disabled" } else { active }),
        expire,
        data_limit: Some(data_limit),
        on_hold_expire_duration: on_hold,
        next_plan: None,
    })
}
