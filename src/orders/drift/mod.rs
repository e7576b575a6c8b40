//! Where the server says something else about an account than the panel.
//!
//! Invariant: this is found by comparing and written down beside the account; it changes no order, and a person
//! settles it. What the panel itself has just set is no drift.

pub mod queries;

use super::{Status, sync::Known};
use crate::{
    calendar::Time,
    panel::{Account, AccountStatus},
};

/// A first connection may be noticed by so much later than it was.
const SLACK: time::Duration = time::Duration::hours(1);

/// One way in which both disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    /// Switched off on the server, on here.
    OffThere,
    /// Switched off here, on again on the server.
    OnThere,
    /// Somebody gave it another end.
    Expiry,
    /// Somebody gave it another volume.
    Volume,
    /// The account of this name isn't this order's, by its note.
    Foreign,
    /// The server can't show it, though it shows others.
    Unreadable,
    /// The server itself said that there is no such account.
    Missing,
}

impl Drift {
    const ALL: [Self; 7] = [
        Self::OffThere,
        Self::OnThere,
        Self::Expiry,
        Self::Volume,
        Self::Foreign,
        Self::Unreadable,
        Self::Missing,
    ];

    /// The word for it in our table.
    pub fn code(self) -> &'static str {
        match self {
            Self::OffThere => "OFF_THERE",
            Self::OnThere => "ON_THERE",
            Self::Expiry => "EXPIRY",
            Self::Volume => "VOLUME",
            Self::Foreign => "FOREIGN",
            Self::Unreadable => "UNREADABLE",
            Self::Missing => "MISSING",
        }
    }

    /// The kinds of these words.
    pub fn from_codes(codes: &[String]) -> Vec<Self> {
        Self::ALL.into_iter().filter(|kind| codes.iter().any(|code| code == kind.code())).collect()
    }
}

/// What was found out about an account.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// It is there and ours.
    Read(Box<Account>),
    Foreign,
    Unreadable,
    Missing,
}

/// What is to be stored about the drift of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub kinds: Vec<Drift>,
    pub ours_expire_at: Option<Time>,
    pub ours_data_limit_bytes: Option<i64>,
}

/// Compares what is known with the news of `now`.
pub(super) fn judge(known: &Known, news: &News, now: Time) -> Verdict {
    let was = |kind| known.drift.contains(&kind);
    let mut verdict = Verdict {
        kinds: known.drift.clone(),
        ours_expire_at: known.ours_expire_at,
        ours_data_limit_bytes: known.ours_data_limit_bytes,
    };
    let account = match news {
        News::Read(account) => account,
        News::Foreign => return verdict.with(Drift::Foreign),
        News::Unreadable => return verdict.with(Drift::Unreadable),
        News::Missing => return verdict.with(Drift::Missing),
    };
    verdict.kinds.clear();
    let is_off = account.status == AccountStatus::Disabled;
    match known.status {
        Status::Active if is_off => verdict.kinds.push(Drift::OffThere),
        Status::Disabled if !is_off => verdict.kinds.push(Drift::OnThere),
        _ => {}
    }
    let ours = if was(Drift::Expiry) { known.ours_expire_at } else { known.expire_at };
    verdict.ours_expire_at = None;
    if account.expire_at != ours && !(ours == known.expire_at && began(known, account, now)) {
        verdict.kinds.push(Drift::Expiry);
        verdict.ours_expire_at = ours;
    }
    let ours = if was(Drift::Volume) { known.ours_data_limit_bytes } else { known.data_limit_bytes };
    verdict.ours_data_limit_bytes = None;
    if account.data_limit_bytes != ours {
        verdict.kinds.push(Drift::Volume);
        verdict.ours_data_limit_bytes = ours;
    }
    verdict
}

impl Verdict {
    /// What could not be read keeps what was known of it, and tells of one thing only.
    fn with(mut self, kind: Drift) -> Self {
        self.kinds.retain(|kind| !matches!(kind, Drift::Foreign | Drift::Unreadable | Drift::Missing));
        self.kinds.push(kind);
        self
    }
}

/// Whether the account was on hold and has been connected for the first time: then its days count from there.
fn began(known: &Known, account: &Account, now: Time) -> bool {
    match (known.expire_at, known.on_hold_seconds, account.expire_at) {
        (None, Some(seconds), Some(end)) => end <= now + time::Duration::seconds(seconds) + SLACK,
        _ => false,
    }
}

/// The link to keep: ours, since each answer holds another one and older ones stay good; the new one where the keys
/// were changed elsewhere, which ends the links before, or where links now lead to another address.
pub(super) fn link<'a>(known: &'a Known, account: &'a Account) -> &'a str {
    let same_keys = known.keys.as_ref().is_none_or(|keys| *keys == account.keys);
    if same_keys && address(&known.subscription_url) == address(&account.subscription_url) {
        &known.subscription_url
    } else {
        &account.subscription_url
    }
}

/// A link without its token, and without what the server puts in by chance.
fn address(link: &str) -> String {
    let base = link.rsplit_once('/').map_or(link, |(base, _)| base);
    let by_chance = |part: &&str| part.len() == 16 && part.bytes().all(|b| b.is_ascii_hexdigit());
    base.split(['.', '/']).filter(|part| !by_chance(part)).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_link_leads_elsewhere_by_its_address_and_not_by_its_token_or_by_chance() {
        let same = |one: &str, other: &str| address(one) == address(other);
        assert!(same("https://shop.example/sub/a", "https://shop.example/sub/b"));
        assert!(same(
            "https://0123456789abcdef.cdn.example/sub/a",
            "https://fedcba9876543210.cdn.example/sub/b"
        ));
        assert!(!same("https://shop.example/sub/a", "https://new.example/sub/a"));
        assert!(!same("https://shop.example/sub/a", "https://shop.example/other/a"));
    }
}
