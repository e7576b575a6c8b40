//! The time that Marzban was measured to take on one worker with SQLite: what one request is worked on, others wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::Method;

const TOKEN: Duration = Duration::from_millis(280);
const READ: Duration = Duration::from_millis(12);
const CHANGE: Duration = Duration::from_millis(30);
/// Its links are made anew for each answer.
const LISTED: Duration = Duration::from_micros(4800);

/// Off at first: what a test doesn't ask about costs no time.
#[derive(Default)]
pub(super) struct Costs {
    on: AtomicBool,
    worker: tokio::sync::Mutex<()>,
}

impl Costs {
    pub(super) fn switch_on(&self) {
        self.on.store(true, Ordering::Relaxed);
    }

    pub(super) async fn request(&self, method: &Method, path: &str) {
        let time = match (method, path) {
            (_, "/api/admin/token") => TOKEN,
            // Counted by what it lists.
            (&Method::GET, "/api/users") => return,
            (&Method::GET, _) => READ,
            _ => CHANGE,
        };
        self.spend(time).await;
    }

    pub(super) async fn list(&self, users: usize) {
        self.spend(LISTED * u32::try_from(users).unwrap_or(u32::MAX)).await;
    }

    async fn spend(&self, time: Duration) {
        if self.on.load(Ordering::Relaxed) {
            let _working = self.worker.lock().await;
            tokio::time::sleep(time).await;
        }
    }
}
