//! Letters by SMTP, one connection each.

use std::time::Duration;

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};

use super::{Couriers, Failure, Problem, WHOLE, chain, in_time};
use crate::config::Secret;

/// For one step of the conversation.
const STEP: Duration = Duration::from_secs(10);

/// How the connection is kept from others' eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
pub(crate) enum Security {
    /// Begins in the clear and turns to TLS before anything is said (port 587).
    Starttls,
    /// TLS from the start (port 465).
    Tls,
    /// Never; only towards this very machine.
    None,
}

impl Security {
    pub(in crate::notices) const ALL: [Self; 3] = [Self::Starttls, Self::Tls, Self::None];

    /// The word for it in our tables and forms.
    pub(in crate::notices) fn code(self) -> &'static str {
        match self {
            Self::Starttls => "STARTTLS",
            Self::Tls => "TLS",
            Self::None => "NONE",
        }
    }
}

/// The shop's mail server.
#[derive(Clone, Debug)]
pub(crate) struct MailServer {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// Empty signs in as nobody.
    pub username: String,
    pub password: Secret<String>,
    /// Whom letters come from.
    pub sender: String,
}

/// A letter in plain text.
#[derive(Clone, Debug)]
pub(crate) struct Letter<'a> {
    pub to: &'a str,
    /// The shop's name, before the sender's address.
    pub from_name: &'a str,
    pub subject: &'a str,
    pub body: &'a str,
}

impl Couriers {
    /// Sends one letter.
    pub(in crate::notices) async fn post(
        &self,
        server: &MailServer,
        letter: &Letter<'_>,
    ) -> Result<(), Failure> {
        let message = write(server, letter)?;
        let transport = transport(server)?;
        let sending =
            async { transport.send(message).await.map(drop).map_err(|error| failure(&error, server)) };
        in_time(WHOLE, sending).await
    }
}

fn write(server: &MailServer, letter: &Letter<'_>) -> Result<Message, Failure> {
    let from = server.sender.parse().map_err(|_| Failure::new(Problem::Refused, "the sender's address"))?;
    let to = letter.to.parse().map_err(|_| Failure::new(Problem::Recipient, "no address"))?;
    Message::builder()
        .from(Mailbox::new(Some(letter.from_name.to_owned()), from))
        .to(Mailbox::new(None, to))
        .subject(letter.subject)
        .header(ContentType::TEXT_PLAIN)
        .body(letter.body.to_owned())
        .map_err(|error| Failure::new(Problem::Refused, error.to_string()))
}

fn transport(server: &MailServer) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failure> {
    let parameters =
        || TlsParameters::new(server.host.clone()).map_err(|error| Failure::new(Problem::Tls, chain(&error)));
    let tls = match server.security {
        Security::Starttls => Tls::Required(parameters()?),
        Security::Tls => Tls::Wrapper(parameters()?),
        Security::None => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.clone())
        .port(server.port)
        .tls(tls)
        .timeout(Some(STEP));
    if !server.username.is_empty() {
        let password = server.password.expose().clone();
        builder = builder.credentials(Credentials::new(server.username.clone(), password));
    }
    Ok(builder.build())
}

/// Whether a refusal is about who shall get it, by the enhanced code of RFC 3463 (5.1.x, and 5.2.1 for a closed mailbox).
/// Any other is about us: our domain, our sender, our words. A server that gives none is taken at its number.
fn is_of_the_address(words: &str) -> bool {
    let codes = words.split(|c: char| !c.is_ascii_digit() && c != '.').filter(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        parts.len() == 3 && parts.first() == Some(&"5") && parts.iter().all(|part| !part.is_empty())
    });
    // Of the sender's address speak 5.1.7 and 5.1.8.
    let ours =
        |code: &str| !code.starts_with("5.1.") && code != "5.2.1" || code == "5.1.7" || code == "5.1.8";
    !codes.clone().any(ours)
}

fn failure(error: &lettre::transport::smtp::Error, server: &MailServer) -> Failure {
    let mut words = chain(error);
    if !server.password.expose().is_empty() {
        words = words.replace(server.password.expose(), "[hidden]");
    }
    let code = error.status().map(u16::from);
    let problem = match code {
        Some(530 | 534 | 535 | 538 | 454) => Problem::SignIn,
        Some(550 | 551 | 553) if is_of_the_address(&words) => Problem::Recipient,
        Some(400..=499) => Problem::Server,
        Some(_) => Problem::Refused,
        None if words.contains("authentication mechanism") => Problem::SignIn,
        None if error.is_tls()
            || ["STARTTLS", "certificate", "TLS"].iter().any(|word| words.contains(word)) =>
        {
            Problem::Tls
        }
        None => Problem::Network,
    };
    Failure::new(problem, words)
}

#[cfg(test)]
mod tests {
    use super::is_of_the_address;

    #[test]
    fn a_refusal_of_our_domain_is_not_taken_for_a_dead_address() {
        for words in
            ["550 5.1.1 no such user", "553 5.1.3 bad address", "550 5.2.1 closed", "550 unknown user"]
        {
            assert!(is_of_the_address(words), "{words}");
        }
        for words in [
            "553 5.7.1 sender address rejected: not owned by user",
            "550 5.7.26 This mail is unauthenticated",
            "550-5.7.1 blocked by 192.0.2.1\n550 5.7.1 see our page",
            "553 5.1.8 sender's domain is unknown",
        ] {
            assert!(!is_of_the_address(words), "{words}");
        }
    }
}
