//! The diagnosis, against servers that are wrong in each way: every finding has one.

mod answers;
mod route;
mod server;

use std::time::Duration;

use rad_panel::{
    calendar::Clock,
    marzban::{
        Settings,
        diagnosis::{Finding, Report, Subject, diagnose},
    },
};

use super::panel::{PASSWORD, now};

fn settings(base_url: &str) -> Settings {
    Settings {
        connect_timeout: Duration::from_millis(700),
        total_timeout: Duration::from_secs(3),
        // What is wrong with the links has its own test.
        public_url: Some("https://panel.example.com".to_owned()),
        ..Settings::new(base_url, "root", PASSWORD)
    }
}

async fn report(subject: &Subject) -> Report {
    let report = diagnose(subject, &Clock::fixed(now())).await.unwrap();
    let told = format!("{report:?} {subject:?}");
    assert!(!told.contains(PASSWORD) && !told.contains("p%C3%A4") && !told.contains("pä:ss"), "{told}");
    report
}

/// What is found at this address; nothing else than one thing.
async fn finding(base_url: &str) -> Finding {
    only(report(&Subject::new(settings(base_url))).await)
}

/// What is found on the way through this proxy.
async fn finding_through(base_url: &str, proxy: &str) -> Finding {
    let proxied = Settings {
        http_proxy: Some(proxy.to_owned()),
        https_proxy: Some(proxy.to_owned()),
        ..settings(base_url)
    };
    only(report(&Subject::new(proxied)).await)
}

fn only(report: Report) -> Finding {
    let [finding] = &report.findings[..] else { panic!("{report:?}") };
    finding.clone()
}
