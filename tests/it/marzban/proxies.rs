//! The way through a proxy: HTTP, CONNECT and SOCKS5, each with credentials.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rad_panel::{
    calendar::Clock,
    marzban::{self, Settings},
    panel::{Cause, Outcome, Server},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use super::panel::{PASSWORD, Panel, Reply, missing, signed_in};

/// `ali` and `pä:ss`, as written in an address and as sent in a header.
pub const WRITTEN: &str = "ali:p%C3%A4%3Ass";
const BASIC: &str = "Basic YWxpOnDDpDpzcw==";

fn client(base_url: &str, proxy: String) -> Server {
    let settings = Settings {
        http_proxy: Some(proxy.clone()),
        https_proxy: Some(proxy),
        connect_timeout: Duration::from_secs(2),
        retry_for: Duration::from_millis(100),
        ..Settings::new(base_url, "root", PASSWORD)
    };
    marzban::server(&settings, Clock::system()).unwrap()
}

#[tokio::test]
async fn an_http_proxy_gets_the_whole_address_and_its_credentials() {
    let proxy = Panel::start(|seen| {
        if seen.headers.get("proxy-authorization").map(String::as_str) != Some(BASIC) {
            return Some(Reply::Text(407, "who are you?".into()));
        }
        match seen.target.as_str() {
            "http://panel.test/x/api/admin/token" => Some(signed_in(1, None)),
            "http://panel.test/x/api/user/sara_1" => Some(missing()),
            _ => Some(Reply::Json(400, json!({"detail": "elsewhere"}))),
        }
    })
    .await;
    let address = proxy.address.replace("http://", &format!("http://{WRITTEN}@"));
    assert_eq!(client("http://panel.test/x/", address).account("sara_1").await, Outcome::Done(None));
    assert_eq!(proxy.seen().len(), 2);

    let stranger = client("http://panel.test/x", proxy.address.clone());
    assert_eq!(stranger.account("sara_1").await, Outcome::Unknown(Cause::ProxyFailed));
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_as_the_cause() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = listener.local_addr().unwrap();
    drop(listener);
    for scheme in ["http", "socks5", "socks5h"] {
        let client = client("http://127.0.0.1:9", format!("{scheme}://{WRITTEN}@{dead}"));
        assert_eq!(client.account("sara_1").await, Outcome::Unknown(Cause::ProxyFailed), "{scheme}");
    }
}

/// Takes one CONNECT, answers it, and hands on the first byte that comes through the tunnel.
pub async fn connect_proxy(answer: &'static str) -> (String, Arc<Mutex<Vec<(String, Option<u8>)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = seen.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                // Whoever only looks whether the port is open says nothing.
                let Ok(byte) = stream.read_u8().await else { break };
                head.push(byte);
            }
            if head.is_empty() {
                continue;
            }
            stream.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await.unwrap();
            let through = stream.read_u8().await.ok();
            notes.lock().unwrap().push((String::from_utf8(head).unwrap(), through));
        }
    });
    (address, seen)
}

#[tokio::test]
async fn an_https_panel_is_reached_through_a_tunnel_with_credentials() {
    let (proxy, seen) = connect_proxy("200 OK").await;
    // The far end speaks no TLS, so the call fails; what counts is what came to the proxy.
    let outcome = client("https://panel.test", format!("http://{WRITTEN}@{proxy}")).account("sara_1").await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    let (head, through) = seen.lock().unwrap()[0].clone();
    assert!(head.starts_with("CONNECT panel.test:443 HTTP/1.1\r\n"), "{head}");
    assert!(
        head.to_ascii_lowercase().contains(&format!("proxy-authorization: {}", BASIC.to_ascii_lowercase()))
    );
    assert_eq!(through, Some(0x16), "a TLS handshake begins inside the tunnel");
}

#[tokio::test]
async fn a_tunnel_that_is_refused_is_the_proxys_doing() {
    let (proxy, _seen) = connect_proxy("407 Proxy Authentication Required").await;
    let outcome = client("https://panel.test", format!("http://{proxy}")).account("sara_1").await;
    assert_eq!(outcome, Outcome::Unknown(Cause::ProxyFailed));
}

