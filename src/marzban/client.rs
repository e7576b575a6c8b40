//! The calls. Each has one deadline for all it does and leaves one line in the log when it isn't done.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant as Began},
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use super::{
    Account, AccountStatus, Attempt, Cause, Field, Health, NewAccount, Outcome, Refusal, Renewal, Settings,
    SettingsError, is_valid_username,
    outcome::Stop,
    settings::web_address,
    tokens::Tokens,
    transport::{Body, Request, Transport},
    wire,
};
use crate::calendar::Clock;

const FIRST_PAUSE: Duration = Duration::from_millis(150);

/// The client; clones share the connections, the token and the limit of requests in flight.
#[derive(Clone)]
pub struct Marzban {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    transport: Transport,
    tokens: Tokens,
    pub(super) protocols: Mutex<Option<(Instant, Vec<String>)>>,
    pub(super) public_url: String,
    total_timeout: Duration,
    retry_for: Duration,
    pub(super) clock: Clock,
}

impl fmt::Debug for Marzban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Marzban").field("public_url", &self.inner.public_url).finish_non_exhaustive()
    }
}

impl Marzban {
    /// Checks the settings; sends nothing yet.
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self, SettingsError> {
        let base_url = web_address("base URL", &settings.base_url)?;
        let public_url = match &settings.public_url {
            Some(address) => web_address("public URL", address)?,
            None => base_url.clone(),
        };
        Ok(Self {
            inner: Arc::new(Inner {
                transport: Transport::new(settings, base_url)?,
                tokens: Tokens::new(settings, clock.clone()),
                protocols: Mutex::default(),
                public_url,
                total_timeout: settings.total_timeout,
                retry_for: settings.retry_for,
                clock,
            }),
        })
    }

    /// Makes the account, or adopts it where it is there already with this order's note. After `Unknown` the caller
    /// comes back with [`Attempt::Again`].
    pub async fn create_account(&self, new: &NewAccount, attempt: Attempt) -> Outcome<Account> {
        let began = Began::now();
        let result = self.inner.create(new, attempt, self.inner.deadline()).await;
        conclude("create_account", &new.username, began, result)
    }

    /// The account as it is now; `Done(None)` only where the panel says that there is none.
    pub async fn account(&self, username: &str) -> Outcome<Option<Account>> {
        let began = Began::now();
        let result = self.inner.account(username, self.inner.deadline()).await;
        conclude("account", username, began, result)
    }

    /// Deletes the account for good; one that is gone already counts as done.
    pub async fn delete_account(&self, username: &str) -> Outcome<()> {
        let began = Began::now();
        let result = self.inner.delete(username, self.inner.deadline()).await;
        conclude("delete_account", username, began, result)
    }

    /// Switches the account off, or on again to what it was; one that is so already is left alone.
    pub async fn set_enabled(&self, username: &str, enabled: bool) -> Outcome<Account> {
        let began = Began::now();
        let result = self.inner.set_enabled(username, enabled, self.inner.deadline()).await;
        conclude("set_enabled", username, began, result)
    }

    /// Gives the account a new end and its volume anew; asked again for the same, it does the same.
    pub async fn renew(&self, username: &str, renewal: &Renewal) -> Outcome<Account> {
        let began = Began::now();
        let result = self.inner.renew(username, renewal, self.inner.deadline()).await;
        conclude("renew", username, began, result)
    }

    /// Gives the account new keys and a new subscription link; the links before it are dead. Asked again, it makes
    /// another one.
    pub async fn revoke_subscription(&self, username: &str) -> Outcome<Account> {
        let began = Began::now();
        let result = self.inner.revoke(username, self.inner.deadline()).await;
        conclude("revoke_subscription", username, began, result)
    }

    /// How the panel does at the moment; asked once, without repeating.
    pub async fn health(&self) -> Health {
        let began = Began::now();
        let result = self.inner.system(self.inner.deadline()).await;
        let latency = began.elapsed();
        match conclude("health", "", began, result) {
            Outcome::Done(system) => Health {
                reachable: true,
                problem: None,
                version: Some(system.version),
                latency,
                users: Some(system.total_user),
            },
            Outcome::Refused(_) => unreachable_because(Cause::BadAnswer, latency),
            Outcome::Unknown(cause) => unreachable_because(cause, latency),
        }
    }
}

fn unreachable_because(cause: Cause, latency: Duration) -> Health {
    Health { reachable: false, problem: Some(cause), version: None, latency, users: None }
}

impl Inner {
    fn deadline(&self) -> Instant {
        Instant::now() + self.total_timeout
    }

    pub(super) async fn account(&self, username: &str, deadline: Instant) -> Result<Option<Account>, Stop> {
        let found = self.find(username, deadline).await?;
        found.map(|user| user.into_account(&self.public_url)).transpose()
    }

    pub(super) async fn find(&self, username: &str, deadline: Instant) -> Result<Option<wire::User>, Stop> {
        check_name(username)?;
        match self.read(&format!("/api/user/{username}"), deadline).await {
            Ok(body) => self.user(&body, username).map(Some),
            Err(Stop::Refused(Refusal::NotFound)) => Ok(None),
            Err(stop) => Err(not_the_panel(stop)),
        }
    }

