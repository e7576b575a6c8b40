//! The access token: kept until its own end, fetched by one caller at a time. Refused credentials are not tried
//! again for a while, because each try costs the panel a password hash.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use super::{
    settings::Settings,
    transport::{Body, Request, Transport, too_late},
    wire,
};
use crate::{
    calendar::{Clock, Time},
    panel::{Cause, Stop},
};

/// How long a panel is left alone that refuses the tokens it has just given.
const NEW_TOKEN_PAUSE: Duration = Duration::from_secs(30);

pub(super) struct Tokens {
    username: String,
    password: String,
    pause: Duration,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Token>,
    issued: u64,
    refused_until: Option<Instant>,
}

#[derive(Clone)]
pub(super) struct Token {
    pub text: Arc<str>,
    serial: u64,
    /// `None`: until it is refused.
    good_until: Option<Time>,
}

impl Tokens {
    pub(super) fn new(settings: &Settings, clock: Clock) -> Self {
        Self {
            username: settings.username.clone(),
            password: settings.password.clone(),
            pause: settings.sign_in_pause,
            clock,
            state: Mutex::default(),
        }
    }

    /// The administrator that we are.
    pub(super) fn username(&self) -> &str {
        &self.username
    }

    /// A token other than the one that was refused. Whoever comes while another signs in waits for that result.
    pub(super) async fn get(
        &self,
        transport: &Transport,
        refused: Option<&Token>,
        deadline: Instant,
    ) -> Result<Token, Stop> {
        let mut state = timeout_at(deadline, self.state.lock()).await.map_err(|_| too_late())?;
        if let Some(token) = &state.current
            && refused.is_none_or(|refused| refused.serial != token.serial)
            && token.good_until.is_none_or(|end| self.clock.now() < end)
        {
            return Ok(token.clone());
        }
        state.current = None;
        if state.refused_until.is_some_and(|until| Instant::now() < until) {
            return Err(unauthorized("credentials were refused a moment ago, not tried again yet"));
        }
        state.refused_until = None;
        match self.sign_in(transport, deadline).await {
            Ok(text) => {
                state.issued += 1;
                let good_until = end_of(&text, self.clock.now());
                let token = Token { text: text.into(), serial: state.issued, good_until };
                state.current = Some(token.clone());
                Ok(token)
            }
            Err(stop) => {
                if matches!(stop, Stop::Unknown(Cause::Unauthorized, _)) {
                    state.refused_until = Some(Instant::now() + self.pause);
                }
                Err(stop)
            }
        }
    }

    /// A token that was refused although it was new: signing in again at once wouldn't help, but soon it may, for
    /// instance when the panel's clock has caught up with itself.
    pub(super) async fn give_up(&self, token: &Token) {
        let mut state = self.state.lock().await;
        if state.current.as_ref().is_some_and(|current| current.serial == token.serial) {
            state.current = None;
            state.refused_until = Some(Instant::now() + self.pause.min(NEW_TOKEN_PAUSE));
        }
    }

    async fn sign_in(&self, transport: &Transport, deadline: Instant) -> Result<String, Stop> {
        let form = [("username", self.username.as_str()), ("password", self.password.as_str())];
        let request = Request::post("/api/admin/token", Body::Form(&form));
        let body = transport.exchange(&request, None, deadline).await.map_err(Stop::never_refused)?;
        // The parser's own message could quote the token.
        let answer: wire::SignedIn =
            serde_json::from_slice(&body).map_err(|_| Stop::bad_answer("sign-in without a token"))?;
        let printable =
            !answer.access_token.is_empty() && answer.access_token.bytes().all(|b| b.is_ascii_graphic());
        if printable {
            Ok(answer.access_token)
        } else {
            Err(Stop::bad_answer("sign-in without a usable token"))
        }
    }
}

fn unauthorized(why: &str) -> Stop {
    Stop::Unknown(Cause::Unauthorized, why.into())
}

/// When a token just issued should no longer be used: a little before its `exp`. Where `iat` tells the panel's own
/// time, the token's life counts from now, so that clocks which disagree do no harm.
fn end_of(token: &str, now: Time) -> Option<Time> {
    #[derive(Deserialize)]
    struct Claims {
        exp: Option<f64>,
        iat: Option<f64>,
    }
    let payload = token.split('.').nth(1)?;
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    let issued = claims.iat.unwrap_or(now.unix_timestamp() as f64);
    let life = claims.exp? - issued;
    // Without `iat`, an end in the past can only mean that the clocks disagree.
    if life <= 0.0 {
        return None;
    }
    let margin = (life / 10.0).min(60.0);
    now.checked_add(time::Duration::checked_seconds_f64(life - margin)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.sig", BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    fn life(claims: &str) -> Option<i64> {
        let now = Time::from_unix_timestamp(1_795_000_000).unwrap();
        end_of(&token(claims), now).map(|end| (end - now).whole_seconds())
    }

    #[test]
    fn a_token_is_used_until_a_little_before_its_own_end() {
        assert_eq!(life(r#"{"exp":1795086400}"#), Some(86_340));
        assert_eq!(life(r#"{"exp":1795000060}"#), Some(54));
    }

    #[test]
    fn a_panel_whose_clock_is_wrong_still_gives_a_token_its_life() {
        assert_eq!(life(r#"{"iat":1794990000,"exp":1794990600}"#), Some(540));
        assert_eq!(life(r#"{"exp":1794990600}"#), None);
    }

    #[test]
    fn a_token_without_end_or_sense_is_kept_until_it_is_refused() {
        assert_eq!(life(r#"{"sub":"root"}"#), None);
        assert_eq!(life("no json"), None);
        assert_eq!(end_of("opaque", Time::UNIX_EPOCH), None);
        assert_eq!(life(r#"{"exp":1e300}"#), None);
    }
}
