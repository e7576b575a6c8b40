//! Reading the body of a create or a change as Marzban's models do: what is cast, what is refused, and what crashes.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::answers::Refusal;
use super::formats::{iso, listed, uuid_error};
use super::state::State;
use super::user::{NextPlan, Protocol, Proxy, Status};

const BAD_USERNAME: &str =
    "Value error, Username only can be 3 to 32 characters and contain a-z, 0-9, and underscores in between.";
const NO_HOLD: &str = "Value error, User cannot be on hold without a valid on_hold_expire_duration.";
const STRATEGIES: [&str; 5] = ["no_reset", "day", "week", "month", "year"];
const NOT_AN_OBJECT: &str = "Input should be a valid dictionary or object to extract fields from";

/// Which of the two bodies is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Create,
    Modify,
}

/// A valid body. `None` is "absent or null"; for `proxies` and `inbounds` it is "absent".
#[derive(Debug, Default)]
pub struct Draft {
    pub username: String,
    pub proxies: Option<Vec<Proxy>>,
    pub inbounds: Option<BTreeMap<Protocol, Vec<String>>>,
    pub expire: Option<i64>,
    pub data_limit: Option<i64>,
    pub data_limit_reset_strategy: Option<String>,
    pub note: Option<String>,
    pub status: Option<Status>,
    pub on_hold_expire_duration: Option<i64>,
    pub on_hold_timeout: Option<OffsetDateTime>,
    pub auto_delete_in_days: Option<i64>,
    /// The inner `None` is a plan without `data_limit`, which the database refuses.
    pub next_plan: Option<Option<NextPlan>>,
}

/// Marzban's rule for new names, linear instead of its backtracking expression: the name begins with a run of
/// 3 to 32 word characters; after it `-`, `@` and `.` are allowed too, to any length; one final line break passes.
pub fn username_is_valid(name: &str) -> bool {
    let name = name.strip_suffix('\n').unwrap_or(name);
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let run = name.chars().take_while(|c| word(*c)).count();
    (3..=32).contains(&run) && name.chars().all(|c| word(c) || "@.-".contains(c))
}

/// The JSON object in a body.
///
/// # Errors
/// 422 in the recorded shapes for an empty, malformed, wrongly typed or non-object body.
pub fn object(headers: &HeaderMap, body: &Bytes) -> Result<Map<String, Value>, Refusal> {
    if body.is_empty() {
        return Err(Refusal::field("body", "Field required"));
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|h| h.to_str().ok());
    if kind.is_some_and(|kind| !kind.contains("json")) {
        return Err(Refusal::field("body", NOT_AN_OBJECT));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::field("body", NOT_AN_OBJECT)),
        Err(e) => {
            let before: usize =
                body.split_inclusive(|b| *b == b'\n').take(e.line() - 1).map(<[u8]>::len).sum();
            let column = if e.is_eof() { e.column() } else { e.column() - 1 };
            Err(Refusal::field(&(before + column).to_string(), "JSON decode error"))
        }
    }
}

/// Reads a body against the core's inbounds.
///
/// # Errors
/// [`Refusal::Fields`] with every invalid field, or [`Refusal::Crash`] where Marzban's validators raise.
pub fn read(form: Form, body: &Map<String, Value>, state: &State) -> Result<Draft, Refusal> {
    let mut r = Reader { body, errors: Map::new(), overflow: false };
    let mut draft = Draft {
        proxies: r.proxies(form)?,
        expire: r.int("expire"),
        data_limit: r.data_limit(),
        data_limit_reset_strategy: r.choice("data_limit_reset_strategy", &STRATEGIES),
        note: r.note(),
        on_hold_expire_duration: r.int("on_hold_expire_duration").filter(|d| *d != 0),
        on_hold_timeout: r.instant("on_hold_timeout"),
        auto_delete_in_days: r.int("auto_delete_in_days"),
        next_plan: r.next_plan(),
        ..Draft::default()
    };
    draft.inbounds = r.inbounds(form, draft.proxies.as_deref(), state)?;
    if form == Form::Create {
        draft.username = r.username();
    }
    draft.status = r.status(form, &draft);
    if !r.errors.is_empty() {
        return Err(Refusal::Fields(r.errors));
    }
    if r.overflow {
        return Err(Refusal::Crash);
    }
    Ok(draft)
}

struct Reader<'a> {
    body: &'a Map<String, Value>,
    errors: Map<String, Value>,
    /// A number fits Python but not the database's 64 bits.
    overflow: bool,
}

