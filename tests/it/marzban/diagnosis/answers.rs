//! Who answers, our account there, and the rest of its machine.

use rad_panel::{
    calendar::Clock,
    demo::simulator::{Options, Simulator},
    marzban::{
        Settings,
        diagnosis::{Finding, Report, Subject, Weight, diagnose},
    },
};
use serde_json::{Value, json};

use super::{
    super::panel::{Panel, Reply, now, signed_in, user},
    finding, report,
    server::{answer, saying},
    settings,
};

/// Signs us in, and answers as a good panel but where the test says otherwise.
async fn good_but(path: &'static str, reply: impl Fn() -> Reply + Send + Sync + 'static) -> Report {
    let panel = Panel::start(move |seen| {
        let target = seen.target.split('?').next().unwrap_or_default();
        Some(match target {
            _ if target == path => reply(),
            "/api/admin" => Reply::Json(200, json!({"username": "root", "is_sudo": true, "users_usage": 0})),
            "/api/system" => Reply::Json(200, json!({"version": "0.8.4", "total_user": 3})),
            "/api/users" => Reply::Json(200, json!({"users": [], "total": 0})),
            _ => return None,
        })
    })
    .await;
    report(&Subject::new(settings(&panel.address))).await
}

async fn at(status: u16, head: &str, body: &str, path: &str) -> Finding {
    finding(&format!("http://{}{path}", saying(answer(status, head, body)).await)).await
}

