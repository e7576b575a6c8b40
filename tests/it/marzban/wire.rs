//! What happens on the line: places, repeats, timeouts, idle connections, and what the log gets to see.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rad_panel::{
    calendar::Clock,
    config::{
        HTTPS_PROXY, MARZBAN_PASSWORD, MARZBAN_TIMEOUT, MARZBAN_URL, MARZBAN_USERNAME, MarzbanConfig, Values,
    },
    marzban::{self, Settings, SettingsError},
    panel::{Cause, Outcome, is_known_username, is_valid_username},
};
use serde_json::json;

use super::panel::{PASSWORD, Panel, Reply, missing};

#[tokio::test]
async fn forty_calls_at_once_are_never_more_than_eight_requests_in_flight() {
    let panel = Panel::start(|seen| {
        (seen.method == "GET").then(|| Reply::Late(Duration::from_millis(40), Box::new(missing())))
    })
    .await;
    let client = panel.client();
    let outcomes = join_all((0..40).map(|_| client.account("sara_1"))).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done(None)));
    assert_eq!(panel.most_in_flight(), 8);
}

#[tokio::test]
async fn a_read_is_repeated_until_it_succeeds() {
    let asked = AtomicUsize::new(0);
    let panel = Panel::start(move |seen| {
        (seen.method == "GET").then(|| match asked.fetch_add(1, SeqCst) {
            0 => Reply::Text(500, "Internal Server Error".into()),
            1 => Reply::Broken,
            _ => missing(),
        })
    })
    .await;
    assert_eq!(panel.client().account("sara_1").await, Outcome::Done(None));
    assert_eq!(panel.count("GET", "/api/user/sara_1"), 3);
}

#[tokio::test]
async fn a_read_is_given_up_after_its_budget() {
    let panel = Panel::start(|seen| (seen.method == "GET").then(|| Reply::Text(503, "down".into()))).await;
    let began = Instant::now();
    assert_eq!(panel.client().account("sara_1").await, Outcome::Unknown(Cause::Server5xx));
    assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
    assert!((2..=6).contains(&panel.count("GET", "/api/user/sara_1")));
}

#[tokio::test]
async fn the_total_timeout_holds_for_waiting_signing_in_and_answering_together() {
    let panel = Panel::start(|_| Some(Reply::Late(Duration::from_secs(20), Box::new(missing())))).await;
    let settings = Settings { total_timeout: Duration::from_millis(600), ..panel.settings() };
    let client = marzban::server(&settings, Clock::system()).unwrap();
    let began = Instant::now();
    let outcomes = join_all((0..12).map(|_| client.account("sara_1"))).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Unknown(Cause::Timeout)));
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_panel_that_is_not_there_is_told_apart_from_one_that_is_slow() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let settings =
        Settings { retry_for: Duration::from_millis(200), ..Settings::new(address, "root", PASSWORD) };
    let client = marzban::server(&settings, Clock::system()).unwrap();
    assert_eq!(client.account("sara_1").await, Outcome::Unknown(Cause::ConnectFailed));
    assert_eq!(client.health().await.problem, Some(Cause::ConnectFailed));
}

