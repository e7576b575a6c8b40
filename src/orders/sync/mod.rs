//! What the server says of accounts that exist: of one for its page, of all in a round, in lists, those first that
//! were asked about longest ago.
//!
//! Invariant: the place in the round is `asked_at` of each account, so a restart goes on where it was. What a list
//! leaves out, or can't show, is asked for by itself; only the server's own "there is none" marks an account missing.

mod store;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use sqlx::PgPool;

use super::drift::News;
use crate::{
    calendar::Clock,
    ids::OrderId,
    panel::{Account, Cause, LONGEST_LIST, Listed, Outcome, Refusal, Server},
};

pub(super) use store::{Known, write_down, write_down_state};
use store::{known, write};

/// News younger than this is not asked for again by a page.
pub const FRESH: time::Duration = time::Duration::minutes(1);
/// An account is part of so many runs at the most before all had their turn.
const RUNS_OF_A_ROUND: usize = 5;
/// Up to so many are asked for one by one, which costs the server about as much as their list.
const FEW: usize = 2;
/// How long a page may wait for the server.
const PATIENCE: Duration = Duration::from_secs(4);
/// The server has at least this long for others between two lists.
const BREATH: Duration = Duration::from_millis(200);

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Accounts that the server showed.
    pub read: usize,
    /// Of those asked about, the ones about which both disagree now.
    pub drifted: usize,
    /// Accounts that the server can't show.
    pub unread: usize,
}

/// One run of the round: a part of the accounts with the oldest news. Ends early where the server can't be asked.
///
/// # Errors
/// When the database fails.
pub async fn sweep(db: &PgPool, server: &Server, clock: &Clock) -> sqlx::Result<Swept> {
    let mut swept = Swept::default();
    let mut left = part_of_a_round(db).await?;
    while left > 0 {
        let began = Instant::now();
        let page = known(db, None, left.min(LONGEST_LIST), clock.now()).await?;
        if page.is_empty() {
            break;
        }
        left = left.saturating_sub(page.len());
        let asked_at = clock.now();
        let (news, is_ill) = ask(server, &page).await;
        write(db, &page, &news, asked_at, &mut swept).await?;
        if is_ill {
            break;
        }
        if left > 0 {
            tokio::time::sleep(began.elapsed().max(BREATH)).await;
        }
    }
    Ok(swept)
}

async fn part_of_a_round(db: &PgPool) -> sqlx::Result<usize> {
    let live =
        sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM orders WHERE status IN ('ACTIVE', 'DISABLED')"#)
            .fetch_one(db)
            .await?;
    let part = usize::try_from(live).unwrap_or(usize::MAX).div_ceil(RUNS_OF_A_ROUND);
    Ok(part.max(LONGEST_LIST))
}

/// Asks about one account for a page that is being looked at. Where the server doesn't answer in time, the page
/// goes on showing the last news.
///
/// # Errors
/// When the database fails.
pub async fn refresh(db: &PgPool, server: &Server, clock: &Clock, order: OrderId) -> sqlx::Result<()> {
    let page = known(db, Some(order), 1, clock.now()).await?;
    let asked_at = clock.now();
    if let Ok((news, _)) = tokio::time::timeout(PATIENCE, ask(server, &page)).await {
        write(db, &page, &news, asked_at, &mut Swept::default()).await?;
    }
    Ok(())
}

/// What the server says of these accounts, and whether it is too ill to be asked on.
async fn ask(server: &Server, page: &[Known]) -> (HashMap<OrderId, News>, bool) {
    let mut news = HashMap::new();
    if page.len() > FEW {
        let names: Vec<&str> = page.iter().map(|known| known.username.as_str()).collect();
        match server.accounts(&names).await {
            Outcome::Done(listed) => take(listed, page, &mut news),
            // A row that can't be shown fails the whole list.
            Outcome::Unknown(Cause::Server5xx | Cause::BadAnswer) => {}
            Outcome::Unknown(_) | Outcome::Refused(_) => return (news, true),
        }
    }
    for known in page {
        if matches!(news.get(&known.order), Some(News::Read(_))) {
            continue;
        }
        let found = match server.account(&known.username).await {
            Outcome::Done(Some(account)) => judge_owner(known, account),
            Outcome::Done(None) => News::Missing,
            Outcome::Refused(Refusal::Forbidden) => News::Foreign,
            // Another no is not about this account: a proxy's, for instance. Only where the server is well is it the
            // account that is broken. Asking also keeps the failures of several broken ones from being taken for the
            // server's absence.
            Outcome::Refused(_) | Outcome::Unknown(Cause::Server5xx | Cause::BadAnswer)
                if server.health().await.reachable =>
            {
                News::Unreadable
            }
            Outcome::Refused(_) | Outcome::Unknown(_) => return (news, true),
        };
        news.insert(known.order, found);
    }
    (news, false)
}

fn take(listed: Listed, page: &[Known], news: &mut HashMap<OrderId, News>) {
    let mut by_name: HashMap<String, Account> =
        listed.accounts.into_iter().map(|account| (account.username.clone(), account)).collect();
    for known in page {
        if let Some(account) = by_name.remove(&known.username) {
            news.insert(known.order, judge_owner(known, account));
        }
    }
}

fn judge_owner(known: &Known, account: Account) -> News {
    if account.belongs_to(known.order) { News::Read(Box::new(account)) } else { News::Foreign }
}
