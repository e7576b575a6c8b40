//! Looks for the server while it is away, and lets what waited for it run when it is back.

use std::time::Duration;

use super::WAITING_FOR_SERVER;
use crate::{jobs, panel::Reach, web::AppState};

/// A job that was under way when the server came back is put off a moment later, and is brought forward then.
const STRAGGLERS: Duration = Duration::from_secs(2);

/// Runs until the panel stops.
pub(super) async fn watch(app: AppState) {
    let mut reach = app.server.watch();
    // Whatever was put off before this start may be possible now.
    bring_forward(&app).await;
    loop {
        if *reach.borrow_and_update() == Reach::Open {
            if reach.changed().await.is_err() {
                return;
            }
            continue;
        }
        app.server.probe().await;
        if app.server.reach() == Reach::Open {
            bring_forward(&app).await;
            tokio::time::sleep(STRAGGLERS).await;
            bring_forward(&app).await;
        }
    }
}

async fn bring_forward(app: &AppState) {
    match jobs::bring_forward(&app.db, &WAITING_FOR_SERVER, app.clock.now()).await {
        Ok(0) => {}
        Ok(jobs) => tracing::info!(jobs, "what waited for the server runs now"),
        Err(error) => tracing::warn!(%error, "what waits for the server could not be brought forward"),
    }
}
