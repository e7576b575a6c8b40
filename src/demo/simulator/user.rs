//! The user as Marzban stores it, and how it is shown on the wire.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::auth;
use super::state::{Admin, Inbound, State};

/// 9999-01-01: an `expire` from here on is stored, but every answer that shows it fails.
const LAST_SHOWABLE_EXPIRE: i64 = 253_370_764_800;
/// What Python's `quote` leaves alone.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// Marzban's user status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    Disabled,
    Limited,
    Expired,
    OnHold,
}

impl Status {
    /// From its wire name.
    pub fn from_wire(name: &str) -> Option<Self> {
        serde_json::from_value(Value::from(name)).ok()
    }
}

/// A protocol, in the core's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    Vless,
    Vmess,
    Trojan,
    Shadowsocks,
}

impl Protocol {
    /// All of them, in the core's order.
    pub const ALL: [Self; 4] = [Self::Vless, Self::Vmess, Self::Trojan, Self::Shadowsocks];

    /// Its name on the wire.
    pub fn wire(self) -> &'static str {
        match self {
            Self::Vless => "vless",
            Self::Vmess => "vmess",
            Self::Trojan => "trojan",
            Self::Shadowsocks => "shadowsocks",
        }
    }

    /// From its wire name (lower case only).
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.wire() == name)
    }

    /// Its name inside Marzban's error texts and links.
    pub fn display(self) -> &'static str {
        match self {
            Self::Vless => "VLESS",
            Self::Vmess => "VMess",
            Self::Trojan => "Trojan",
            Self::Shadowsocks => "Shadowsocks",
        }
    }
}

/// A user's key for one protocol, and the inbounds it must not use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxy {
    pub protocol: Protocol,
    /// A UUID for vless and vmess, a password for the others.
    pub secret: String,
    pub flow: String,
    pub method: String,
    pub excluded: Vec<String>,
}

impl Proxy {
    /// A new key with a fresh secret and Marzban's defaults.
    pub fn new(protocol: Protocol) -> Self {
        let mut proxy = Self {
            protocol,
            secret: String::new(),
            flow: String::new(),
            method: "chacha20-ietf-poly1305".to_owned(),
            excluded: Vec::new(),
        };
        proxy.renew();
        proxy
    }

    /// A fresh secret.
    pub fn renew(&mut self) {
        self.secret = match self.protocol {
            Protocol::Vless | Protocol::Vmess => Uuid::new_v4().to_string(),
            Protocol::Trojan | Protocol::Shadowsocks => {
                base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes())
            }
        };
    }

    fn settings(&self) -> Value {
        match self.protocol {
            Protocol::Vless => json!({"id": self.secret, "flow": self.flow}),
            Protocol::Vmess => json!({"id": self.secret}),
            Protocol::Trojan => json!({"password": self.secret, "flow": self.flow}),
            Protocol::Shadowsocks => json!({"password": self.secret, "method": self.method}),
        }
    }

    fn link(&self, inbound: &Inbound, username: &str) -> String {
        let (secret, port) = (&self.secret, inbound.port);
        let remark = format!("🚀 Marz ({username}) [{} - {}]", self.protocol.display(), inbound.network);
        let quoted = utf8_percent_encode(&remark, QUOTED);
        let flow = match self.flow.as_str() {
            "" => String::new(),
            flow => format!("&flow={flow}"),
        };
        let reality = match inbound.tls.as_str() {
            "reality" => format!("&sni=example.com&fp=chrome&pbk={}&sid=ab12cd34", "B".repeat(43)),
            _ => String::new(),
        };
        match self.protocol {
            Protocol::Vless | Protocol::Trojan => format!(
                "{}://{secret}@127.0.0.1:{port}?security={}&type={}&headerType={flow}&path=&host={reality}#{quoted}",
                self.protocol.wire(),
                inbound.tls,
                inbound.network,
            ),
            Protocol::Vmess => {
                let config = json!({
                    "add": "127.0.0.1", "aid": "0", "host": "", "id": secret, "net": inbound.network,
                    "path": "/ws", "port": port, "ps": remark, "scy": "auto", "tls": inbound.tls,
                    "type": "", "v": "2",
                });
                format!("vmess://{}", STANDARD.encode(config.to_string()))
            }
            Protocol::Shadowsocks => format!(
                "ss://{}@127.0.0.1:{port}#{quoted}",
                STANDARD.encode(format!("{}:{secret}", self.method))
            ),
        }
    }
}

