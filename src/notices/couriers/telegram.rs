//! The Bot API. Invariant: the token stands in the address of each request, so no error keeps its address.

use std::{sync::OnceLock, time::Duration};

use reqwest::{Client, Proxy, Url, redirect};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Button, Couriers, Failure, Problem, WHOLE, chain, in_time};
use crate::config::Secret;

/// For a whole call, beside what a long poll waits.
const TIMEOUT: Duration = Duration::from_secs(12);
/// The Bot API takes no longer text, characters.
const LONGEST: usize = 4096;
/// A wait that the Bot API asks for is believed up to here.
const LONGEST_WAIT: u64 = 3600;

/// One client for each scheme, made when first needed.
#[derive(Debug)]
pub(super) struct Clients {
    http_proxy: Option<Secret<Url>>,
    https_proxy: Option<Secret<Url>>,
    http: OnceLock<Client>,
    https: OnceLock<Client>,
    /// The longest that a message may take.
    whole: Duration,
}

impl Clients {
    pub(super) fn new(http_proxy: Option<Secret<Url>>, https_proxy: Option<Secret<Url>>) -> Self {
        Self { http_proxy, https_proxy, http: OnceLock::new(), https: OnceLock::new(), whole: WHOLE }
    }

    fn of(&self, api: &str) -> Result<(&Client, bool), Failure> {
        let secure = api.starts_with("https:");
        let (cell, proxy) =
            if secure { (&self.https, &self.https_proxy) } else { (&self.http, &self.http_proxy) };
        if cell.get().is_none() {
            let client = build(proxy.as_ref(), secure)
                .map_err(|error| Failure::new(Problem::Network, chain(&error.without_url())))?;
            let _ = cell.set(client);
        }
        let client = cell.get().ok_or_else(|| Failure::new(Problem::Network, "no client"))?;
        Ok((client, proxy.is_some()))
    }
}

