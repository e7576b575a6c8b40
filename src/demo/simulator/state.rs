//! Everything the simulator remembers, as Marzban's database would: a value that is changed only under one lock.

use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::user::{Protocol, Status, User};

/// An administrator of the panel. `in_database` is false for the one that lives in the environment: it owns nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Admin {
    pub username: String,
    pub password: String,
    pub is_sudo: bool,
    pub in_database: bool,
    /// Bytes used by all its users, ever.
    pub users_usage: i64,
    #[serde(with = "time::serde::rfc3339::option")]
    pub password_reset_at: Option<OffsetDateTime>,
}

impl Admin {
    /// A new administrator kept in the database.
    pub fn new(username: &str, password: &str, is_sudo: bool) -> Self {
        Self {
            username: username.to_owned(),
            password: password.to_owned(),
            is_sudo,
            in_database: true,
            users_usage: 0,
            password_reset_at: None,
        }
    }
}

/// One way into the core; users get it by protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbound {
    pub tag: String,
    pub protocol: Protocol,
    pub network: String,
    pub tls: String,
    pub port: u16,
}

impl Inbound {
    /// An inbound without TLS.
    pub fn new(tag: &str, protocol: Protocol, network: &str, tls: &str, port: u16) -> Self {
        Self { tag: tag.to_owned(), protocol, network: network.to_owned(), tls: tls.to_owned(), port }
    }

    /// The five inbounds of the server that was recorded.
    pub fn recorded() -> Vec<Self> {
        vec![
            Self::new("VLESS TCP", Protocol::Vless, "tcp", "none", 21001),
            Self::new("VLESS TCP REALITY", Protocol::Vless, "tcp", "reality", 21005),
            Self::new("VMess WS", Protocol::Vmess, "ws", "none", 21002),
            Self::new("Trojan TCP", Protocol::Trojan, "tcp", "none", 21003),
            Self::new("Shadowsocks TCP", Protocol::Shadowsocks, "tcp", "none", 21004),
        ]
    }
}

/// Marzban's database and core configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// Signs tokens and subscription links; survives a restart.
    pub secret: String,
    pub next_id: i64,
    pub admins: Vec<Admin>,
    /// In order of their ids.
    pub users: Vec<User>,
    pub inbounds: Vec<Inbound>,
    /// The core does not run, as with a configuration that it can't read; the panel goes on taking accounts.
    #[serde(default)]
    pub core_stopped: bool,
    /// Deleted, and still let in by the core until it starts anew.
    #[serde(default)]
    pub ghosts: Vec<String>,
}

impl State {
    /// An empty panel.
    pub fn new(inbounds: Vec<Inbound>) -> Self {
        Self {
            secret: Uuid::new_v4().simple().to_string(),
            next_id: 1,
            admins: Vec::new(),
            users: Vec::new(),
            inbounds,
            core_stopped: false,
            ghosts: Vec::new(),
        }
    }

    /// Whom the core lets in.
    pub fn working(&self) -> Vec<String> {
        if self.core_stopped {
            return Vec::new();
        }
        let live = self.users.iter().filter(|user| user.is_in_core()).map(|user| user.username.clone());
        live.chain(self.ghosts.clone()).collect()
    }

    /// Removes a user. One without owner stays in the core; true where it was owned.
    pub fn remove_user(&mut self, username: &str) -> bool {
        let Some(at) = self.users.iter().position(|user| user.username == username) else { return true };
        let user = self.users.remove(at);
        if user.admin.is_none() && user.is_in_core() {
            self.ghosts.push(user.username);
        }
        user.admin.is_some()
    }

    /// What was saved, or `None` where nothing was saved yet.
    ///
    /// # Errors
    /// The file can't be read or isn't one of ours.
    pub fn load(path: &Path) -> std::io::Result<Option<Self>> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Writes beside the file and renames, so that a crash leaves the old or the new state, never half of one.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        let fresh = path.with_extension("new");
        std::fs::write(&fresh, serde_json::to_vec(self)?)?;
        std::fs::rename(&fresh, path)
    }

    /// The administrator of this name (case matters).
    pub fn admin(&self, username: &str) -> Option<&Admin> {
        self.admins.iter().find(|a| a.username == username)
    }

    /// As [`State::admin`], to change it.
    pub fn admin_mut(&mut self, username: &str) -> Option<&mut Admin> {
        self.admins.iter_mut().find(|a| a.username == username)
    }

    /// Adds or replaces an administrator.
    pub fn set_admin(&mut self, admin: Admin) {
        match self.admin_mut(&admin.username) {
            Some(known) => *known = admin,
            None => self.admins.push(admin),
        }
    }

    /// The user of this name (case matters, as on SQLite).
    pub fn user(&self, username: &str) -> Option<&User> {
        self.users.iter().find(|u| u.username == username)
    }

    /// As [`State::user`], to change it.
    pub fn user_mut(&mut self, username: &str) -> Option<&mut User> {
        self.users.iter_mut().find(|u| u.username == username)
    }

    /// Stores a user, under a new id unless the name is known.
    pub fn put_user(&mut self, mut user: User) {
        match self.user_mut(&user.username) {
            Some(known) => {
                user.id = known.id;
                *known = user;
            }
            None => {
                user.id = self.next_id;
                self.next_id += 1;
                self.users.push(user);
            }
        }
    }

    /// Tags of the inbounds of a protocol, in the core's order.
    pub fn tags(&self, protocol: Protocol) -> Vec<String> {
        self.inbounds.iter().filter(|i| i.protocol == protocol).map(|i| i.tag.clone()).collect()
    }

    /// The core reports `bytes` for a user; false where there is none.
    pub fn traffic(&mut self, username: &str, bytes: i64, now: OffsetDateTime) -> bool {
        let Some(user) = self.user_mut(username) else {
            return false;
        };
        user.used_traffic += bytes;
        user.lifetime_used_traffic += bytes;
        user.online_at = Some(now);
        user.usage.push((now.unix_timestamp() / 3600 * 3600, bytes));
        let owner = user.admin.clone();
        if let Some(admin) = owner.and_then(|name| self.admin_mut(&name)) {
            admin.users_usage += bytes;
        }
        true
    }

    /// One pass of the review job: next plans, limited, expired, on hold.
    ///
    /// As in 0.8.4 the whole pass stops at a user without limit whose next plan is due: nobody after it is reviewed.
    pub fn review(&mut self, now: OffsetDateTime) {
        let seconds = now.unix_timestamp();
        for user in &mut self.users {
            if user.status != Status::Active {
                continue;
            }
            let limited = user.data_limit.is_some_and(|l| user.used_traffic >= l);
            let expired = user.expire.is_some_and(|e| e <= seconds);
            let due = user
                .next_plan
                .as_ref()
                .is_some_and(|p| (p.fire_on_either && (limited || expired)) || (limited && expired));
            if due {
                if !user.start_next_plan() {
                    return;
                }
            } else if limited {
                user.status = Status::Limited;
            } else if expired {
                user.status = Status::Expired;
            }
        }
        for user in &mut self.users {
            if user.status == Status::OnHold && user.hold_is_over(now) {
                user.status = Status::Active;
                user.expire = user.on_hold_expire_duration.map(|d| seconds + d);
                user.on_hold_expire_duration = None;
                user.on_hold_timeout = None;
            }
        }
    }
}
