//! The listener of a panel that will be told to stop: whoever has connected by then is still served. Closed with
//! connections in its queue, the kernel would reset them, and a proxy could not tell whether a form had been taken.

use std::{future::pending, io, net::SocketAddr, time::Duration};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
};

use crate::web::client::Peer;

/// How long nothing is accepted after an error of the machine, as when it has no more file descriptors.
const PAUSE: Duration = Duration::from_secs(1);

type Connection = (TcpStream, SocketAddr);

/// Accepts until it is told to close, and then what has come by then.
pub struct Closing {
    address: SocketAddr,
    listener: Option<TcpListener>,
    waiting: Vec<Connection>,
    asked: watch::Receiver<bool>,
    closed: Option<oneshot::Sender<()>>,
}

/// Closes the listener that it came with.
pub struct Close {
    ask: watch::Sender<bool>,
    closed: oneshot::Receiver<()>,
}

impl Close {
    /// Ready when nothing more can connect, and all that had is being served.
    pub async fn now(self) {
        // Both ends are gone only where nothing is served any more.
        let _ = self.ask.send(true);
        let _ = self.closed.await;
    }
}

/// The listener, and what closes it.
///
/// # Errors
/// When its address can't be read.
pub fn closing(listener: TcpListener) -> io::Result<(Closing, Close)> {
    let (ask, asked) = watch::channel(false);
    let (close, closed) = oneshot::channel();
    let address = listener.local_addr()?;
    let closing =
        Closing { address, listener: Some(listener), waiting: Vec::new(), asked, closed: Some(close) };
    Ok((closing, Close { ask, closed }))
}

impl Listener for Closing {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> Connection {
        loop {
            if *self.asked.borrow()
                && let Some(listener) = self.listener.take()
            {
                self.waiting = queue_of(listener);
            }
            if let Some(connection) = self.waiting.pop() {
                return connection;
            }
            let Some(listener) = &self.listener else {
                if let Some(closed) = self.closed.take() {
                    // Nobody waits for it where the panel ends otherwise.
                    let _ = closed.send(());
                }
                return pending().await;
            };
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(connection) => return connection,
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        tracing::error!(%error, "no connection can be accepted");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
                _ = self.asked.changed() => {}
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Closing>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Closing>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// What has connected and was not accepted yet; after that the listener is closed.
fn queue_of(listener: TcpListener) -> Vec<Connection> {
    let mut queue = Vec::new();
    // Asked directly: the runtime hears of a connection only at its next look. It stays non-blocking.
    let Ok(listener) = listener.into_std() else { return queue };
    loop {
        match listener.accept() {
            Ok((stream, address)) => {
                let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
                queue.extend(stream.map(|stream| (stream, address)));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(_) => return queue,
        }
    }
}

/// Whether the error is about a connection that is gone again, and not about the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_has_connected_before_the_close_is_accepted_and_nobody_after_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mut listener, close) = closing(listener).unwrap();
        let early: Vec<_> = (0..5).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let closed = tokio::spawn(close.now());
        let mut accepted = Vec::new();
        while let Ok((_, from)) = tokio::time::timeout(Duration::from_millis(300), listener.accept()).await {
            accepted.push(from);
        }
        closed.await.unwrap();
        accepted.sort();
        let mut expected: Vec<_> = early.iter().map(|stream| stream.local_addr().unwrap()).collect();
        expected.sort();
        assert_eq!(accepted, expected);
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}