fn build(proxy: Option<&Secret<Url>>, secure: bool) -> reqwest::Result<Client> {
    // Whoever installed a provider first wins; without one the client can't be built.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(Duration::from_secs(5));
    if let Some(proxy) = proxy {
        builder = builder.proxy(Proxy::all(proxy.expose().clone())?);
    }
    if !secure && proxy.is_none_or(|url| url.expose().scheme() != "https") {
        // No TLS will be spoken: do without the machine's certificates, which a small one may lack.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

/// The shop's bot.
#[derive(Clone, Debug)]
pub(crate) struct Bot {
    pub token: Secret<String>,
    /// Where the Bot API is, or a mirror of it; no slash at its end.
    pub api: String,
}

/// What somebody wrote to the bot.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub id: i64,
    pub chat: Option<i64>,
    pub text: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    ok: bool,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

impl Couriers {
    /// The bot's own user name: proves the token.
    pub(in crate::notices) async fn bot_name(&self, bot: &Bot) -> Result<String, Failure> {
        let me = self.call(bot, "getMe", json!({}), Duration::ZERO).await?;
        Ok(me["username"].as_str().unwrap_or_default().to_owned())
    }

    /// Sends plain text to a chat, with buttons under it that lead to pages.
    pub(in crate::notices) async fn send_to_chat(
        &self,
        bot: &Bot,
        chat: &str,
        text: &str,
        buttons: &[Button],
    ) -> Result<(), Failure> {
        in_time(self.telegram.whole, self.say(bot, chat, text, buttons)).await
    }

    /// In one call, or in two.
    async fn say(&self, bot: &Bot, chat: &str, text: &str, buttons: &[Button]) -> Result<(), Failure> {
        let text: String = text.chars().take(LONGEST).collect();
        let body = json!({ "chat_id": chat, "text": text, "link_preview_options": { "is_disabled": true } });
        if !buttons.is_empty() {
            let row: Vec<Value> =
                buttons.iter().map(|button| json!({ "text": button.label, "url": button.address })).collect();
            let mut with_buttons = body.clone();
            with_buttons["reply_markup"] = json!({ "inline_keyboard": [row] });
            match self.call(bot, "sendMessage", with_buttons, Duration::ZERO).await {
                // Telegram refuses addresses that it can't reach itself; the link in the text is as good.
                Err(failure) if failure.problem == Problem::Recipient => {}
                sent => return sent.map(drop),
            }
        }
        self.call(bot, "sendMessage", body, Duration::ZERO).await.map(drop)
    }

    /// What was written to the bot since `offset`; waits up to `patience` for the first word.
    pub(in crate::notices) async fn updates(
        &self,
        bot: &Bot,
        offset: i64,
        patience: Duration,
    ) -> Result<Vec<Update>, Failure> {
        let body = json!({ "offset": offset, "timeout": patience.as_secs(), "allowed_updates": ["message"] });
        let updates = self.call(bot, "getUpdates", body, patience).await?;
        let read = |update: &Value| {
            let message = &update["message"];
            // Codes are taken in a chat of two only: in a group everyone would read what is meant for one.
            let private = message["chat"]["type"].as_str() == Some("private");
            Some(Update {
                id: update["update_id"].as_i64()?,
                chat: message["chat"]["id"].as_i64().filter(|_| private),
                text: message["text"].as_str().unwrap_or_default().to_owned(),
            })
        };
        Ok(updates.as_array().into_iter().flatten().filter_map(read).collect())
    }

    async fn call(&self, bot: &Bot, method: &str, body: Value, patience: Duration) -> Result<Value, Failure> {
        let (client, proxied) = self.telegram.of(&bot.api)?;
        let token = bot.token.expose();
        let address = format!("{}/bot{token}/{method}", bot.api);
        let broken = |error: reqwest::Error| {
            let connects = error.is_connect();
            let words = chain(&error.without_url()).replace(token, "[hidden]");
            // A certificate is the far end's own, also behind a proxy.
            let by_proxy = proxied && connects && !words.contains("certificate");
            Failure::new(if by_proxy { Problem::Proxy } else { Problem::Network }, words)
        };
        let request = client.post(address).timeout(TIMEOUT + patience).json(&body);
        let response = request.send().await.map_err(broken)?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(broken)?;
        match serde_json::from_slice::<Answer>(&bytes) {
            Ok(answer) if answer.ok && status == 200 => Ok(answer.result),
            Ok(answer) => Err(refusal(status, method, &answer, token)),
            Err(_) if status == 407 => Err(Failure::new(Problem::Proxy, "407")),
            Err(_) => {
                Err(Failure::new(Problem::Server, format!("{status} without an answer of the Bot API")))
            }
        }
    }
}

fn refusal(status: u16, method: &str, answer: &Answer, token: &str) -> Failure {
    let detail = format!("{status} {}", answer.description.replace(token, "[hidden]"));
    let problem = match status {
        401 | 404 => Problem::Token,
        // It blocked the bot, or is no chat that the bot may write to.
        400 | 403 if method == "sendMessage" => Problem::Recipient,
        429 => Problem::Busy,
        500.. => Problem::Server,
        _ => Problem::Refused,
    };
    let mut failure = Failure::new(problem, detail);
    if problem == Problem::Busy {
        let wait = answer.parameters.retry_after.unwrap_or(30).clamp(1, LONGEST_WAIT);
        failure.wait = Some(Duration::from_secs(wait));
    }
    failure
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// Refuses whatever it is asked, each time after this wait.
    async fn slow(listener: TcpListener, wait: Duration) {
        let body = r#"{"ok":false,"error_code":400,"description":"Bad Request: BUTTON_URL_INVALID"}"#;
        let answer = format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            tokio::time::sleep(wait).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    }

    #[tokio::test]
    async fn both_calls_of_a_message_have_one_time_together() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(slow(listener, Duration::from_millis(400)));
        let clients = Clients { whole: Duration::from_millis(600), ..Clients::new(None, None) };
        let couriers = Couriers { telegram: Arc::new(clients), public_url: None };
        let bot = Bot { token: Secret::new("123:abc".to_owned()), api };
        let button = Button { label: "x".to_owned(), address: "http://127.0.0.1/".to_owned() };
        let late = couriers.send_to_chat(&bot, "77", "text", &[button]).await.unwrap_err();
        assert_eq!((late.problem, late.detail.as_str()), (Problem::Network, "no answer in time"));
        server.abort();
    }
}
