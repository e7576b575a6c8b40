//! A panel made by hand, down to the bytes: it answers what a test tells it, and remembers what it was asked.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rad_panel::{
    calendar::{Clock, Time},
    marzban::{self, Settings},
    panel::Server,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

pub const PASSWORD: &str = "s3cret-پنهان-word";

#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub headers: HashMap<String, String>,
    pub body: String,
    pub connection: usize,
}

impl Seen {
    pub fn is(&self, method: &str, target: &str) -> bool {
        self.method == method && self.target == target
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub enum Reply {
    Json(u16, Value),
    Text(u16, String),
    /// After reading the request, the connection is closed without a word.
    Broken,
    Late(Duration, Box<Reply>),
}

type Script = dyn Fn(&Seen) -> Option<Reply> + Send + Sync;

pub struct Panel {
    pub address: String,
    stage: Arc<Stage>,
}

struct Stage {
    script: Box<Script>,
    seen: Mutex<Vec<Seen>>,
    signed_in: AtomicUsize,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl Panel {
    /// What the script leaves open is answered as a healthy panel would: sign-in, inbounds, `User not found`.
    pub async fn start(script: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let stage = Arc::new(Stage {
            script: Box::new(script),
            seen: Mutex::default(),
            signed_in: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        });
        let serving = stage.clone();
        tokio::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serving.clone().serve(stream, number));
            }
        });
        Self { address, stage }
    }

    pub fn settings(&self) -> Settings {
        Settings {
            connect_timeout: Duration::from_secs(2),
            total_timeout: Duration::from_secs(5),
            retry_for: Duration::from_millis(1500),
            ..Settings::new(&self.address, "root", PASSWORD)
        }
    }

    pub fn client(&self) -> Server {
        marzban::server(&self.settings(), Clock::fixed(now())).unwrap()
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.stage.seen.lock().unwrap().clone()
    }

    /// How often a target was asked for with a method.
    pub fn count(&self, method: &str, target: &str) -> usize {
        self.seen().iter().filter(|seen| seen.is(method, target)).count()
    }

    pub fn sign_ins(&self) -> usize {
        self.count("POST", "/api/admin/token")
    }

    pub fn most_in_flight(&self) -> usize {
        self.stage.most_in_flight.load(SeqCst)
    }
}

impl Stage {
    async fn serve(self: Arc<Self>, mut stream: TcpStream, connection: usize) {
        while let Some(seen) = read_request(&mut stream, connection).await {
            let now = self.in_flight.fetch_add(1, SeqCst) + 1;
            self.most_in_flight.fetch_max(now, SeqCst);
            self.seen.lock().unwrap().push(seen.clone());
            let mut reply = (self.script)(&seen).unwrap_or_else(|| self.healthy(&seen));
            while let Reply::Late(wait, then) = reply {
                tokio::time::sleep(wait).await;
                reply = *then;
            }
            self.in_flight.fetch_sub(1, SeqCst);
            let (status, kind, body) = match reply {
                Reply::Json(status, body) => (status, "application/json", body.to_string()),
                Reply::Text(status, body) => (status, "text/plain", body),
                Reply::Broken | Reply::Late(..) => return,
            };
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nLocation: /elsewhere\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            if stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.is_err() {
                return;
            }
        }
    }

    fn healthy(&self, seen: &Seen) -> Reply {
        if seen.is("POST", "/api/admin/token") {
            let number = self.signed_in.fetch_add(1, SeqCst) + 1;
            return signed_in(number, Some(86_400));
        }
        if !seen.headers.get("authorization").is_some_and(|value| value.starts_with("Bearer ")) {
            return Reply::Json(401, json!({"detail": "Not authenticated"}));
        }
        match seen.target.as_str() {
            "/api/inbounds" => {
                let tag =
                    json!([{"tag": "one", "protocol": "x", "network": "tcp", "tls": "none", "port": 1}]);
                Reply::Json(200, json!({"vless": tag, "trojan": tag}))
            }
            _ if seen.is("POST", "/api/user") => Reply::Json(200, user_from(&seen.json())),
            target if target.starts_with("/api/user/") => missing(),
            _ => Reply::Json(404, json!({"detail": "Not Found"})),
        }
    }
}

async fn read_request(stream: &mut TcpStream, connection: usize) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_ends = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_ends].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |value| value.parse().unwrap());
    while bytes.len() < head_ends + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[head_ends + 4..].to_vec()).unwrap();
    Some(Seen { method, target, headers, body, connection })
}

/// The instant at which the clients of these tests stand.
pub fn now() -> Time {
    Time::from_unix_timestamp(1_795_000_000).unwrap()
}

/// The n-th token, which ends so many seconds from now, or never.
pub fn signed_in(number: usize, life: Option<i64>) -> Reply {
    let claims = match life {
        Some(life) => json!({"sub": "root", "n": number, "exp": now().unix_timestamp() + life}),
        None => json!({"sub": "root", "n": number}),
    };
    let token = format!("e30.{}.signature{number}", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()));
    Reply::Json(200, json!({"access_token": token, "token_type": "bearer"}))
}

pub fn missing() -> Reply {
    Reply::Json(404, json!({"detail": "User not found"}))
}

/// The user object for a creation's body.
pub fn user_from(sent: &Value) -> Value {
    user(json!({
        "username": sent["username"], "note": sent["note"], "status": sent["status"],
        "expire": sent["expire"], "data_limit": sent["data_limit"],
        "on_hold_expire_duration": sent["on_hold_expire_duration"],
    }))
}

/// A user object with these fields over the usual ones.
pub fn user(fields: Value) -> Value {
    let mut user = json!({
        "username": "sara_1", "status": "active", "expire": 1_800_000_000, "data_limit": 10_737_418_240_i64,
        "used_traffic": 5, "lifetime_used_traffic": 7, "data_limit_reset_strategy": "no_reset",
        "proxies": {"vless": {"id": "00000000-0000-4000-8000-000000000000", "flow": ""}}, "inbounds": {},
        "excluded_inbounds": {}, "links": [], "subscription_url": "/sub/abc", "note": "RAD order #7",
        "created_at": "2026-11-22T21:24:16.765486", "online_at": null, "on_hold_expire_duration": null,
        "on_hold_timeout": null, "next_plan": null, "admin": {"username": "root", "is_sudo": true},
    });
    for (name, value) in fields.as_object().unwrap() {
        user[name] = value.clone();
    }
    user
}
