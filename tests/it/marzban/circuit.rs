//! The circuit: an absent panel is left in peace, and found again by a probe.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rad_panel::{
    calendar::Clock,
    demo::simulator::{Options, Simulator},
    ids::OrderId,
    marzban::{self, Settings},
    panel::{Attempt, Cause, NewAccount, Outcome, Probing, Reach, Server, Validity},
};
use serde_json::json;

use super::panel::{Panel, Reply, now};

/// Long enough for fifty calls that are held back, also where others need the processor.
const PAUSE: Duration = Duration::from_secs(1);

fn hasty(settings: Settings) -> Settings {
    Settings {
        retry_for: Duration::ZERO,
        probing: Probing { first_after: PAUSE, longest_pause: 2 * PAUSE },
        ..settings
    }
}

async fn absent() -> (Simulator, Server) {
    let clock = Clock::fixed(now());
    let simulator = Simulator::start(Options::new(clock.clone())).await.unwrap();
    let settings = Settings::new(simulator.base_url(), simulator.username(), simulator.password());
    let client = marzban::server(&hasty(settings), clock).unwrap();
    simulator.down().await;
    (simulator, client)
}

async fn fail(client: &Server, times: usize, cause: Cause) {
    for _ in 0..times {
        assert_eq!(client.account("sara_1").await, Outcome::Unknown(cause));
    }
}

#[tokio::test]
async fn five_failures_in_a_row_hold_further_calls_back_until_a_probe_finds_the_panel() {
    let (simulator, client) = absent().await;
    assert_eq!(client.reach(), Reach::Open);
    fail(&client, 4, Cause::ConnectFailed).await;
    assert_eq!(client.reach(), Reach::Doubtful);
    fail(&client, 1, Cause::ConnectFailed).await;
    assert_eq!(client.reach(), Reach::Away { since: now(), cause: Cause::ConnectFailed });
    assert!(client.reach().is_shut());

    simulator.up().await.unwrap();
    simulator.forget_requests();
    let began = Instant::now();
    fail(&client, 50, Cause::CircuitOpen).await;
    assert!(began.elapsed() < PAUSE / 2 && simulator.requests().is_empty(), "nothing was sent");

    tokio::time::sleep(PAUSE).await;
    assert_eq!(client.account("sara_1").await, Outcome::Done(None));
    assert_eq!(client.reach(), Reach::Open);
    let paths: Vec<String> = simulator.requests().into_iter().map(|arrival| arrival.path).collect();
    assert_eq!(paths, ["/api/admin/token", "/api/system", "/api/user/sara_1"], "the probe comes first");
}

#[tokio::test]
async fn what_the_circuit_says_by_itself_is_never_a_refusal() {
    let (simulator, client) = absent().await;
    fail(&client, 5, Cause::ConnectFailed).await;
    simulator.up().await.unwrap();
    simulator.forget_requests();
    let open = Cause::CircuitOpen;
    let mut new = NewAccount {
        username: "sara_1".to_owned(),
        validity: Validity::For { seconds: 60 },
        data_limit_bytes: None,
        order: OrderId(1),
    };
    assert_eq!(client.create_account(&new, Attempt::First).await, Outcome::Unknown(open));
    // Not even what would be refused without asking.
    "no name".clone_into(&mut new.username);
    assert_eq!(client.create_account(&new, Attempt::Again).await, Outcome::Unknown(open));
    assert_eq!(client.set_enabled("sara_1", false).await, Outcome::Unknown(open));
    assert_eq!(client.delete_account("sara_1").await, Outcome::Unknown(open));
    assert_eq!(client.revoke_subscription("sara_1").await, Outcome::Unknown(open));
    assert_eq!(client.accounts(&["sara_1"]).await, Outcome::Unknown(open));
    assert!(simulator.requests().is_empty());
    // An admin who asks how it is gets the truth, and everyone else with her.
    assert!(client.health().await.reachable);
    assert_eq!(client.account("sara_1").await, Outcome::Done(None));
}

