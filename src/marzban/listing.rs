//! Many accounts in one call. The panel takes about 5 ms for each that it lists, so no more than those asked for are
//! listed.

use std::fmt::Write as _;

use serde_json::Value;
use tokio::time::Instant;

use super::{
    Marzban,
    client::{check_name, parse},
    transport::Request,
    wire,
};
use crate::panel::{Account, LONGEST_LIST, Listed, Stop, Stretch};

impl Marzban {
    pub(super) async fn accounts(&self, usernames: &[&str], deadline: Instant) -> Result<Listed, Stop> {
        if usernames.is_empty() {
            // Without a name the panel would list everyone.
            return Ok(Listed::default());
        }
        if usernames.len() > LONGEST_LIST {
            return Err(Stop::bad_answer("more accounts than one list may have"));
        }
        let mut path = format!("/api/users?sort=username&limit={LONGEST_LIST}");
        for name in usernames {
            check_name(name)?;
            // Names hold nothing that an address would read otherwise.
            let _ = write!(path, "&username={name}");
        }
        // Not repeated: it is dear, and a row that can't be shown fails each time.
        let body = self.call(&Request::get(&path), deadline).await.map_err(Stop::never_refused)?;
        let list: wire::Users = parse(&body)?;
        if list.total > usernames.len() as u64 || list.users.len() as u64 != list.total {
            return Err(Stop::bad_answer("a list of others than those asked for, or a part of it"));
        }
        let mut listed = Listed::default();
        for row in list.users {
            let Ok(account) = self.row(row) else { continue };
            if usernames.contains(&account.username.as_str()) {
                listed.accounts.push(account);
            }
        }
        let found = |name: &&&str| !listed.accounts.iter().any(|account| account.username == ***name);
        listed.left_out = usernames.iter().filter(found).map(ToString::to_string).collect();
        Ok(listed)
    }

    pub(super) async fn page(&self, start: u64, limit: usize, deadline: Instant) -> Result<Stretch, Stop> {
        let limit = limit.clamp(1, LONGEST_LIST);
        let path = format!("/api/users?sort=username&offset={start}&limit={limit}");
        let body = self.call(&Request::get(&path), deadline).await.map_err(Stop::never_refused)?;
        let list: wire::Users = parse(&body)?;
        let expected = list.total.saturating_sub(start).min(limit as u64);
        if list.users.len() as u64 != expected {
            return Err(Stop::bad_answer("a list of another length than its place says"));
        }
        let mut stretch = Stretch { total: list.total, ..Stretch::default() };
        for row in list.users {
            let name = row.get("username").and_then(Value::as_str).map(str::to_owned);
            match (self.row(row), name) {
                (Ok(account), _) => stretch.accounts.push(account),
                (Err(_), Some(name)) => stretch.unreadable.push(name),
                (Err(stop), None) => return Err(stop),
            }
        }
        Ok(stretch)
    }

    fn row(&self, row: Value) -> Result<Account, Stop> {
        let user: wire::User =
            serde_json::from_value(row).map_err(|_| Stop::bad_answer("a row that can't be read"))?;
        user.into_account(&self.public_url)
    }
}