#[tokio::test]
async fn an_idle_connection_is_left_before_the_panel_would_close_it() {
    let panel = Panel::start(|_| None).await;
    let client = panel.client();
    for wait in [0, 200, 3300] {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        assert_eq!(client.account("sara_1").await, Outcome::Done(None));
    }
    let connections: Vec<usize> = panel.seen().iter().map(|seen| seen.connection).collect();
    let (last, earlier) = connections.split_last().unwrap();
    assert!(!earlier.contains(last), "{connections:?}");
    assert!(earlier[..2].contains(&earlier[2]), "a connection in use is kept: {connections:?}");
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let panel =
        Panel::start(|seen| (seen.method == "GET").then(|| Reply::Text(200, "x".repeat(3 << 20)))).await;
    assert_eq!(panel.client().account("sara_1").await, Outcome::Unknown(Cause::BadAnswer));
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_failed_call_is_one_line_in_the_log_without_any_secret() {
    let log = Log::default();
    let writer = log.clone();
    let _guard = tracing::subscriber::set_default(
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish(),
    );
    // A panel gone mad repeats all that it was told.
    let panel = Panel::start(|seen| {
        let token = seen.headers.get("authorization")?;
        Some(Reply::Json(400, json!({"detail": format!("you sent {token} and {PASSWORD}\nreally")})))
    })
    .await;
    let outcome = panel.client().account("sara_1").await;
    assert!(matches!(&outcome, Outcome::Refused(_)), "{outcome:?}");
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("the server")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    for part in ["account", "sara_1", "refused", "ms=", "you sent Bearer [hidden] and [hidden] really"] {
        assert!(lines[0].contains(part), "{part}: {text}");
    }
    for secret in [PASSWORD, "signature1"] {
        assert!(!text.contains(secret) && !format!("{outcome:?}").contains(secret));
    }
}

#[test]
fn settings_print_no_password() {
    let settings = Settings {
        http_proxy: Some("http://ali:pr0xy-pass@proxy.example:3128".into()),
        https_proxy: Some("socks5h://ali:pr0xy-pass@proxy.example".into()),
        ..Settings::new("http://root:b4se-pass@panel.example", "root", PASSWORD)
    };
    let printed = format!("{settings:?}");
    assert!(printed.contains("proxy.example:3128") && printed.contains("panel.example"), "{printed}");
    for secret in [PASSWORD, "pr0xy-pass", "b4se-pass"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn settings_come_from_the_configuration() {
    let values = Values::default()
        .with(&MARZBAN_URL, "https://panel.example/deep")
        .with(&MARZBAN_USERNAME, "root")
        .with(&MARZBAN_PASSWORD, PASSWORD)
        .with(&MARZBAN_TIMEOUT, "7")
        .with(&HTTPS_PROXY, "socks5h://ali:p%C3%A4%3Ass@proxy.example:1080");
    let settings = Settings::from(&MarzbanConfig::from_values(&values).unwrap());
    assert_eq!((settings.password.as_str(), settings.total_timeout), (PASSWORD, Duration::from_secs(7)));
    assert_eq!(settings.https_proxy.as_deref(), Some("socks5h://ali:p%C3%A4%3Ass@proxy.example:1080"));
    assert_eq!((settings.http_proxy.as_deref(), settings.max_in_flight), (None, 8));
    assert!(marzban::server(&settings, Clock::system()).is_ok());
}

#[test]
fn settings_that_cannot_work_are_named_without_their_value() {
    for (settings, name) in [
        (Settings::new("panel.example", "root", PASSWORD), "base URL"),
        (Settings::new("ftp://panel.example", "root", PASSWORD), "base URL"),
        (Settings::new("http://root:b4se-pass@panel.example", "root", PASSWORD), "base URL"),
        (
            Settings {
                public_url: Some("/sub".into()),
                ..Settings::new("http://a.example", "root", PASSWORD)
            },
            "public URL",
        ),
        (
            Settings {
                http_proxy: Some("ftp://ali:pr0xy-pass@proxy.example".into()),
                ..Settings::new("http://a.example", "root", PASSWORD)
            },
            "HTTP proxy",
        ),
    ] {
        let error = marzban::server(&settings, Clock::system()).unwrap_err();
        assert!(matches!(error, SettingsError::Malformed(setting, _) if setting == name), "{error}");
        assert!(!error.to_string().contains("-pass"), "{error}");
    }
}

#[test]
fn a_username_is_lower_case_letters_digits_and_underscores_after_a_letter() {
    for name in ["abc", "a12", "a__", "sara_1", &"a".repeat(32)] {
        assert!(is_valid_username(name), "{name}");
    }
    for name in
        ["", "ab", "1abc", "_abc", "Abc", "aBc", "ab-c", "a.bc", "سارا", "abc\n", "ab c", &"a".repeat(33)]
    {
        assert!(!is_valid_username(name), "{name}");
    }
}

#[test]
fn a_name_that_was_given_elsewhere_may_have_capitals_and_more_but_nothing_that_an_address_reads_otherwise() {
    for name in ["abc", "Ali_1", "123", "_ab", "ali-vip", "ali.x@shop.example", "abc-", &"a".repeat(32)] {
        assert!(is_known_username(name), "{name}");
    }
    let long = format!("abc-{}", "x".repeat(61));
    for name in
        ["", "ab", "ab-cdef", "-abc", ".abc", "a b c", "abc/..", "abc%2f", "abc?x", "abc\n", "سارا", &long]
    {
        assert!(!is_known_username(name), "{name}");
    }
    assert!(!is_known_username(&"a".repeat(33)));
}