#[tokio::test]
async fn whoever_answers_instead_of_the_panel_is_told_by_the_answer() {
    let html = "Content-Type: text/html; charset=utf-8\r\n";
    for (status, head, body, path, expected) in [
        (200, html, "<!doctype html><title>Marzban</title>", "/dashboard", Finding::WebPage),
        (404, html, "<h1>404</h1>", "", Finding::WebPage),
        (405, "", "\n <html>nginx</html>", "", Finding::WebPage),
        (404, "", r#"{"detail":"Not Found"}"#, "", Finding::WrongPath { has_path: false }),
        (404, "", r#"{"detail":"Not Found"}"#, "/panel", Finding::WrongPath { has_path: true }),
        (200, "", r#"{"ok":true}"#, "", Finding::Stranger { status: 200 }),
        (200, "", r#"{"access_token":"with a space"}"#, "", Finding::Stranger { status: 200 }),
        (422, "", r#"{"detail":{"username":"Field required"}}"#, "", Finding::Stranger { status: 422 }),
        (401, "WWW-Authenticate: Basic realm=x\r\n", "<h1>401</h1>", "", Finding::AnotherGate),
        (401, "", r#"{"detail":"Incorrect username or password"}"#, "", Finding::WrongPassword),
        (403, html, "<h1>403</h1>", "", Finding::Forbidden),
        (429, "", "", "", Finding::Throttled),
        (500, "", "Internal Server Error", "", Finding::ServerError { status: 500 }),
        (502, html, "<h1>502</h1>", "", Finding::BehindGateway { status: 502 }),
        (504, "", "", "", Finding::BehindGateway { status: 504 }),
    ] {
        assert_eq!(at(status, head, body, path).await, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn a_redirect_says_where_to_and_whether_it_only_asks_for_https() {
    let found = at(301, "Location: https://127.0.0.1/api/admin/token\r\n", "", "").await;
    assert_eq!(found, Finding::Redirected { to: "https://127.0.0.1".into(), is_secured: true });
    let found = at(308, "Location: https://elsewhere.example/x?key=s3cret\r\n", "", "").await;
    assert_eq!(found, Finding::Redirected { to: "https://elsewhere.example/x".into(), is_secured: false });
}

#[tokio::test]
async fn what_our_admin_may_and_lacks_is_told() {
    let admin = |is_sudo: bool, usage: Value| {
        move || Reply::Json(200, json!({"username": "root", "is_sudo": is_sudo, "users_usage": usage}))
    };
    let good = good_but("/nothing", || Reply::Broken).await;
    assert_eq!((good.findings.as_slice(), good.is_good()), (&[][..], true));
    let facts = &good.facts;
    assert_eq!((facts.version.as_deref(), facts.users, facts.is_sudo), (Some("0.8.4"), Some(3), Some(true)));
    assert_eq!(facts.protocols, ["trojan", "vless"]);
    assert!(facts.round_trip.is_some());
    let plain = good_but("/api/admin", admin(false, json!(0))).await;
    assert_eq!((plain.findings.as_slice(), plain.is_good()), (&[Finding::NotSudo][..], true));
    let of_the_environment = good_but("/api/admin", admin(true, Value::Null)).await;
    assert_eq!(of_the_environment.findings, [Finding::EnvironmentAdmin]);
    for empty in [json!({}), json!({"vless": []})] {
        let without = good_but("/api/inbounds", move || Reply::Json(200, empty.clone())).await;
        assert_eq!((without.findings.as_slice(), without.is_good()), (&[Finding::NoInbound][..], false));
    }
    let refused = good_but("/api/system", || Reply::Json(401, json!({"detail": "x"}))).await;
    assert_eq!((refused.findings.as_slice(), refused.is_good()), (&[Finding::TokenRefused][..], false));
    let strange = good_but("/api/inbounds", || Reply::Text(200, "no json".into())).await;
    assert_eq!(strange.findings, [Finding::Unread { path: "/api/inbounds" }]);
    // A row that poisons the list is no reason to be silent about the rest.
    assert_eq!(good_but("/api/users", || Reply::Text(500, "sorry".into())).await.findings, []);
}

#[tokio::test]
async fn accounts_that_are_on_after_their_end_betray_a_machine_that_is_not_in_utc() {
    let until = |seconds: i64| {
        move || {
            let expire = now().unix_timestamp() + seconds;
            Reply::Json(
                200,
                json!({"users": [user(json!({"expire": null})), user(json!({"expire": expire}))]}),
            )
        }
    };
    assert_eq!(good_but("/api/users", until(-3600)).await.findings, [Finding::EndsLate]);
    for fine in [-60, 0, 3600] {
        assert_eq!(good_but("/api/users", until(fine)).await.findings, [], "{fine}");
    }
}

/// The simulator with its own clock, seen by ours.
async fn simulated(options: Options, change: impl Fn(&mut Settings)) -> Report {
    let simulator = Simulator::start(options).await.unwrap();
    let mut settings = Settings {
        public_url: Some("https://panel.example.com".to_owned()),
        ..Settings::new(simulator.base_url(), simulator.username(), simulator.password())
    };
    change(&mut settings);
    diagnose(&Subject::new(settings), &Clock::fixed(now())).await.unwrap()
}

#[tokio::test]
async fn clocks_that_disagree_by_more_than_half_a_minute_are_told_with_the_difference() {
    for (seconds, told) in [(0, false), (25, false), (-25, false), (120, true), (-3600, true)] {
        let clock = Clock::fixed(now() + time::Duration::seconds(seconds));
        let report = simulated(Options::new(clock), |_| {}).await;
        let ahead = report.facts.clock_ahead.unwrap();
        assert!((ahead - seconds).abs() <= 2, "{seconds}: {ahead}");
        let expected = if told { vec![Finding::Clock { seconds: ahead }] } else { Vec::new() };
        assert_eq!(report.findings, expected, "{seconds}");
        assert!(report.is_good(), "accounts can be made nevertheless");
    }
}

#[tokio::test]
async fn a_token_that_tells_no_time_leaves_the_servers_date_to_tell_it() {
    let Reply::Json(_, token) = signed_in(1, None) else { unreachable!() };
    let date = now() + time::Duration::minutes(5);
    let date = date.format(&time::format_description::well_known::Rfc2822).unwrap();
    let head = format!("Date: {}\r\n", date.replace("+0000", "GMT"));
    let address = saying(answer(200, &head, &token.to_string())).await;
    let report = report(&Subject::new(settings(&format!("http://{address}")))).await;
    let ahead = report.facts.clock_ahead.unwrap();
    assert!((298..=302).contains(&ahead), "{ahead}");
    assert!(report.findings.contains(&Finding::Clock { seconds: ahead }), "{report:?}");
}

#[tokio::test]
async fn the_real_servers_answers_are_understood() {
    let report = simulated(Options::new(Clock::fixed(now())), |_| {}).await;
    assert_eq!(report.findings, []);
    assert_eq!(report.facts.version.as_deref(), Some("0.8.4"));
    let report =
        simulated(Options::new(Clock::fixed(now())), |settings| settings.password = "wrong".into()).await;
    assert_eq!((report.findings.as_slice(), report.is_good()), (&[Finding::WrongPassword][..], false));
    let environment = ("envsudo".to_owned(), "env-pass".to_owned());
    let options = Options { environment_admin: Some(environment), ..Options::new(Clock::fixed(now())) };
    let report = simulated(options, |settings| {
        settings.username = "envsudo".into();
        settings.password = "env-pass".into();
    })
    .await;
    assert_eq!(report.findings, [Finding::EnvironmentAdmin]);
    let report =
        simulated(Options { inbounds: Vec::new(), ..Options::new(Clock::fixed(now())) }, |_| {}).await;
    assert_eq!(report.findings, [Finding::NoInbound]);
}

#[tokio::test]
async fn links_that_no_customer_can_open_are_warned_of() {
    let links = async |public: Option<&str>| {
        let public = public.map(str::to_owned);
        simulated(Options::new(Clock::fixed(now())), |settings| settings.public_url.clone_from(&public))
            .await
            .findings
    };
    assert!(
        matches!(&links(None).await[..], [Finding::LinksPrivate { address }] if address.starts_with("http://127.0.0.1:"))
    );
    for private in ["http://marzban:8000", "https://10.1.2.3", "http://[::1]:8000", "http://panel.local"] {
        let found = links(Some(private)).await;
        assert_eq!(found, [Finding::LinksPrivate { address: private.into() }]);
        assert_eq!(found[0].weight(), Weight::Warn);
    }
    assert_eq!(links(Some("https://203.0.113.7:8443/panel")).await, []);
    let absolute = good_but("/api/users", || {
        Reply::Json(200, json!({"users": [user(json!({"subscription_url": "https://sub.example/s/1"}))]}))
    });
    assert_eq!(absolute.await.findings, []);
}