/// SOCKS5 with user name and password; whatever host is asked for, it leads to `target`.
pub async fn socks_proxy(target: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = asked.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(socks(stream, target.clone(), notes.clone()));
        }
    });
    (address, asked)
}

async fn counted(stream: &mut TcpStream) -> Vec<u8> {
    let length = stream.read_u8().await.unwrap();
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

async fn socks(mut stream: TcpStream, target: String, notes: Arc<Mutex<Vec<String>>>) {
    let Ok(version) = stream.read_u8().await else { return };
    assert_eq!(version, 5);
    if !counted(&mut stream).await.contains(&2) {
        stream.write_all(&[5, 0xff]).await.unwrap();
        return;
    }
    stream.write_all(&[5, 2]).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), 1);
    let (user, password) = (counted(&mut stream).await, counted(&mut stream).await);
    let known = user == b"ali" && password == "pä:ss".as_bytes();
    stream.write_all(&[1, u8::from(!known)]).await.unwrap();
    if !known {
        return;
    }
    let mut request = [0; 4];
    stream.read_exact(&mut request).await.unwrap();
    let host = match request[3] {
        3 => String::from_utf8(counted(&mut stream).await).unwrap(),
        _ => stream.read_u32().await.map(|ip| std::net::Ipv4Addr::from(ip).to_string()).unwrap(),
    };
    let port = stream.read_u16().await.unwrap();
    notes.lock().unwrap().push(format!("{host}:{port}"));
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    let mut onward = TcpStream::connect(target).await.unwrap();
    let _ = copy_bidirectional(&mut stream, &mut onward).await;
}

#[tokio::test]
async fn socks5_takes_credentials_and_socks5h_leaves_the_name_to_the_proxy() {
    let panel = Panel::start(|_| None).await;
    let (proxy, asked) = socks_proxy(panel.address.replace("http://", "")).await;
    let named = client("http://panel.test:81", format!("socks5h://{WRITTEN}@{proxy}"));
    assert_eq!(named.account("sara_1").await, Outcome::Done(None));
    let numbered = client("http://127.0.0.9:82", format!("socks5://{WRITTEN}@{proxy}"));
    assert_eq!(numbered.account("sara_1").await, Outcome::Done(None));
    assert_eq!(*asked.lock().unwrap(), ["panel.test:81", "127.0.0.9:82"]);
    assert_eq!(panel.count("GET", "/api/user/sara_1"), 2);
}

#[tokio::test]
async fn socks5_with_wrong_or_no_credentials_is_the_proxys_refusal() {
    let (proxy, asked) = socks_proxy("127.0.0.1:9".into()).await;
    for credentials in ["ali:wrong@", ""] {
        let client = client("http://panel.test", format!("socks5h://{credentials}{proxy}"));
        assert_eq!(client.account("sara_1").await, Outcome::Unknown(Cause::ProxyFailed), "{credentials}");
    }
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_proxy_that_cannot_reach_the_panel_is_told_apart_from_a_panel_that_fails() {
    for (status, cause) in [
        (502, Cause::ProxyFailed),
        (504, Cause::ProxyFailed),
        (500, Cause::Server5xx),
        (407, Cause::ProxyFailed),
    ] {
        let proxy = Panel::start(move |_| Some(Reply::Text(status, "sorry".into()))).await;
        let client = client("http://panel.test", proxy.address.clone());
        assert_eq!(client.account("sara_1").await, Outcome::Unknown(cause), "{status}");
        // Without a proxy in between it is whoever answers at the panel's address.
        let direct = proxy.client().account("sara_1").await;
        assert!(status == 407 || direct == Outcome::Unknown(Cause::Server5xx), "{status}: {direct:?}");
    }
    for answer in ["502 Bad Gateway", "503 Service Unavailable"] {
        let (proxy, _seen) = connect_proxy(answer).await;
        let outcome = client("https://panel.test", format!("http://{proxy}")).account("sara_1").await;
        assert_eq!(outcome, Outcome::Unknown(Cause::ProxyFailed), "{answer}");
    }
}