    async fn delete(&self, username: &str, deadline: Instant) -> Result<(), Stop> {
        check_name(username)?;
        let path = format!("/api/user/{username}");
        match self.call(&Request::delete(&path), deadline).await {
            Ok(_) | Err(Stop::Refused(Refusal::NotFound)) => Ok(()),
            // An account without owner is deleted and yet answered with an error.
            Err(Stop::Unknown(Cause::Server5xx, why)) => match self.find(username, deadline).await {
                Ok(None) => {
                    tracing::warn!(
                        username,
                        "the account is gone, but may work until the panel's core restarts"
                    );
                    Ok(())
                }
                _ => Err(Stop::Unknown(Cause::Server5xx, why)),
            },
            Err(stop) => Err(not_the_panel(stop)),
        }
    }

    async fn set_enabled(&self, username: &str, enabled: bool, deadline: Instant) -> Result<Account, Stop> {
        let found = self.find(username, deadline).await?.ok_or(Stop::Refused(Refusal::NotFound))?;
        let next_plan = found.next_plan.clone();
        let account = found.into_account(&self.public_url)?;
        if enabled != (account.status == AccountStatus::Disabled) {
            return Ok(account);
        }
        // Switched on as active, an account that waited for its first connection would never end.
        let waiting = account.on_hold_seconds.filter(|_| enabled && account.expire_at.is_none());
        let body = json(&wire::Change {
            status: match (enabled, waiting) {
                (false, _) => "disabled",
                (true, Some(_)) => "on_hold",
                (true, None) => "active",
            },
            on_hold_expire_duration: waiting,
            next_plan: next_plan.as_ref(),
            ..wire::Change::default()
        })?;
        let path = format!("/api/user/{username}");
        let answer = self.call(&Request::put(&path, body), deadline).await.map_err(not_the_panel)?;
        self.user(&answer, username)?.into_account(&self.public_url)
    }

    async fn system(&self, deadline: Instant) -> Result<wire::System, Stop> {
        let body = self.call(&Request::get("/api/system"), deadline).await.map_err(Stop::never_refused)?;
        parse(&body)
    }

    pub(super) fn user(&self, body: &[u8], username: &str) -> Result<wire::User, Stop> {
        let user: wire::User = parse(body)?;
        if user.username.eq_ignore_ascii_case(username) {
            Ok(user)
        } else {
            Err(Stop::bad_answer("another account than the one asked for"))
        }
    }

    /// A GET, repeated while that may help.
    pub(super) async fn read(&self, path: &str, deadline: Instant) -> Result<Vec<u8>, Stop> {
        let last_start = deadline.min(Instant::now() + self.retry_for);
        let mut pause = FIRST_PAUSE;
        loop {
            let result = self.call(&Request::get(path), deadline).await;
            let Err(Stop::Unknown(cause, _)) = &result else { return result };
            // Jitter, so that callers who failed together don't come back together.
            let wait = pause.mul_f64(rand::random_range(0.5..1.5));
            if !cause.may_pass() || Instant::now() + wait >= last_start {
                return result;
            }
            sleep(wait).await;
            pause *= 2;
        }
    }

    /// One request with a token; a refused token is replaced once, for nothing was done under it.
    pub(super) async fn call(&self, request: &Request<'_>, deadline: Instant) -> Result<Vec<u8>, Stop> {
        let token = self.tokens.get(&self.transport, None, deadline).await?;
        match self.transport.exchange(request, Some(&token.text), deadline).await {
            Err(Stop::Unknown(Cause::Unauthorized, _)) => {}
            result => return result,
        }
        let token = self.tokens.get(&self.transport, Some(&token), deadline).await?;
        let result = self.transport.exchange(request, Some(&token.text), deadline).await;
        if matches!(result, Err(Stop::Unknown(Cause::Unauthorized, _))) {
            self.tokens.give_up(&token).await;
        }
        result
    }
}

/// A 404 that isn't about an account comes from somewhere else, for instance a wrong base URL.
pub(super) fn not_the_panel(stop: Stop) -> Stop {
    match stop {
        Stop::Refused(Refusal::Other { status: 404, .. }) => stop.never_refused(),
        stop => stop,
    }
}

pub(super) fn check_name(username: &str) -> Result<(), Stop> {
    if is_valid_username(username) { Ok(()) } else { Err(invalid(Field::Username)) }
}

pub(super) fn invalid(field: Field) -> Stop {
    Stop::Refused(Refusal::Invalid { fields: vec![field] })
}

pub(super) fn json(body: &impl Serialize) -> Result<Body<'static>, Stop> {
    serde_json::to_vec(body).map(Body::Json).map_err(|error| Stop::bad_answer(error.to_string()))
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Stop> {
    // Not the parser's own words: they quote what they choke on.
    serde_json::from_slice(body).map_err(|error| {
        Stop::bad_answer(format!("{:?} error at {}:{}", error.classify(), error.line(), error.column()))
    })
}

/// The boundary: what is known becomes the outcome, the words go to the log.
fn conclude<T>(call: &str, username: &str, began: Began, result: Result<T, Stop>) -> Outcome<T> {
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match result {
        Ok(value) => Outcome::Done(value),
        Err(Stop::Refused(refusal)) => {
            tracing::info!(call, username, outcome = "refused", why = ?refusal, ms, "Marzban refused");
            Outcome::Refused(refusal)
        }
        Err(Stop::Unknown(cause, why)) => {
            tracing::warn!(
                call,
                username,
                outcome = "unknown",
                ?cause,
                why,
                ms,
                "Marzban did not answer clearly"
            );
            Outcome::Unknown(cause)
        }
    }
}
