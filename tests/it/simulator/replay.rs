//! Replays the recordings in `tests/data/marzban`, in order, on one simulator whose clock follows them.
//!
//! In an expected answer `<key n>` and `<sub n>` stand for a secret and a subscription token: each is bound when
//! first seen and must differ from all others, later it must be the same. `$user` and `$info` are user objects
//! without the fields that have their usual value.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rad_panel::calendar::Clock;
use rad_panel::demo::simulator::state::Inbound;
use rad_panel::demo::simulator::user::Protocol;
use rad_panel::demo::simulator::{Options, Simulator};
use serde_json::{Map, Value, json};

use super::{client, instant, options};

struct Replay {
    simulator: Simulator,
    client: reqwest::Client,
    clock: Clock,
    tokens: BTreeMap<String, String>,
    /// Placeholder → what it stands for here.
    bound: BTreeMap<String, String>,
    failures: Vec<String>,
    exchanges: usize,
}

pub async fn all() {
    let clock = Clock::fixed(instant(1_795_382_600_000_000));
    let options = Options {
        environment_admin: Some(("envsudo".to_owned(), "envsudo-pass-1".to_owned())),
        clock: clock.clone(),
        ..options()
    };
    let mut replay = Replay {
        simulator: Simulator::start(options).await.unwrap(),
        client: client(),
        clock,
        tokens: BTreeMap::new(),
        bound: BTreeMap::new(),
        failures: Vec::new(),
        exchanges: 0,
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/marzban");
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    for file in files {
        let steps: Vec<Value> = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for step in &steps {
            replay.step(step).await;
        }
    }
    let failures = &replay.failures;
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
    assert!(replay.exchanges >= 500, "only {} exchanges", replay.exchanges);
}

impl Replay {
    async fn step(&mut self, step: &Value) {
        if let Some(at) = step["at"].as_i64() {
            self.clock.set(instant(at));
        }
        if let Some(at) = step["review"].as_i64() {
            self.simulator.review(instant(at));
        } else if let Some([name, bytes]) = step["traffic"].as_array().map(Vec::as_slice) {
            let known = self.simulator.traffic(name.as_str().unwrap(), bytes.as_i64().unwrap());
            assert!(known, "{step}");
        } else if let Some(name) = step["delete"].as_str() {
            let url = format!("{}/api/user/{name}", self.simulator.base_url());
            let token = self.token("root");
            self.client.delete(url).bearer_auth(token).send().await.unwrap();
        } else if let Some(tags) = step["inbounds"].as_array() {
            let mut all = Inbound::recorded();
            all.push(Inbound::new("VLESS NEW", Protocol::Vless, "tcp", "none", 21006));
            all.retain(|i| tags.contains(&json!(i.tag)));
            self.simulator.set_inbounds(all);
        } else {
            self.exchange(step).await;
        }
    }

    async fn exchange(&mut self, step: &Value) {
        self.exchanges += 1;
        let response = self.request(step).send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
        let header = |name: &str| headers.get(name).and_then(|h| h.to_str().ok()).unwrap_or("");
        let mut wrong = Vec::new();
        let mut check = |what: &str, actual: &str, expected: &str| {
            if actual != expected {
                wrong.push(format!("{what}: {actual} instead of {expected}"));
            }
        };
        check("status", &status.to_string(), &step["status"].to_string());
        if status == 401 {
            check("www-authenticate", header("www-authenticate"), "Bearer");
        }
        if let Some(location) = step["location"].as_str() {
            let expected = format!("{}{location}", self.simulator.base_url());
            check("location", header("location"), &expected);
        }
        for (name, expected) in step["shown"].as_object().into_iter().flatten() {
            check(name, header(name), expected.as_str().unwrap());
        }
        match step["text"].as_str() {
            Some("<any>") => {}
            Some("<html>") => check("type", header("content-type"), "text/html; charset=utf-8"),
            Some("<list>") => {
                check("type", header("content-type"), "text/plain; charset=utf-8");
                let links = String::from_utf8(STANDARD.decode(&text).unwrap()).unwrap();
                let plain = links.is_empty() || links.lines().all(|l| l.contains("://"));
                check("list of links", &plain.to_string(), "true");
            }
            Some(expected) => check("text", &text, expected),
            None => {
                check("type", header("content-type"), "application/json");
                let actual = serde_json::from_str(&text).unwrap_or(Value::from(text));
                self.compare("", actual, &step["answer"], &mut wrong);
            }
        }
        if !wrong.is_empty() {
            let title = format!("#{} {} {}", step["n"], step["send"], step["note"]);
            self.failures.push(format!("{title}\n    {}", wrong.join("\n    ")));
        }
    }

    fn request(&mut self, step: &Value) -> reqwest::RequestBuilder {
        let filled = self.fill(step);
        let [method, path] = filled["send"].as_array().unwrap().as_slice() else {
            panic!("no request in {step}");
        };
        let url = format!("{}{}", self.simulator.base_url(), path.as_str().unwrap());
        let method = method.as_str().unwrap().parse().unwrap();
        let mut request = self.client.request(method, url);
        if let Some(name) = filled["as"].as_str() {
            request = request.header("authorization", self.authorization(name));
        }
        if filled["headers"]["User-Agent"].is_null() {
            request = request.header("user-agent", "probe/1");
        }
        for (name, value) in filled["headers"].as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().unwrap());
        }
        if let Some(kind) = filled["type"].as_str() {
            request = request.header("content-type", kind);
        }
        if let Some(text) = filled["raw"].as_str() {
            request = request.body(text.to_owned());
        }
        if let Some(fields) = filled["form"].as_object() {
            request = request.form(fields);
        }
        match filled.get("body") {
            Some(body) => request.json(body),
            None => request,
        }
    }

    /// The header for a name in the recordings; a token is made when its name first comes up.
    fn authorization(&mut self, name: &str) -> String {
        let scheme = match name.split_once(' ') {
            Some(("bearer", _)) => return format!("bearer {}", self.token("root")),
            Some(("Bearer" | "Basic", _)) => return name.to_owned(),
            _ => "Bearer",
        };
        format!("{scheme} {}", self.token(name))
    }

    fn token(&mut self, name: &str) -> String {
        let now = self.simulator.now().unix_timestamp();
        let day = 86_400;
        let claims = match name {
            "expired" => json!({"sub": "root", "access": "sudo", "iat": now - 2 * day, "exp": now - day}),
            "noexp" => json!({"sub": "root", "access": "sudo", "iat": now}),
            "future" => json!({"sub": "root", "access": "sudo", "iat": now + 30, "exp": now + day}),
            "e2" => json!({"sub": "envsudo", "access": "sudo", "iat": now, "exp": now + day}),
            _ => {
                let sub = name.split(' ').next().unwrap().trim_end_matches("1n").to_owned();
                let sub = if name == "agent1n" { "agent1".to_owned() } else { sub };
                json!({"sub": sub, "access": "sudo", "iat": now, "exp": now + day})
            }
        };
        let fresh = || self.simulator.sign(&claims);
        self.tokens.entry(name.to_owned()).or_insert_with(fresh).clone()
    }

    /// A step with its placeholders replaced by what they stand for.
    fn fill(&self, step: &Value) -> Value {
        let mut text = step.to_string();
        for (placeholder, actual) in &self.bound {
            text = text.replace(placeholder, actual);
        }
        serde_json::from_str(&text).unwrap()
    }

    fn compare(&mut self, at: &str, actual: Value, expected: &Value, wrong: &mut Vec<String>) {
        match (actual, expected) {
            (actual, Value::Object(map)) if map.len() == 1 && map.contains_key("$user") => {
                self.compare_user(at, actual, &usual(&map["$user"], true), wrong);
            }
            (actual, Value::Object(map)) if map.len() == 1 && map.contains_key("$info") => {
                self.compare_user(at, actual, &usual(&map["$info"], false), wrong);
            }
            (Value::Object(mut actual), Value::Object(expected)) => {
                let more = expected.get("$more").and_then(Value::as_u64).unwrap_or(0);
                if let (true, Some(Value::Array(users))) = (more > 0, actual.get_mut("users")) {
                    let shown = expected["users"].as_array().unwrap().len();
                    if users.len() as u64 != shown as u64 + more {
                        wrong.push(format!("{at}: {} users instead of {}", users.len(), shown as u64 + more));
                    }
                    users.truncate(shown);
                }
                for (key, expected) in expected.iter().filter(|(k, _)| *k != "$more") {
                    match actual.remove(key) {
                        Some(actual) => self.compare(&format!("{at}.{key}"), actual, expected, wrong),
                        None => wrong.push(format!("{at}.{key} is missing")),
                    }
                }
                wrong.extend(actual.keys().map(|key| format!("{at}.{key} is too much")));
            }
            (Value::Array(actual), Value::Array(expected)) if actual.len() == expected.len() => {
                for (i, (actual, expected)) in actual.into_iter().zip(expected).enumerate() {
                    self.compare(&format!("{at}[{i}]"), actual, expected, wrong);
                }
            }
            (actual, expected) => {
                if !self.same(&actual, expected) {
                    wrong.push(format!("{at}: {actual} instead of {expected}"));
                }
            }
        }
    }

    fn compare_user(&mut self, at: &str, mut actual: Value, expected: &Value, wrong: &mut Vec<String>) {
        let Some(links) = actual["links"].as_array().cloned() else {
            wrong.push(format!("{at}: {actual} instead of a user"));
            return;
        };
        actual["links"] = match expected["links"] {
            Value::Number(_) => json!(links.len()),
            _ => links.iter().map(|l| readable(l.as_str().unwrap())).collect(),
        };
        let mut expected = expected.clone();
        // The secrets are bound by `proxies`, the links only repeat them.
        let links = expected["links"].take();
        let shown = actual["links"].take();
        self.compare(at, actual, &expected, wrong);
        let links = self.fill(&links);
        if shown != links {
            wrong.push(format!("{at}.links: {shown} instead of {links}"));
        }
    }

    fn same(&mut self, actual: &Value, expected: &Value) -> bool {
        let (Some(text), Some(pattern)) = (actual.as_str(), expected.as_str()) else {
            return actual == expected || (expected == "<number>" && actual.is_number());
        };
        match pattern {
            "<token>" => text.split('.').count() == 3,
            "<time>" => text.len() >= 19 && text.as_bytes()[10] == b'T' && !text.ends_with('Z'),
            _ if pattern.starts_with('<') => self.bind(pattern, text),
            _ if pattern.starts_with("/sub/<") => {
                text.strip_prefix("/sub/").is_some_and(|t| self.bind(&pattern[5..], t))
            }
            _ => text == pattern,
        }
    }

    fn bind(&mut self, placeholder: &str, actual: &str) -> bool {
        match self.bound.get(placeholder) {
            // A link changes every second, and the seconds between two exchanges aren't in the recordings.
            Some(_) if placeholder.starts_with("<sub") => true,
            Some(known) => known == actual,
            None => {
                let taken = self.bound.values().any(|known| known == actual);
                self.bound.insert(placeholder.to_owned(), actual.to_owned());
                !taken || placeholder.starts_with("<sub")
            }
        }
    }
}