/// What follows when volume or time runs out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextPlan {
    /// Bytes.
    pub data_limit: i64,
    /// Unix seconds, absolute.
    pub expire: Option<i64>,
    pub add_remaining_traffic: bool,
    pub fire_on_either: bool,
}

/// One account. Bytes and unix seconds, as on the wire.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    pub id: i64,
    pub username: String,
    pub status: Status,
    pub expire: Option<i64>,
    pub data_limit: Option<i64>,
    pub data_limit_reset_strategy: String,
    pub used_traffic: i64,
    pub lifetime_used_traffic: i64,
    pub note: Option<String>,
    pub proxies: Vec<Proxy>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub edited_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub online_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub sub_updated_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub sub_revoked_at: Option<OffsetDateTime>,
    pub sub_last_user_agent: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub on_hold_timeout: Option<OffsetDateTime>,
    pub on_hold_expire_duration: Option<i64>,
    pub auto_delete_in_days: Option<i64>,
    pub next_plan: Option<NextPlan>,
    /// The owner; none for users of the environment's admin and of deleted admins.
    pub admin: Option<String>,
    /// Start of the hour (unix seconds) and bytes.
    pub usage: Vec<(i64, i64)>,
}

impl User {
    /// An active user without limits, with a vless key for every inbound.
    pub fn new(username: &str, admin: Option<&str>, now: OffsetDateTime) -> Self {
        Self {
            id: 0,
            username: username.to_owned(),
            status: Status::Active,
            expire: None,
            data_limit: None,
            data_limit_reset_strategy: "no_reset".to_owned(),
            used_traffic: 0,
            lifetime_used_traffic: 0,
            note: None,
            proxies: vec![Proxy::new(Protocol::Vless)],
            created_at: now,
            edited_at: None,
            online_at: None,
            sub_updated_at: None,
            sub_revoked_at: None,
            sub_last_user_agent: None,
            on_hold_timeout: None,
            on_hold_expire_duration: None,
            auto_delete_in_days: None,
            next_plan: None,
            admin: admin.map(str::to_owned),
            usage: Vec::new(),
        }
    }

    /// True where every answer that shows this user fails: it has no proxy, or expires beyond the calendar.
    pub fn is_poisoned(&self) -> bool {
        self.proxies.is_empty() || self.expire.is_some_and(|e| e >= LAST_SHOWABLE_EXPIRE)
    }

    /// Whether the core knows it.
    pub fn is_in_core(&self) -> bool {
        matches!(self.status, Status::Active | Status::OnHold)
    }

    /// Back to zero bytes; wakes everyone but the expired, and drops the next plan.
    pub fn reset(&mut self) {
        self.used_traffic = 0;
        self.usage.clear();
        self.next_plan = None;
        if self.status != Status::Expired {
            self.status = Status::Active;
        }
    }

    /// Applies the next plan; false where that fails for want of a `data_limit`, and true without a plan.
    ///
    /// `add_remaining_traffic` works inverted in 0.8.4: false adds the rest of the old volume.
    pub fn start_next_plan(&mut self) -> bool {
        let Some(plan) = self.next_plan.take() else {
            return true;
        };
        let Some(limit) = self.data_limit else {
            self.next_plan = Some(plan);
            return false;
        };
        let rest = if plan.add_remaining_traffic { 0 } else { limit - self.used_traffic };
        self.data_limit = Some(plan.data_limit + rest);
        self.expire = plan.expire;
        self.used_traffic = 0;
        self.status = Status::Active;
        true
    }

