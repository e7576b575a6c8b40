//! Many accounts in one call. The panel takes about 5 ms for each that it lists, so only those asked for are listed.

use std::fmt::Write as _;

use tokio::time::Instant;

use super::{
    Account, Marzban, Outcome,
    client::{Inner, check_name, parse},
    outcome::Stop,
    transport::Request,
    wire,
};

/// The most accounts of one call: the panel answers nobody else while it makes the list, about half a second.
pub const LONGEST_LIST: usize = 100;

/// What came of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    pub accounts: Vec<Account>,
    /// Asked for and not among them, or not readable. That says nothing about whether they exist.
    pub left_out: Vec<String>,
}

impl Marzban {
    /// These accounts, at most [`LONGEST_LIST`] of them. One row that the panel can't show makes the whole list
    /// `Unknown`; ask for each account then.
    pub async fn accounts(&self, usernames: &[&str]) -> Outcome<Listed> {
        let first = usernames.first().copied().unwrap_or_default();
        self.guarded("accounts", first, self.inner.accounts(usernames, self.inner.deadline())).await
    }
}

impl Inner {
    async fn accounts(&self, usernames: &[&str], deadline: Instant) -> Result<Listed, Stop> {
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
            let Ok(user) = serde_json::from_value::<wire::User>(row) else { continue };
            let Ok(account) = user.into_account(&self.public_url) else { continue };
            if usernames.contains(&account.username.as_str()) {
                listed.accounts.push(account);
            }
        }
        let found = |name: &&&str| !listed.accounts.iter().any(|account| account.username == ***name);
        listed.left_out = usernames.iter().filter(found).map(ToString::to_string).collect();
        Ok(listed)
    }
}