/// A recorded user with the fields of usual value put back.
fn usual(sparse: &Value, whole: bool) -> Value {
    let mut user = json!({
        "expire": null, "data_limit": null, "data_limit_reset_strategy": "no_reset",
        "sub_updated_at": null, "sub_last_user_agent": null, "online_at": null,
        "on_hold_expire_duration": null, "on_hold_timeout": null, "next_plan": null,
        "status": "active", "used_traffic": 0, "lifetime_used_traffic": 0,
    });
    if whole {
        let none: Map<String, Value> =
            sparse["proxies"].as_object().unwrap().keys().map(|p| (p.clone(), json!([]))).collect();
        user["note"] = Value::Null;
        user["auto_delete_in_days"] = Value::Null;
        user["inbounds"] = json!({"vless": ["VLESS TCP", "VLESS TCP REALITY"]});
        user["excluded_inbounds"] = Value::Object(none);
        user["admin"] = json!(["root", true, 0]);
    }
    for (key, value) in sparse.as_object().unwrap() {
        user[key] = value.clone();
    }
    if let Some([name, sudo, usage]) = user["admin"].as_array().map(Vec::as_slice) {
        user["admin"] = json!({
            "username": name, "is_sudo": sudo, "telegram_id": null, "discord_webhook": null,
            "users_usage": usage,
        });
    }
    user
}

/// A share link with its encoded part decoded.
fn readable(link: &str) -> String {
    let decode = |s: &str| String::from_utf8(STANDARD.decode(s).unwrap()).unwrap();
    if let Some(config) = link.strip_prefix("vmess://") {
        let config: BTreeMap<String, Value> = serde_json::from_str(&decode(config)).unwrap();
        return format!("vmess://{}", json!(config));
    }
    match link.strip_prefix("ss://").and_then(|l| l.split_once('@')) {
        Some((secret, rest)) => format!("ss://{}@{rest}", decode(secret)),
        None => link.to_owned(),
    }
}
