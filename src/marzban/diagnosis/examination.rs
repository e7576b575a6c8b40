//! The steps in their order; the first that leads nowhere is the last.

use std::{collections::BTreeMap, net::IpAddr, time::Instant};

use reqwest::{Client, RequestBuilder, Url};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Finding, Report, SKEW, Subject,
    answers::{self, Answer, Token},
    errors, route,
};
use crate::calendar::Clock;

/// Longer answers are not read: none of those asked for is.
const LONGEST_ANSWER: usize = 1 << 20;
/// An account that is so much past its end, and still on, is not just waiting for the next look at it. Seconds.
const OVERDUE: i64 = 120;
/// How many accounts are looked at, those first that end first.
const LOOKED_AT: u8 = 30;

/// One look at one panel.
pub struct Examination<'a> {
    pub subject: &'a Subject,
    pub http: Client,
    pub base: Url,
    /// The same without a final slash, for the paths to follow.
    pub root: String,
    pub proxy: Option<Url>,
    pub clock: &'a Clock,
}

#[derive(Deserialize)]
struct Me {
    is_sudo: bool,
    /// One from the panel's environment has none.
    users_usage: Option<i64>,
}

#[derive(Deserialize)]
struct System {
    version: String,
    total_user: u64,
}

#[derive(Deserialize)]
struct Users {
    users: Vec<User>,
}

#[derive(Deserialize)]
struct User {
    expire: Option<i64>,
    #[serde(default)]
    subscription_url: String,
}

impl Examination<'_> {
    /// Writes down what is found, as it is found.
    pub async fn run(&self, report: &mut Report) {
        let token = match self.sign_in(report).await {
            Ok(token) => token,
            Err(finding) => return report.findings.push(finding),
        };
        if let Err(finding) = self.look_around(&token.text, report).await {
            report.findings.push(finding);
        }
        if let Some(seconds) = report.facts.clock_ahead.filter(|seconds| seconds.abs() > SKEW) {
            report.findings.push(Finding::Clock { seconds });
        }
    }

    async fn sign_in(&self, report: &mut Report) -> Result<Token, Finding> {
        let settings = &self.subject.settings;
        route::knock(&self.base, self.proxy.as_ref(), settings.connect_timeout).await?;
        let form = [("username", settings.username.as_str()), ("password", settings.password.as_str())];
        let answer = self.ask(self.http.post(format!("{}/api/admin/token", self.root)).form(&form)).await?;
        let token = answers::token(&answer, &self.base, self.is_relayed())?;
        let by_token = token.issued_at.map(|issued| issued - answer.at.unix_timestamp());
        report.facts.clock_ahead = by_token.or_else(|| answer.clock_ahead());
        Ok(token)
    }

    async fn look_around(&self, token: &str, report: &mut Report) -> Result<(), Finding> {
        let me: Me = self.read("/api/admin", token).await?;
        report.facts.is_sudo = Some(me.is_sudo);
        if me.is_sudo && me.users_usage.is_none() {
            report.findings.push(Finding::EnvironmentAdmin);
        }
        if !me.is_sudo {
            report.findings.push(Finding::NotSudo);
        }
        let began = Instant::now();
        let system: System = self.read("/api/system", token).await?;
        report.facts.round_trip = Some(began.elapsed());
        report.facts.version = Some(system.version);
        report.facts.users = Some(system.total_user);
        let inbounds: BTreeMap<String, Vec<serde_json::Value>> = self.read("/api/inbounds", token).await?;
        let used = inbounds.into_iter().filter(|(_, inbounds)| !inbounds.is_empty());
        report.facts.protocols = used.map(|(protocol, _)| protocol).collect();
        if report.facts.protocols.is_empty() {
            report.findings.push(Finding::NoInbound);
        }
        // A row that Marzban itself can't show spoils this list, and is told of elsewhere.
        let query = format!("/api/users?status=active&sort=expire&limit={LOOKED_AT}");
        let active = self.read_at::<Users>(&query, "/api/users", token).await;
        let active = active.map(|list| list.users).unwrap_or_default();
        let late = self.clock.now().unix_timestamp() + report.facts.clock_ahead.unwrap_or(0) - OVERDUE;
        if active.iter().any(|user| user.expire.is_some_and(|expire| expire > 0 && expire < late)) {
            report.findings.push(Finding::EndsLate);
        }
        let completes_links = active.first().is_none_or(|user| user.subscription_url.starts_with('/'));
        report.findings.extend(self.private_links().filter(|_| completes_links));
        Ok(())
    }

    /// The address of the links, where no customer can reach it.
    fn private_links(&self) -> Option<Finding> {
        let given = self.subject.settings.public_url.as_deref().and_then(|url| Url::parse(url).ok());
        let url = given.unwrap_or_else(|| self.base.clone());
        let host = url.host_str()?.trim_matches(['[', ']']).to_ascii_lowercase();
        is_private(&host).then(|| Finding::LinksPrivate { address: url.origin().ascii_serialization() })
    }

    async fn read<T: DeserializeOwned>(&self, path: &'static str, token: &str) -> Result<T, Finding> {
        self.read_at(path, path, token).await
    }

    async fn read_at<T: DeserializeOwned>(
        &self,
        path: &str,
        told: &'static str,
        token: &str,
    ) -> Result<T, Finding> {
        let answer = self.ask(self.http.get(format!("{}{path}", self.root)).bearer_auth(token)).await?;
        if answer.status != 200 {
            return Err(answers::refused(answer.status, told));
        }
        serde_json::from_slice(&answer.body).map_err(|_| Finding::Unread { path: told })
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Answer, Finding> {
        let (sent, began) = (self.clock.now(), Instant::now());
        let patience = self.subject.settings.total_timeout;
        let answer = tokio::time::timeout(patience, async {
            let mut response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            // When it was made, not when all of it had come.
            let took = began.elapsed();
            let mut body = Vec::new();
            while body.len() < LONGEST_ANSWER
                && let Some(chunk) = response.chunk().await?
            {
                body.extend_from_slice(&chunk);
            }
            Ok(Answer { status, headers, body, at: sent + took / 2 })
        });
        let place = route::address_of(&self.base);
        match answer.await {
            Err(_) => Err(answers::too_late(&place)),
            Ok(Err(error)) => Err(self.meaning(&error, &place)),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    fn meaning(&self, error: &reqwest::Error, place: &str) -> Finding {
        errors::meaning(error, self.proxy.is_some(), self.base.host_str().unwrap_or_default(), place)
    }

    /// Answers come through an HTTP proxy that reads them.
    fn is_relayed(&self) -> bool {
        self.base.scheme() == "http"
            && self.proxy.as_ref().is_some_and(|proxy| proxy.scheme().starts_with("http"))
    }
}

/// Whether a host is one that only this machine, or its own network, knows.
fn is_private(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified()
        }
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => {
            let ends = [".local", ".localhost", ".internal", ".lan", ".home.arpa"];
            !host.contains('.') || ends.iter().any(|end| host.ends_with(end))
        }
    }
}
