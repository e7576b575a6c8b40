//! What a panel has to be able to do, done by Marzban: each call with its deadline.

use async_trait::async_trait;

use super::Marzban;
use crate::panel::{
    Account, Answer, Attempt, Core, Listed, NewAccount, Noted, Panel, Renewal, Reset, State, Stretch, Terms,
};

#[async_trait]
impl Panel for Marzban {
    async fn create(&self, new: &NewAccount, attempt: Attempt) -> Answer<Account> {
        self.make(new, attempt, self.deadline()).await
    }

    async fn get(&self, username: &str) -> Answer<Option<Account>> {
        self.account(username, self.deadline()).await
    }

    async fn list(&self, usernames: &[&str]) -> Answer<Listed> {
        self.accounts(usernames, self.deadline()).await
    }

    async fn stretch(&self, start: u64, limit: usize) -> Answer<Stretch> {
        self.page(start, limit, self.deadline()).await
    }

    async fn set_note(&self, username: &str, before: &str, after: &str) -> Answer<Noted> {
        self.change_note(username, before, after, self.deadline()).await
    }

    async fn update(&self, username: &str, terms: &Terms) -> Answer<Account> {
        self.restore(username, terms, self.deadline()).await
    }

    async fn renew(&self, username: &str, renewal: &Renewal) -> Answer<Account> {
        self.extend(username, renewal, self.deadline()).await
    }

    async fn reset(&self, username: &str, reset: &Reset) -> Answer<Account> {
        self.begin_anew(username, reset, self.deadline()).await
    }

    async fn set_enabled(&self, username: &str, enabled: bool) -> Answer<Account> {
        self.switch(username, enabled, self.deadline()).await
    }

    async fn revoke(&self, username: &str) -> Answer<Account> {
        self.replace_keys(username, self.deadline()).await
    }

    async fn delete(&self, username: &str) -> Answer<()> {
        self.remove(username, self.deadline()).await
    }

    async fn state(&self) -> Answer<State> {
        let system = self.system(self.deadline()).await?;
        Ok(State { version: system.version, users: system.total_user })
    }

    async fn core(&self) -> Answer<Option<Core>> {
        let core = self.core_state(self.deadline()).await?;
        Ok(Some(Core { version: core.version, running: core.started }))
    }
}
