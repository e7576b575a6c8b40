//! The panel as it runs: pages, worker and live changes, over a database of its own and a Marzban.

use std::ops::Deref;

use rad_panel::worker::{self, Background};
use sqlx::PgPool;

use crate::{browser::Browser, chrome::Options, support::TestApp};

/// A running panel with its worker.
pub struct Shop {
    app: TestApp,
    worker: Background,
}

impl Shop {
    pub async fn open(db: PgPool) -> Self {
        let app = TestApp::start(db).await;
        let worker = worker::start(&app.state).await.unwrap();
        Self { app, worker }
    }

    /// A browser that has not signed in.
    pub async fn browser(&self, options: Options) -> Browser {
        Browser::start(self.app.url(""), options).await
    }

    /// A browser of this person, signed in.
    pub async fn signed_in(&self, username: &str, options: Options) -> Browser {
        let browser = self.browser(options).await;
        browser.sign_in(username).await;
        browser
    }

    /// Lets the running jobs end; fails when money disagrees with itself or a job was left unrun.
    pub async fn close(self) {
        self.worker.stop().await;
        self.app.finish().await;
    }
}

impl Deref for Shop {
    type Target = TestApp;

    fn deref(&self) -> &TestApp {
        &self.app
    }
}