    /// True once an on-hold user was online since it was put on hold, or its timeout passed.
    pub fn hold_is_over(&self, now: OffsetDateTime) -> bool {
        let since = self.edited_at.unwrap_or(self.created_at);
        self.online_at.is_some_and(|online| online >= since)
            || self.on_hold_timeout.is_some_and(|timeout| timeout <= now)
    }

    /// Its share links, one for each inbound that it may use.
    pub fn links(&self, inbounds: &[Inbound]) -> Vec<String> {
        let allowed = |p: &Proxy, i: &Inbound| i.protocol == p.protocol && !p.excluded.contains(&i.tag);
        self.proxies
            .iter()
            .flat_map(|p| {
                inbounds.iter().filter(move |i| allowed(p, i)).map(move |i| p.link(i, &self.username))
            })
            .collect()
    }

    /// The part of the user object that its subscription's `/info` shows too.
    pub fn public_view(&self, state: &State, now: OffsetDateTime) -> Value {
        let proxies: serde_json::Map<_, _> =
            self.proxies.iter().map(|p| (p.protocol.wire().to_owned(), p.settings())).collect();
        json!({
            "proxies": proxies,
            "expire": self.expire,
            "data_limit": self.data_limit,
            "data_limit_reset_strategy": self.data_limit_reset_strategy,
            "sub_updated_at": self.sub_updated_at.map(naive),
            "sub_last_user_agent": self.sub_last_user_agent,
            "online_at": self.online_at.map(naive),
            "on_hold_expire_duration": self.on_hold_expire_duration,
            "on_hold_timeout": self.on_hold_timeout.map(naive),
            "next_plan": self.next_plan,
            "username": self.username,
            "status": self.status,
            "used_traffic": self.used_traffic,
            "lifetime_used_traffic": self.lifetime_used_traffic,
            "created_at": naive(self.created_at),
            "links": self.links(&state.inbounds),
            "subscription_url": format!("/sub/{}", auth::subscription_token(state, &self.username, now)),
        })
    }

    /// The whole user object, as every user call answers.
    pub fn view(&self, state: &State, now: OffsetDateTime) -> Value {
        let mut view = self.public_view(state, now);
        let (mut allowed, mut excluded) = (serde_json::Map::new(), serde_json::Map::new());
        for p in &self.proxies {
            let mut tags = state.tags(p.protocol);
            tags.retain(|t| !p.excluded.contains(t));
            allowed.insert(p.protocol.wire().to_owned(), Value::from(tags));
            // As stored, also after the inbound itself is gone.
            excluded.insert(p.protocol.wire().to_owned(), json!(p.excluded));
        }
        view["inbounds"] = Value::Object(allowed);
        view["excluded_inbounds"] = Value::Object(excluded);
        view["note"] = json!(self.note);
        view["auto_delete_in_days"] = json!(self.auto_delete_in_days);
        view["admin"] = json!(self.admin.as_ref().and_then(|a| state.admin(a)).map(admin_view));
        view
    }
}

/// An administrator on the wire.
pub fn admin_view(admin: &Admin) -> Value {
    json!({
        "username": admin.username,
        "is_sudo": admin.is_sudo,
        "telegram_id": null,
        "discord_webhook": null,
        "users_usage": admin.in_database.then_some(admin.users_usage),
    })
}

/// UTC without a zone, as Python's `isoformat`: the fraction is absent when it is zero.
pub fn naive(t: OffsetDateTime) -> String {
    let (date, time) = (t.date(), t.time());
    let seconds = format!("{date}T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    match time.microsecond() {
        0 => seconds,
        micros => format!("{seconds}.{micros:06}"),
    }
}
