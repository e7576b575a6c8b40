//! Marzban, looked at from the machine that the panel runs on.

use std::process::ExitCode;

use rad_panel::{
    calendar::Clock,
    config::{MarzbanConfig, Values},
    locale::{Language, Tr},
    marzban::{
        Settings,
        diagnosis::{self, Subject, Weight},
    },
};

/// Says what stands between this machine and Marzban; the exit code is 1 where no account can be made.
pub async fn check_marzban(values: &Values) -> anyhow::Result<ExitCode> {
    let config = MarzbanConfig::from_values(values)?;
    let is_proxied = if config.url.scheme() == "https" { &config.https_proxy } else { &config.http_proxy };
    let way = if is_proxied.is_some() { "through the proxy" } else { "directly" };
    println!("Marzban at {} as {}, {way}:", config.url, config.username);
    let report = diagnosis::diagnose(&Subject::new(Settings::from(&config)), &Clock::system()).await?;
    let t = Tr::new(Language::En);
    for (label, value) in report.facts.words(&t) {
        println!("  {label}: {value}");
    }
    for finding in &report.findings {
        let weight = match finding.weight() {
            Weight::Bad => "error",
            Weight::Warn => "warning",
            Weight::Note => "note",
        };
        println!("{weight}: {}\n  {}", finding.title(&t), finding.advice(&t));
    }
    let (verdict, code) = match report.is_good() {
        true => (t.diagnosis_good(), ExitCode::SUCCESS),
        false => (t.diagnosis_bad(), ExitCode::FAILURE),
    };
    println!("{verdict}");
    Ok(code)
}