#[tokio::test]
async fn of_many_callers_one_probes_and_the_pause_grows() {
    let panel = Panel::start(|seen| (seen.method == "GET").then(|| Reply::Text(500, "oh".into()))).await;
    let client = marzban::server(&hasty(panel.settings()), Clock::fixed(now())).unwrap();
    fail(&client, 5, Cause::Server5xx).await;
    tokio::time::sleep(PAUSE).await;
    let outcomes = join_all((0..20).map(|_| client.account("sara_1"))).await;
    let held = outcomes.iter().filter(|outcome| **outcome == Outcome::Unknown(Cause::CircuitOpen)).count();
    assert_eq!((held, panel.count("GET", "/api/system")), (19, 1));
    // Twice as long, less at most three tenths.
    tokio::time::sleep(PAUSE).await;
    fail(&client, 1, Cause::CircuitOpen).await;
    tokio::time::sleep(PAUSE).await;
    fail(&client, 1, Cause::Server5xx).await;
    assert_eq!(panel.count("GET", "/api/system"), 2);
}

#[tokio::test]
async fn a_broken_account_does_not_keep_the_circuit_open() {
    let panel = Panel::start(|seen| match seen.target.as_str() {
        "/api/system" => Some(Reply::Json(200, json!({"version": "0.8.4", "total_user": 1}))),
        "/api/user/sara_1" => Some(Reply::Text(500, "Internal Server Error".into())),
        _ => None,
    })
    .await;
    let client = marzban::server(&hasty(panel.settings()), Clock::fixed(now())).unwrap();
    fail(&client, 5, Cause::Server5xx).await;
    tokio::time::sleep(PAUSE).await;
    fail(&client, 1, Cause::Server5xx).await;
    assert_eq!(client.account("sara_2").await, Outcome::Done(None));
}

#[tokio::test]
async fn an_answer_of_any_kind_ends_a_row_of_failures() {
    let is_ill = Arc::new(AtomicBool::new(true));
    let ill = Arc::clone(&is_ill);
    let panel = Panel::start(move |seen| {
        (seen.method == "GET" && ill.load(SeqCst)).then(|| Reply::Text(500, "oh".into()))
    })
    .await;
    let client = marzban::server(&hasty(panel.settings()), Clock::fixed(now())).unwrap();
    for _ in 0..3 {
        is_ill.store(true, SeqCst);
        fail(&client, 4, Cause::Server5xx).await;
        is_ill.store(false, SeqCst);
        assert_eq!(client.account("sara_1").await, Outcome::Done(None));
        assert_eq!(client.reach(), Reach::Open);
    }
}

#[tokio::test]
async fn refused_credentials_are_another_state_than_absence() {
    let panel = Panel::start(|seen| {
        seen.is("POST", "/api/admin/token")
            .then(|| Reply::Json(401, json!({"detail": "Incorrect username or password"})))
    })
    .await;
    let clock = Clock::fixed(now());
    let client = marzban::server(&hasty(panel.settings()), clock.clone()).unwrap();
    fail(&client, 10, Cause::Unauthorized).await;
    clock.advance(time::Duration::minutes(5));
    fail(&client, 1, Cause::Unauthorized).await;
    assert_eq!(client.reach(), Reach::CredentialsRefused { since: now() });
    assert_eq!(panel.sign_ins(), 1);
    assert_eq!(Settings::new("http://x", "a", "b").sign_in_pause, Duration::from_secs(600));
}

#[tokio::test]
async fn whoever_watches_hears_of_each_change_once() {
    let (simulator, client) = absent().await;
    let mut watch = client.watch();
    fail(&client, 5, Cause::ConnectFailed).await;
    assert!(watch.has_changed().unwrap());
    assert!(matches!(*watch.borrow_and_update(), Reach::Away { .. }));
    fail(&client, 5, Cause::CircuitOpen).await;
    assert!(!watch.has_changed().unwrap());
    simulator.up().await.unwrap();
    client.probe().await;
    assert_eq!(*watch.borrow_and_update(), Reach::Open);
}
