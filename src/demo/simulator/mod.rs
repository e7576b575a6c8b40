//! A Marzban that isn't there: the HTTP contract of Marzban 0.8.4, as it was recorded, over a state in memory.
//!
//! Invariant: whatever a client could observe of the real server in the recorded exchanges it observes here too,
//! its mistakes included; `tests/it/simulator.rs` replays them. The demo sells accounts on it, the tests break it.

mod answers;
pub mod auth;
mod costs;
mod faults;
mod formats;
mod list;
mod panel;
mod server;
pub mod state;
mod subscription;
pub mod user;
mod users;
pub mod validation;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::costs::Costs;
pub use self::faults::Arrival;
use self::faults::{Break, Faults};
use self::state::{Admin, Inbound, State};
use self::user::User;
use crate::calendar::Clock;

/// How a simulator starts.
#[derive(Clone)]
pub struct Options {
    pub clock: Clock,
    /// Where to listen; port 0 takes any free one.
    pub address: SocketAddr,
    /// The sudo administrator in the database.
    pub username: String,
    pub password: String,
    /// Name and password of a second sudo administrator that lives in the environment and owns nothing.
    pub environment_admin: Option<(String, String)>,
    pub inbounds: Vec<Inbound>,
    /// Life of a token in minutes.
    pub token_minutes: i64,
    /// After this an idle connection is closed.
    pub idle: Duration,
    /// The review job runs when this much time has passed on the clock; `None` leaves it to [`Simulator::review`].
    pub review_every: Option<Duration>,
    /// Loaded at the start, written after each change.
    pub state_file: Option<PathBuf>,
}

impl Options {
    /// As recorded, on any free port of the loopback, without background review.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            username: "root".to_owned(),
            password: "root-pass-1".to_owned(),
            environment_admin: None,
            inbounds: Inbound::recorded(),
            token_minutes: 1440,
            idle: Duration::from_secs(5),
            review_every: None,
            state_file: None,
        }
    }

    /// For the demo: the review runs every 10 s, accounts are kept in `state_file`.
    pub fn demo(clock: Clock, state_file: PathBuf) -> Self {
        Self { review_every: Some(Duration::from_secs(10)), state_file: Some(state_file), ..Self::new(clock) }
    }
}

/// What the handlers share.
pub struct Core {
    clock: Clock,
    token_minutes: i64,
    state_file: Option<PathBuf>,
    state: Mutex<State>,
    faults: Mutex<Faults>,
    costs: Costs,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&locked(&self.state))
    }

    fn change<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = locked(&self.state);
        let result = work(&mut state);
        if let Some(path) = &self.state_file
            && let Err(e) = state.save(path)
        {
            tracing::error!(error = %e, path = %path.display(), "the simulator's state was not saved");
        }
        result
    }

    fn faults<T>(&self, look: impl FnOnce(&mut Faults) -> T) -> T {
        look(&mut locked(&self.faults))
    }
}

