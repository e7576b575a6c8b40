//! How the panel does, without making a page wait for it.

use std::{sync::PoisonError, time::Duration};

use super::{Health, Server};
use crate::calendar::Time;

/// How the panel did, and when.
#[derive(Clone, Debug)]
pub struct Checkup {
    pub health: Health,
    pub at: Time,
}

impl Server {
    /// How the panel does, asked again when the last answer is older than `fresh`. Waits no longer than `patience`:
    /// an answer that comes later is kept for the next who asks, and `None` says that there is none yet.
    pub async fn recent_health(&self, fresh: time::Duration, patience: Duration) -> Option<Checkup> {
        let last = self.last_checkup();
        if let Some(last) = last.filter(|last| self.inner.clock.now() - last.at <= fresh) {
            return Some(last);
        }
        let client = self.clone();
        let asked = tokio::spawn(async move {
            let checkup = Checkup { health: client.health().await, at: client.inner.clock.now() };
            let mut last = client.inner.last_checkup.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Some(checkup.clone());
            checkup
        });
        tokio::time::timeout(patience, asked).await.ok()?.ok()
    }

    /// The last look at the panel since the start, however long ago.
    pub fn last_checkup(&self) -> Option<Checkup> {
        self.inner.last_checkup.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
