//! Live changes: what the database announces reaches every open page, over every instance of the panel.

use std::{
    convert::Infallible,
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, StreamExt};
use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::broadcast;
use tokio_stream::wrappers::{BroadcastStream, errors::BroadcastStreamRecvError};

use super::{AppState, Member, Role};
use crate::ids::UserId;

/// Something changed: a payment, an order or a person's notices, by their owner.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    pub topic: String,
    #[serde(skip)]
    pub owner: UserId,
    pub id: i64,
    pub status: String,
}

impl Change {
    /// Reads an announcement of the database: topic, owner, id, status.
    fn parse(announcement: &str) -> Option<Self> {
        let mut words = announcement.split(' ');
        Some(Self {
            topic: words.next()?.to_owned(),
            owner: UserId(words.next()?.parse().ok()?),
            id: words.next()?.parse().ok()?,
            status: words.next()?.to_owned(),
        })
    }
}

type Received = Result<Signal, BroadcastStreamRecvError>;

#[derive(Clone, Debug)]
enum Signal {
    Change(Change),
    /// Something may have been missed: look anew.
    Resync,
    /// The panel is going down: the streams end, so that it need not wait for them.
    Close,
}

/// Hands each change to every page that listens.
#[derive(Clone, Debug)]
pub struct Hub {
    signals: broadcast::Sender<Signal>,
    closed: Arc<AtomicBool>,
}

/// A stream ends after this time and the page asks again, so that a session that has ended stops listening.
const LIFETIME: Duration = Duration::from_secs(600);

impl Default for Hub {
    fn default() -> Self {
        Self { signals: broadcast::channel(256).0, closed: Arc::default() }
    }
}

impl Hub {
    /// Listens to the database until the process ends. After a lost connection the pages are told to look anew,
    /// because what changed meanwhile was not heard.
    pub async fn listen(self, db: PgPool) {
        let mut told = false;
        loop {
            match self.forward(&db).await {
                Ok(()) => told = false,
                Err(error) if !told => {
                    told = true;
                    tracing::warn!(%error, "live changes: connection lost");
                }
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }

    async fn forward(&self, db: &PgPool) -> sqlx::Result<()> {
        let mut listener = PgListener::connect_with(db).await?;
        listener.listen("changes").await?;
        self.send(Signal::Resync);
        while let Some(notification) = listener.try_recv().await? {
            if let Some(change) = Change::parse(notification.payload()) {
                self.send(Signal::Change(change));
            }
        }
        Ok(())
    }

    /// Ends all streams, also those that are only now being asked for: the panel waits for none of them.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.send(Signal::Close);
    }

    /// How many pages listen.
    pub fn listeners(&self) -> usize {
        self.signals.receiver_count()
    }

    fn subscribe(&self) -> impl Stream<Item = Received> + use<> {
        let signals = BroadcastStream::new(self.signals.subscribe());
        // Looked at after subscribing: whoever subscribes too late for the signal sees the flag.
        let open = !self.closed.load(Ordering::SeqCst);
        let signals = signals.take_while(|received| ready(!matches!(received, Ok(Signal::Close))));
        signals.take(if open { usize::MAX } else { 0 })
    }

    fn send(&self, signal: Signal) {
        // An error means that nobody listens, which is fine.
        let _ = self.signals.send(signal);
    }
}

/// The topic of notices: nobody's business but their reader's.
const NOTICES: &str = "notice";

/// `GET /events`: the changes that concern the person, as server-sent events. An admin hears of all but others' notices.
pub async fn events(State(app): State<AppState>, viewer: Member) -> Response {
    let changes = app
        .live
        .subscribe()
        .filter_map(move |received| ready(event_for(&viewer, received).map(Ok::<_, Infallible>)))
        .take_until(tokio::time::sleep(LIFETIME));
    let mut response =
        Sse::new(changes).keep_alive(KeepAlive::new().interval(Duration::from_secs(20))).into_response();
    // nginx would hold the events back.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    response
}

fn event_for(viewer: &Member, received: Received) -> Option<Event> {
    match received {
        Ok(Signal::Change(change))
            if change.owner == viewer.id || viewer.role == Role::Admin && change.topic != NOTICES =>
        {
            Event::default().event("change").json_data(&change).ok()
        }
        Ok(Signal::Change(_) | Signal::Close) => None,
        Ok(Signal::Resync) | Err(BroadcastStreamRecvError::Lagged(_)) => {
            Some(Event::default().event("resync").data(""))
        }
    }
}
