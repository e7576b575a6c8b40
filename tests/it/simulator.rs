//! The simulator against the recorded exchanges, and each of its controls over real HTTP.

mod replay;
mod with_client;

use std::sync::Once;
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use rad_panel::calendar::{Clock, Time};
use rad_panel::demo::simulator::user::Status;
use rad_panel::demo::simulator::{Options, Simulator, validation};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A client that neither follows redirects nor speaks HTTP/2, as few surprises as possible.
fn client() -> reqwest::Client {
    static RING: Once = Once::new();
    RING.call_once(|| {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder()
        .http1_only()
        .retry(reqwest::retry::never())
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

fn instant(micros: i64) -> Time {
    Time::from_unix_timestamp_nanos(i128::from(micros) * 1000).unwrap()
}

/// Options with a clock that stands at noon.
fn options() -> Options {
    Options::new(Clock::fixed(instant(NOON)))
}

/// A signed-in client of a fresh simulator.
struct Bench {
    simulator: Simulator,
    client: reqwest::Client,
    token: String,
    clock: Clock,
}

const NOON: i64 = 1_795_392_000_000_000;

impl Bench {
    async fn new() -> Self {
        Self::with(options()).await
    }

    async fn with(options: Options) -> Self {
        let clock = options.clock.clone();
        let simulator = Simulator::start(options).await.unwrap();
        let client = client();
        let answer: Value = client
            .post(format!("{}/api/admin/token", simulator.base_url()))
            .form(&[("username", simulator.username()), ("password", simulator.password())])
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let token = answer["access_token"].as_str().unwrap().to_owned();
        Self { simulator, client, token, clock }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.simulator.base_url());
        self.client.request(method, url).bearer_auth(&self.token)
    }

    fn create(&self, name: &str) -> reqwest::RequestBuilder {
        let body = json!({"username": name, "proxies": {"vless": {}}, "inbounds": {}, "data_limit": 1000});
        self.request(Method::POST, "/api/user").json(&body)
    }

    async fn status(&self, method: Method, path: &str) -> StatusCode {
        self.request(method, path).send().await.unwrap().status()
    }
}

#[tokio::test]
async fn every_recorded_exchange_is_answered_as_recorded() {
    replay::all().await;
}

#[tokio::test]
async fn while_it_is_down_connections_are_refused_and_nothing_is_forgotten() {
    let bench = Bench::new().await;
    assert_eq!(bench.create("reza_1").send().await.unwrap().status(), 200);
    bench.simulator.down().await;
    let error = bench.request(Method::GET, "/api/user/reza_1").send().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    bench.simulator.up().await.unwrap();
    assert_eq!(bench.status(Method::GET, "/api/user/reza_1").await, 200);
}

#[tokio::test]
async fn a_restart_keeps_users_tokens_and_port() {
    let bench = Bench::new().await;
    bench.create("reza_1").send().await.unwrap();
    let url = bench.simulator.base_url();
    bench.simulator.answer_500(5);
    bench.simulator.restart().await.unwrap();
    assert_eq!(bench.simulator.base_url(), url);
    assert_eq!(bench.status(Method::GET, "/api/user/reza_1").await, 200);
}

#[tokio::test]
async fn an_account_deleted_without_owner_works_until_the_core_starts_anew() {
    let bench = Bench::new().await;
    for off in [true, false] {
        bench.create("reza_1").send().await.unwrap();
        assert!(bench.simulator.mutate("reza_1", |user| user.admin = None));
        assert_eq!(bench.simulator.working(), ["reza_1"]);
        if off {
            assert!(bench.simulator.mutate("reza_1", |user| user.status = Status::Disabled));
        }
        assert_eq!(bench.status(Method::DELETE, "/api/user/reza_1").await, 500);
        assert!(bench.simulator.users().is_empty());
        assert_eq!(bench.simulator.working().len(), usize::from(!off));
    }
    bench.simulator.restart().await.unwrap();
    assert_eq!(bench.simulator.working(), Vec::<String>::new());
}

#[tokio::test]
async fn work_that_its_client_gave_up_on_is_still_done() {
    let bench = Bench::new().await;
    bench.simulator.slow(Duration::from_millis(300));
    let late = bench.create("reza_1").timeout(Duration::from_millis(100)).send().await;
    assert!(late.unwrap_err().is_timeout());
    assert!(bench.simulator.user("reza_1").is_none(), "not yet");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(bench.simulator.user("reza_1").is_some());
    bench.simulator.heal();
    let again = bench.create("reza_1").send().await.unwrap();
    assert_eq!(again.status(), 409);
}

#[tokio::test]
async fn a_crash_is_plain_text_and_ends_the_connection_unannounced() {
    let bench = Bench::new().await;
    bench.simulator.answer_500(1);
    let mut stream = TcpStream::connect(&bench.simulator.base_url()[7..]).await.unwrap();
    stream.write_all(b"GET /api/core HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let end = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(2), end).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(answer.contains("content-type: text/plain"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nInternal Server Error"), "{answer}");
    assert!(!answer.to_lowercase().contains("connection: close"), "{answer}");
    assert_eq!(bench.status(Method::GET, "/api/core").await, 200);
}

#[tokio::test]
async fn a_status_can_be_ordered_for_the_next_requests_only() {
    let bench = Bench::new().await;
    bench.simulator.answer(2, StatusCode::BAD_GATEWAY);
    for expected in [502, 502, 200] {
        assert_eq!(bench.status(Method::GET, "/api/core").await, expected);
    }
}

#[tokio::test]
async fn a_drop_before_the_work_leaves_nothing_behind() {
    let bench = Bench::new().await;
    bench.simulator.drop_before_work(1);
    assert_eq!(bench.status(Method::GET, "/api/users").await, 200, "reads are spared");
    let error = bench.create("reza_1").send().await.unwrap_err();
    assert!(error.is_request() && !error.is_connect() && !error.is_timeout(), "{error:?}");
    assert!(bench.simulator.user("reza_1").is_none());
    assert_eq!(bench.create("reza_1").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_drop_after_the_commit_leaves_the_change_behind() {
    let bench = Bench::new().await;
    bench.simulator.drop_after_commit_of(Method::PUT, 1);
    assert_eq!(bench.create("reza_1").send().await.unwrap().status(), 200, "only PUT is hit");
    let change = bench.request(Method::PUT, "/api/user/reza_1").json(&json!({"note": "order 7"}));
    assert!(change.send().await.is_err());
    assert_eq!(bench.simulator.user("reza_1").unwrap().note.as_deref(), Some("order 7"));
    bench.simulator.drop_after_commit(1);
    assert!(bench.create("reza_2").send().await.is_err());
    assert!(bench.simulator.user("reza_2").is_some());
    assert_eq!(bench.create("reza_2").send().await.unwrap().status(), 409);
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_five_seconds() {
    let bench = Bench::new().await;
    let mut stream = TcpStream::connect(&bench.simulator.base_url()[7..]).await.unwrap();
    stream.write_all(b"GET /api/core HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut buffer = [0u8; 4096];
    let read = stream.read(&mut buffer).await.unwrap();
    assert!(buffer[..read].starts_with(b"HTTP/1.1 401 "));
    let idle = Instant::now();
    assert_eq!(stream.read(&mut buffer).await.unwrap(), 0, "closed, not answered");
    let idle = idle.elapsed();
    assert!((Duration::from_millis(4800)..Duration::from_secs(8)).contains(&idle), "{idle:?}");
}

#[tokio::test]
async fn the_log_tells_methods_paths_and_how_many_were_in_flight() {
    let bench = Bench::new().await;
    bench.simulator.forget_requests();
    bench.simulator.slow(Duration::from_millis(200));
    let one = || bench.request(Method::GET, "/api/users?limit=1").send();
    let (a, b, c) = tokio::join!(one(), one(), one());
    assert!([a, b, c].into_iter().all(|r| r.unwrap().status() == 200));
    let log = bench.simulator.requests();
    assert_eq!(log.len(), 3);
    assert!(log.iter().all(|a| a.method == Method::GET && a.path == "/api/users"));
    assert_eq!(log[0].query.as_deref(), Some("limit=1"));
    assert_eq!(log[0].at, instant(NOON));
    assert_eq!(bench.simulator.most_in_flight(), 3);
}

#[tokio::test]
async fn tokens_end_when_they_are_revoked_or_expire() {
    let bench = Bench::new().await;
    bench.clock.set(instant(NOON + 86_399_000_000));
    assert_eq!(bench.status(Method::GET, "/api/admin").await, 200);
    bench.clock.set(instant(NOON + 86_400_000_000));
    assert_eq!(bench.status(Method::GET, "/api/admin").await, 401);
    let bench = Bench::new().await;
    bench.simulator.revoke_tokens();
    assert_eq!(bench.status(Method::GET, "/api/admin").await, 401);
}

#[tokio::test]
async fn a_state_file_brings_accounts_tokens_and_links_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("marzban.json");
    let options = Options { state_file: Some(file.clone()), ..options() };
    let mut bench = Bench::with(options.clone()).await;
    let made: Value = bench.create("reza_1").send().await.unwrap().json().await.unwrap();
    assert!(bench.simulator.traffic("reza_1", 600));
    let Bench { simulator, .. } = bench;
    simulator.stop().await;

    bench.simulator = Simulator::start(options).await.unwrap();
    let answer = bench.request(Method::GET, "/api/user/reza_1").send().await.unwrap();
    let found: Value = answer.json().await.unwrap();
    assert_eq!(found["proxies"], made["proxies"]);
    assert_eq!(found["used_traffic"], 600);
    assert_eq!(found["admin"]["users_usage"], 600);
    let link = made["subscription_url"].as_str().unwrap();
    assert_eq!(bench.status(Method::GET, link).await, 200);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no half-written file");
}

#[tokio::test]
async fn a_broken_state_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("marzban.json");
    std::fs::write(&file, "{\"users\":").unwrap();
    let options = Options { state_file: Some(file.clone()), ..options() };
    assert!(Simulator::start(options).await.is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"users\":");
}

#[tokio::test]
async fn the_background_review_follows_the_clock_of_the_simulator() {
    let options = Options { review_every: Some(Duration::from_secs(10)), ..options() };
    let bench = Bench::with(options).await;
    bench.create("reza_1").send().await.unwrap();
    bench.simulator.traffic("reza_1", 1000);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(bench.simulator.user("reza_1").unwrap().status, Status::Active);
    bench.clock.set(instant(NOON + 10_000_000));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(bench.simulator.user("reza_1").unwrap().status, Status::Limited);
}

#[tokio::test]
async fn a_user_can_be_set_up_from_outside() {
    let bench = Bench::new().await;
    bench.create("reza_1").send().await.unwrap();
    let found = bench.simulator.mutate("reza_1", |u| {
        u.used_traffic = 5;
        u.status = Status::Disabled;
    });
    assert!(found && !bench.simulator.mutate("nobody", |_| {}));
    let mut copy = bench.simulator.user("reza_1").unwrap();
    copy.username = "reza_2".to_owned();
    bench.simulator.put_user(copy);
    let answer = bench.request(Method::GET, "/api/user/reza_2").send().await.unwrap();
    let user: Value = answer.json().await.unwrap();
    assert_eq!((&user["status"], &user["used_traffic"]), (&json!("disabled"), &json!(5)));
    assert_eq!(bench.simulator.users().len(), 2);
}

#[tokio::test]
async fn the_subscription_link_is_new_every_second_and_the_old_ones_stay_good() {
    let bench = Bench::new().await;
    let first: Value = bench.create("reza_1").send().await.unwrap().json().await.unwrap();
    bench.clock.set(instant(NOON + 1_000_000));
    let answer = bench.request(Method::GET, "/api/user/reza_1").send().await.unwrap();
    let second: Value = answer.json().await.unwrap();
    assert_ne!(first["subscription_url"], second["subscription_url"]);
    for user in [first, second] {
        let link = user["subscription_url"].as_str().unwrap();
        assert_eq!(bench.status(Method::GET, link).await, 200);
    }
}

proptest::proptest! {
    #[test]
    fn the_username_rule_is_the_one_of_the_expression(name in "[a-c_@.\\-! \n]{0,40}") {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let body = name.strip_suffix('\n').unwrap_or(&name);
        let head: String = body.chars().take_while(|c| word(*c)).collect();
        let allowed = body.chars().all(|c| word(c) || matches!(c, '@' | '.' | '-'));
        let expected = head.len() >= 3 && head.len() <= 32 && allowed;
        proptest::prop_assert_eq!(validation::username_is_valid(&name), expected);
    }
}