impl Reader<'_> {
    fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.errors.insert(field.to_owned(), Value::from(message.into()));
    }

    fn given(&self, field: &str) -> Option<&Value> {
        self.body.get(field).filter(|v| !v.is_null())
    }

    fn int(&mut self, field: &str) -> Option<i64> {
        let value = self.given(field)?.clone();
        self.cast(field, &value)
    }

    /// Pydantic's lax integer: whole floats, numeric strings and booleans pass.
    fn cast(&mut self, field: &str, value: &Value) -> Option<i64> {
        let result = match value {
            Value::Bool(b) => Ok(i64::from(*b)),
            Value::Number(n) => match (n.as_i64(), n.as_f64()) {
                (Some(n), _) => Ok(n),
                (None, Some(f)) if f.fract() != 0.0 => {
                    Err("Input should be a valid integer, got a number with a fractional part")
                }
                (None, Some(f)) if f.abs() < 9.2e18 => Ok(f as i64),
                _ => {
                    self.overflow = true;
                    return None;
                }
            },
            Value::String(s) => s
                .trim()
                .parse()
                .map_err(|_| "Input should be a valid integer, unable to parse string as an integer"),
            _ => Err("Input should be a valid integer"),
        };
        result.map_err(|message| self.refuse(field, message)).ok()
    }

    fn data_limit(&mut self) -> Option<i64> {
        let limit = match self.given("data_limit")?.clone() {
            Value::Number(n) if n.is_f64() => self.cast("data_limit", &Value::from(n.as_f64()?.trunc())),
            value @ (Value::Number(_) | Value::Bool(_)) => self.cast("data_limit", &value),
            _ => {
                self.refuse(
                    "data_limit",
                    "Value error, data_limit must be an integer or a float, not a string",
                );
                None
            }
        };
        if limit.is_some_and(|l| l < 0) {
            self.refuse("data_limit", "Input should be greater than or equal to 0");
        }
        limit
    }

    fn note(&mut self) -> Option<String> {
        match self.given("note")?.clone() {
            Value::String(note) if note.chars().count() > 500 => {
                self.refuse("note", "Value error, User's note can be a maximum of 500 character");
                None
            }
            Value::String(note) => Some(note),
            _ => {
                self.refuse("note", "Input should be a valid string");
                None
            }
        }
    }

    /// One of a few words; null is refused, absent passes.
    fn choice(&mut self, field: &str, words: &[&str]) -> Option<String> {
        let value = self.body.get(field)?;
        let found = value.as_str().filter(|s| words.contains(s)).map(str::to_owned);
        if found.is_none() {
            self.refuse(field, format!("Input should be {}", listed(words)));
        }
        found
    }

    fn instant(&mut self, field: &str) -> Option<OffsetDateTime> {
        let instant = match self.given(field)? {
            Value::Number(n) if n.as_f64() == Some(0.0) => return None,
            Value::Number(n) => n.as_i64().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok()),
            // The offset is dropped without conversion, as there.
            Value::String(s) => iso(s).map(|(t, _)| t.assume_utc()),
            _ => None,
        };
        if instant.is_none() {
            self.refuse(field, "Input should be a valid datetime");
        }
        instant
    }

    fn next_plan(&mut self) -> Option<Option<NextPlan>> {
        let Value::Object(plan) = self.given("next_plan")?.clone() else {
            self.refuse("next_plan", NOT_AN_OBJECT);
            return None;
        };
        let mut int = |field: &str| {
            let value = plan.get(field).filter(|v| !v.is_null())?;
            self.cast(field, value)
        };
        let (data_limit, expire) = (int("data_limit"), int("expire"));
        let flag = |field: &str| plan.get(field).and_then(Value::as_bool);
        Some(data_limit.map(|data_limit| NextPlan {
            data_limit,
            expire,
            add_remaining_traffic: flag("add_remaining_traffic").unwrap_or(false),
            fire_on_either: flag("fire_on_either").unwrap_or(true),
        }))
    }

    fn username(&mut self) -> String {
        match self.body.get("username") {
            None => self.refuse("username", "Field required"),
            Some(Value::String(name)) if username_is_valid(name) => return name.clone(),
            Some(Value::String(_)) => self.refuse("username", BAD_USERNAME),
            Some(_) => self.refuse("username", "Input should be a valid string"),
        }
        String::new()
    }

    fn status(&mut self, form: Form, draft: &Draft) -> Option<Status> {
        let words: &[&str] = match form {
            Form::Create => &["active", "on_hold"],
            Form::Modify => &["active", "disabled", "on_hold"],
        };
        let status = self.choice("status", words).and_then(|s| Status::from_wire(&s))?;
        if status == Status::OnHold && draft.on_hold_expire_duration.is_none() {
            self.refuse("status", NO_HOLD);
        } else if status == Status::OnHold && draft.expire.is_some_and(|e| e != 0) {
            self.refuse("status", "Value error, User cannot be on hold with specified expire.");
        }
        Some(status)
    }

    fn proxies(&mut self, form: Form) -> Result<Option<Vec<Proxy>>, Refusal> {
        let Some(value) = self.body.get("proxies") else {
            return Ok(None);
        };
        let empty = match value {
            Value::Null => true,
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        if form == Form::Create && empty {
            self.refuse("proxies", "Value error, Each user needs at least one proxy");
            return Ok(None);
        }
        let Value::Object(map) = value else {
            return Err(Refusal::Crash);
        };
        let mut proxies = Vec::new();
        for (name, settings) in map {
            let Some(protocol) = Protocol::from_wire(name) else {
                self.refuse("proxies", format!("Value error, '{name}' is not a valid ProxyTypes"));
                continue;
            };
            match settings {
                Value::Object(settings) => proxies.extend(self.proxy(protocol, settings)),
                _ => self.refuse(
                    "proxies",
                    format!(
                        "Input should be a valid dictionary or instance of {}Settings",
                        protocol.display()
                    ),
                ),
            }
        }
        proxies.sort_by_key(|p| p.protocol);
        Ok(Some(proxies))
    }

    fn proxy(&mut self, protocol: Protocol, settings: &Map<String, Value>) -> Option<Proxy> {
        let mut proxy = Proxy::new(protocol);
        let key = match protocol {
            Protocol::Vless | Protocol::Vmess => "id",
            Protocol::Trojan | Protocol::Shadowsocks => "password",
        };
        if let Some(secret) = settings.get(key) {
            let Some(secret) = secret.as_str() else {
                self.refuse(key, "Input should be a valid string");
                return None;
            };
            if key == "id"
                && let Err(e) = Uuid::parse_str(secret)
            {
                self.refuse("id", format!("Input should be a valid UUID, {}", uuid_error(secret, e)));
                return None;
            }
            proxy.secret = secret.to_owned();
        }
        for (field, words) in [
            ("flow", ["", "xtls-rprx-vision"].as_slice()),
            ("method", &["aes-128-gcm", "aes-256-gcm", "chacha20-ietf-poly1305"]),
        ] {
            let Some(value) = settings.get(field) else {
                continue;
            };
            match value.as_str().filter(|v| words.contains(v)) {
                Some(v) if field == "flow" => proxy.flow = v.to_owned(),
                Some(v) => proxy.method = v.to_owned(),
                None => {
                    self.refuse(field, format!("Input should be {}", listed(words)));
                    return None;
                }
            }
        }
        Some(proxy)
    }

    fn inbounds(
        &mut self,
        form: Form,
        proxies: Option<&[Proxy]>,
        state: &State,
    ) -> Result<Option<BTreeMap<Protocol, Vec<String>>>, Refusal> {
        let map = match self.body.get("inbounds") {
            None => return Ok(None),
            Some(Value::Object(map)) => map,
            Some(Value::Null) if form == Form::Create => return Err(Refusal::Crash),
            Some(_) => {
                self.refuse("inbounds", "Input should be a valid dictionary");
                return Ok(None);
            }
        };
        let mut inbounds = BTreeMap::new();
        for (name, tags) in map {
            let Some(protocol) = Protocol::from_wire(name) else {
                continue;
            };
            let wanted = |p: &[Proxy]| p.iter().any(|p| p.protocol == protocol);
            if form == Form::Create && !proxies.is_some_and(wanted) {
                continue;
            }
            let tags: Vec<String> = serde_json::from_value(tags.clone()).unwrap_or_default();
            if let Some(tag) = tags.iter().find(|t| state.inbounds.iter().all(|i| i.tag != **t)) {
                self.refuse("inbounds", format!("Value error, Inbound {tag} doesn't exist"));
            }
            inbounds.insert(protocol, tags);
        }
        if form == Form::Create {
            for proxy in proxies.unwrap_or_default() {
                let tags: &mut Vec<String> = inbounds.entry(proxy.protocol).or_default();
                if tags.is_empty() {
                    *tags = state.tags(proxy.protocol);
                }
            }
        }
        Ok(Some(inbounds))
    }
}
