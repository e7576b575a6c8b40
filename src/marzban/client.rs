//! What the calls have in common, and the short ones.

use std::{fmt, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use super::{
    Settings, SettingsError,
    settings::web_address,
    tokens::Tokens,
    transport::{Body, Request, Transport},
    wire,
};
use crate::{
    calendar::Clock,
    panel::{Account, AccountStatus, Cause, Field, Refusal, Stop, is_known_username},
};

const FIRST_PAUSE: Duration = Duration::from_millis(150);

/// The client: its connections, its token and its limit of requests in flight.
pub struct Marzban {
    transport: Transport,
    pub(super) tokens: Tokens,
    pub(super) protocols: Mutex<Option<(Instant, Vec<String>)>>,
    pub(super) public_url: String,
    total_timeout: Duration,
    retry_for: Duration,
    pub(super) clock: Clock,
}

impl fmt::Debug for Marzban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Marzban").field("public_url", &self.public_url).finish_non_exhaustive()
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
            transport: Transport::new(settings, base_url)?,
            tokens: Tokens::new(settings, clock.clone()),
            protocols: Mutex::default(),
            public_url,
            total_timeout: settings.total_timeout,
            retry_for: settings.retry_for,
            clock,
        })
    }

    pub(super) fn deadline(&self) -> Instant {
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

    pub(super) async fn switch(
        &self,
        username: &str,
        enabled: bool,
        deadline: Instant,
    ) -> Result<Account, Stop> {
        let found = self.find(username, deadline).await?.ok_or(Stop::Refused(Refusal::NotFound))?;
        let next_plan = found.next_plan.clone();
        let account = found.into_account(&self.public_url)?;
        if enabled != (account.status == AccountStatus::Disabled) {
            return Ok(account);
        }
        // Switched on as active, an account that waited for its first connection would never end.
        let waiting = account.on_hold_seconds.filter(|_| enabled && account.expire_at.is_none());
        let body = json(&wire::Change {
            status: Some(match (enabled, waiting) {
                (false, _) => "disabled",
                (true, Some(_)) => "on_hold",
                (true, None) => "active",
            }),
            on_hold_expire_duration: waiting,
            next_plan: next_plan.as_ref(),
            ..wire::Change::default()
        })?;
        let path = format!("/api/user/{username}");
        let answer = self.call(&Request::put(&path, body), deadline).await.map_err(not_the_panel)?;
        self.user(&answer, username)?.into_account(&self.public_url)
    }

    pub(super) async fn system(&self, deadline: Instant) -> Result<wire::System, Stop> {
        let body = self.call(&Request::get("/api/system"), deadline).await.map_err(Stop::never_refused)?;
        parse(&body)
    }

    pub(super) async fn core_state(&self, deadline: Instant) -> Result<wire::Core, Stop> {
        let body = self.call(&Request::get("/api/core"), deadline).await.map_err(Stop::never_refused)?;
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
    if is_known_username(username) { Ok(()) } else { Err(invalid(Field::Username)) }
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
