//! A mail server that speaks SMTP over TCP: it keeps letters, and refuses as a test says.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Who may send.
pub const MAIL_USER: &str = "shop";
pub const MAIL_PASSWORD: &str = "a-password-of-mail";

/// A letter that was taken.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    /// Head and body, decoded.
    pub text: String,
}

#[derive(Default)]
struct Inner {
    letters: Vec<Mail>,
    /// Answers to RCPT instead of taking it.
    refusal: Option<&'static str>,
    sign_ins: usize,
}

/// The server.
pub struct MailServer {
    pub port: u16,
    inner: Arc<Mutex<Inner>>,
    server: JoinHandle<()>,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl MailServer {
    pub async fn start() -> Self {
        let inner = Arc::<Mutex<Inner>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = inner.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, state.clone()));
            }
        });
        Self { port, inner, server }
    }

    /// Recipients get this answer from now on; `None` takes them again.
    pub fn refuse(&self, answer: Option<&'static str>) {
        self.inner.lock().unwrap().refusal = answer;
    }

    /// The letters so far; they are forgotten.
    pub fn take_letters(&self) -> Vec<Mail> {
        std::mem::take(&mut self.inner.lock().unwrap().letters)
    }

    /// How often somebody signed in rightly.
    pub fn sign_ins(&self) -> usize {
        self.inner.lock().unwrap().sign_ins
    }
}

async fn converse(stream: TcpStream, inner: Arc<Mutex<Inner>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let (mut to, mut signed_in) = (String::new(), false);
    stream.write_all(b"220 mail.test ready\r\n").await.ok()?;
    loop {
        let line = read_line(&mut stream).await?;
        let verb = line.to_uppercase();
        let answer = if verb.starts_with("EHLO") {
            "250-mail.test\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned()
        } else if let Some(proof) = line.strip_prefix("AUTH PLAIN ") {
            let proof = BASE64_STANDARD.decode(proof.trim()).ok()?;
            signed_in = proof == format!("\0{MAIL_USER}\0{MAIL_PASSWORD}").into_bytes();
            inner.lock().unwrap().sign_ins += usize::from(signed_in);
            if signed_in { "235 welcome".to_owned() } else { "535 5.7.8 wrong name or password".to_owned() }
        } else if verb.starts_with("MAIL") && !signed_in {
            "530 5.7.0 sign in first".to_owned()
        } else if verb.starts_with("RCPT") {
            line.split(['<', '>']).nth(1)?.clone_into(&mut to);
            inner.lock().unwrap().refusal.unwrap_or("250 ok").to_owned()
        } else if verb == "DATA" {
            stream.write_all(b"354 go on\r\n").await.ok()?;
            let text = read_letter(&mut stream).await?;
            inner.lock().unwrap().letters.push(Mail { to: to.clone(), text });
            "250 taken".to_owned()
        } else if verb == "QUIT" {
            stream.write_all(b"221 bye\r\n").await.ok()?;
            return None;
        } else {
            "250 ok".to_owned()
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

async fn read_letter(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut lines = Vec::new();
    loop {
        let line = read_line(stream).await?;
        if line == "." {
            break;
        }
        lines.push(line);
    }
    let letter = lines.join("\n");
    let (head, body) = letter.split_once("\n\n")?;
    let body = if head.contains("base64") {
        String::from_utf8(BASE64_STANDARD.decode(body.replace('\n', "")).ok()?).ok()?
    } else {
        body.to_owned()
    };
    // Titles are encoded words; those parts are enough for a test.
    Some(format!("{head}\n\n{body}"))
}
