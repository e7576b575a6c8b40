//! The wish to stop: SIGINT, SIGTERM or a closed terminal, remembered from the first moment on.

use std::io;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Whether this process was asked to stop.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Installs the handlers; from here on no signal ends the process before its work is undone.
    pub fn listen() -> io::Result<Self> {
        let (asked, receiver) = watch::channel(false);
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let (mut signal, asked) = (signal(kind)?, asked.clone());
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    asked.send_replace(true);
                }
            });
        }
        Ok(Self(receiver))
    }

    pub fn asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Ready once the process was asked to stop.
    pub async fn wait(mut self) {
        // The senders live as long as the process, so an error can't be.
        let _ = self.0.wait_for(|asked| *asked).await;
    }
}
