//! A mail server that speaks SMTP over TCP: it keeps letters, and refuses as a test says.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// Who may send.
pub const MAIL_USER: &str = "shop";
pub const MAIL_PASSWORD: &str = "a-password-of-mail";

/// How the server wants to be spoken to, and nobody is signed in otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    None,
    Starttls,
    Tls,
}

impl MailSecurity {
    /// As in the settings.
    pub fn code(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Starttls => "STARTTLS",
            Self::Tls => "TLS",
        }
    }
}

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
    pub security: MailSecurity,
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
        Self::serve(MailSecurity::None, None).await
    }

    /// One that speaks TLS.
    pub async fn start_with(security: MailSecurity, acceptor: &TlsAcceptor) -> Self {
        Self::serve(security, Some(acceptor.clone())).await
    }

    async fn serve(security: MailSecurity, acceptor: Option<TlsAcceptor>) -> Self {
        let inner = Arc::<Mutex<Inner>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = inner.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(meet(stream, security, acceptor.clone(), state.clone()));
            }
        });
        Self { port, security, inner, server }
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

/// The whole visit of one client, with TLS where it belongs.
async fn meet(
    mut stream: TcpStream,
    security: MailSecurity,
    acceptor: Option<TlsAcceptor>,
    inner: Arc<Mutex<Inner>>,
) -> Option<()> {
    const GREETING: &[u8] = b"220 mail.test ready\r\n";
    let Some(acceptor) = acceptor else {
        stream.write_all(GREETING).await.ok()?;
        return converse(stream, inner).await;
    };
    if security == MailSecurity::Starttls {
        stream.write_all(GREETING).await.ok()?;
        let mut plain = BufReader::new(&mut stream);
        loop {
            let answer: &[u8] = match read_line(&mut plain).await?.to_uppercase().as_str() {
                "STARTTLS" => break,
                verb if verb.starts_with("EHLO") => b"250-mail.test\r\n250 STARTTLS\r\n",
                _ => b"530 5.7.0 STARTTLS first\r\n",
            };
            plain.write_all(answer).await.ok()?;
        }
        plain.write_all(b"220 go on\r\n").await.ok()?;
    }
    let mut stream = acceptor.accept(stream).await.ok()?;
    if security == MailSecurity::Tls {
        stream.write_all(GREETING).await.ok()?;
    }
    converse(stream, inner).await
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, inner: Arc<Mutex<Inner>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let (mut to, mut signed_in) = (String::new(), false);
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

async fn read_line(stream: &mut BufReader<impl AsyncRead + Unpin>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

async fn read_letter(stream: &mut BufReader<impl AsyncRead + Unpin>) -> Option<String> {
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