/// A running simulator; dropping it stops it.
pub struct Simulator {
    core: Arc<Core>,
    app: Router,
    address: SocketAddr,
    username: String,
    password: String,
    idle: Duration,
    server: Mutex<Option<JoinHandle<()>>>,
    review: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Starts listening; the server runs on its own task.
    ///
    /// # Errors
    /// The address is taken, or the state file can't be read.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let loaded = match &options.state_file {
            Some(path) => State::load(path)?,
            None => None,
        };
        let mut state = loaded.unwrap_or_else(|| State::new(options.inbounds));
        let usage = state.admin(&options.username).map_or(0, |a| a.users_usage);
        state.set_admin(Admin {
            users_usage: usage,
            ..Admin::new(&options.username, &options.password, true)
        });
        if let Some((name, password)) = &options.environment_admin {
            state.set_admin(Admin { in_database: false, ..Admin::new(name, password, true) });
        }
        let core = Arc::new(Core {
            clock: options.clock,
            token_minutes: options.token_minutes,
            state_file: options.state_file,
            state: Mutex::new(state),
            faults: Mutex::default(),
            costs: Costs::default(),
        });
        let listener = TcpListener::bind(options.address).await?;
        let app = server::router(Arc::clone(&core));
        let simulator = Self {
            address: listener.local_addr()?,
            username: options.username,
            password: options.password,
            idle: options.idle,
            server: Mutex::new(None),
            review: options.review_every.map(|every| tokio::spawn(review_job(Arc::clone(&core), every))),
            app,
            core,
        };
        simulator.listen(listener);
        Ok(simulator)
    }

    fn listen(&self, listener: TcpListener) {
        let task = server::accept(listener, Arc::clone(&self.core), self.app.clone(), self.idle);
        *locked(&self.server) = Some(tokio::spawn(task));
    }

    /// `http://127.0.0.1:<port>`, without a final slash.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Name of the sudo administrator.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Password of the sudo administrator.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The simulator's clock.
    pub fn now(&self) -> OffsetDateTime {
        self.core.now()
    }

    /// Connections are refused from now on, open ones are cut; nothing is forgotten.
    pub async fn down(&self) {
        let task = locked(&self.server).take();
        if let Some(task) = task {
            task.abort();
            // Cancelled is what we asked for; what matters is that the listener is gone.
            let _ = task.await;
        }
    }

    /// Listens again on the same port.
    ///
    /// # Errors
    /// Someone else took the port meanwhile.
    pub async fn up(&self) -> std::io::Result<()> {
        if locked(&self.server).is_none() {
            self.listen(TcpListener::bind(self.address).await?);
        }
        Ok(())
    }

    /// Down and up, with the core: users and tokens survive, as in a real database; faults and connections don't.
    ///
    /// # Errors
    /// As [`Simulator::up`].
    pub async fn restart(&self) -> std::io::Result<()> {
        self.down().await;
        self.core.faults(Faults::clear);
        self.core.change(|s| s.ghosts.clear());
        self.up().await
    }

    /// Ends it for good.
    pub async fn stop(self) {
        self.down().await;
    }

    /// Every request takes this long before it is worked on.
    pub fn slow(&self, delay: Duration) {
        self.core.faults(|f| f.slow = delay);
    }

    /// From now on requests take the time that they were measured to take, one after the other.
    pub fn take_measured_time(&self) {
        self.core.costs.switch_on();
    }

    /// The next `n` requests crash without being worked on.
    pub fn answer_500(&self, n: usize) {
        self.answer(n, StatusCode::INTERNAL_SERVER_ERROR);
    }

    /// The next `n` requests get this status without being worked on.
    pub fn answer(&self, n: usize, status: StatusCode) {
        self.core.faults(|f| f.answer(n, status));
    }

    /// The connections of the next `n` changes of users break; nothing was done.
    pub fn drop_before_work(&self, n: usize) {
        self.core.faults(|f| f.break_at(Break::BeforeWork, n, None));
    }

    /// As [`Simulator::drop_before_work`], for changes by one method.
    pub fn drop_before_work_of(&self, method: Method, n: usize) {
        self.core.faults(|f| f.break_at(Break::BeforeWork, n, Some(method)));
    }

    /// The connections of the next `n` changes of users break after the work was done and stored.
    pub fn drop_after_commit(&self, n: usize) {
        self.core.faults(|f| f.break_at(Break::AfterCommit, n, None));
    }

    /// As [`Simulator::drop_after_commit`], for changes by one method.
    pub fn drop_after_commit_of(&self, method: Method, n: usize) {
        self.core.faults(|f| f.break_at(Break::AfterCommit, n, Some(method)));
    }

    /// No fault any more.
    pub fn heal(&self) {
        self.core.faults(Faults::clear);
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Arrival> {
        self.core.faults(|f| f.log.clone())
    }

    /// The most requests that were worked on at one time.
    pub fn most_in_flight(&self) -> usize {
        self.core.faults(|f| f.most_in_flight)
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.core.faults(|f| {
            f.log.clear();
            f.most_in_flight = f.in_flight;
        });
    }

    /// All users, in order of creation.
    pub fn users(&self) -> Vec<User> {
        self.core.read(|s| s.users.clone())
    }

    /// One user as it is stored.
    pub fn user(&self, username: &str) -> Option<User> {
        self.core.read(|s| s.user(username).cloned())
    }

    /// Stores a user as it is.
    pub fn put_user(&self, user: User) {
        self.core.change(|s| s.put_user(user));
    }

    /// Adds or replaces an administrator.
    pub fn put_admin(&self, admin: state::Admin) {
        self.core.change(|s| s.set_admin(admin));
    }

    /// Changes a stored user; false where there is none.
    pub fn mutate(&self, username: &str, change: impl FnOnce(&mut User)) -> bool {
        self.core.change(|s| s.user_mut(username).map(change).is_some())
    }

    /// The core reports traffic of a user, in bytes: it is online now; false where there is no such user.
    pub fn traffic(&self, username: &str, bytes: i64) -> bool {
        let now = self.now();
        self.core.change(|s| s.traffic(username, bytes, now))
    }

    /// One pass of the review job, as of `now`.
    pub fn review(&self, now: OffsetDateTime) {
        self.core.change(|s| s.review(now));
    }

    /// Replaces the core's inbounds.
    pub fn set_inbounds(&self, inbounds: Vec<Inbound>) {
        self.core.change(|s| s.inbounds = inbounds);
    }

    /// Stops the core, or starts it again.
    pub fn run_core(&self, running: bool) {
        self.core.change(|s| {
            s.core_stopped = !running;
            s.ghosts.clear();
        });
    }

    /// Whom the core lets in: also those deleted whom nobody told it of.
    pub fn working(&self) -> Vec<String> {
        self.core.read(State::working)
    }

    /// A token of the panel over any claims, for expired and odd ones.
    pub fn sign(&self, claims: &Value) -> String {
        self.core.read(|s| auth::sign(s, claims))
    }

    /// Every token that was issued is refused from now on.
    pub fn revoke_tokens(&self) {
        let fresh = State::new(Vec::new()).secret;
        self.core.change(|s| s.secret = fresh);
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let server = locked(&self.server).take();
        for task in server.iter().chain(&self.review) {
            task.abort();
        }
    }
}

async fn review_job(core: Arc<Core>, every: Duration) {
    let mut last = core.now();
    loop {
        tokio::time::sleep(every.min(Duration::from_secs(1))).await;
        let now = core.now();
        if now - last >= every {
            core.change(|s| s.review(now));
            last = now;
        }
    }
}
