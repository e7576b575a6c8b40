//! The way there: names, ports, proxies, certificates.

use rad_panel::marzban::diagnosis::{Finding, Hop, Subject};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
};

use super::{
    super::{
        panel::{Panel, Reply},
        proxies::{WRITTEN, connect_proxy, socks_proxy},
    },
    finding, finding_through, only, report,
    server::{Certificate, answer, saying, saying_securely},
    settings,
};

/// A name that no resolver is asked for: a label of it is too long.
fn no_name() -> String {
    format!("{}.invalid", "x".repeat(64))
}

fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_name_that_is_not_there_is_told_from_a_port_that_is_closed() {
    let host = no_name();
    assert_eq!(finding(&format!("https://{host}:8000")).await, Finding::NoSuchName { hop: Hop::Panel, host });
    let address = closed_port();
    assert_eq!(finding(&format!("http://{address}")).await, Finding::Refused { hop: Hop::Panel, address });
    let address = "255.255.255.255:80".to_owned();
    assert_eq!(finding("http://255.255.255.255").await, Finding::NoRoute { hop: Hop::Panel, address });
}

#[tokio::test]
async fn a_machine_that_lets_nobody_in_and_one_that_never_speaks_do_not_answer() {
    // A queue that is full: the kernel drops whoever knocks.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) =
        tokio::time::timeout(std::time::Duration::from_millis(200), TcpStream::connect(address)).await
    {
        waiting.push(stream.unwrap());
    }
    let address = address.to_string();
    assert_eq!(finding(&format!("http://{address}")).await, Finding::NoAnswer { hop: Hop::Panel, address });

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    assert_eq!(finding(&format!("http://{address}")).await, Finding::NoAnswer { hop: Hop::Panel, address });
}

#[tokio::test]
async fn each_fault_of_a_certificate_has_its_name() {
    let page = answer(404, "", "");
    let expired =
        saying_securely(&Certificate::self_signed(&["localhost"], (2015, 2020)), page.clone()).await;
    assert_eq!(finding(&format!("https://{expired}")).await, Finding::CertificateExpired);
    let early = saying_securely(&Certificate::self_signed(&["localhost"], (2090, 2099)), page.clone()).await;
    assert_eq!(finding(&format!("https://{early}")).await, Finding::CertificateNotYetValid);
    let own = saying_securely(&Certificate::self_signed(&["localhost"], (2020, 2099)), page.clone()).await;
    assert_eq!(finding(&format!("https://{own}")).await, Finding::CertificateUnknownIssuer);

    let (other, issuer) = Certificate::issued(&["other.test"]);
    let address = saying_securely(&other, page.clone()).await;
    let mut subject = Subject::new(settings(&format!("https://{address}")));
    assert_eq!(only(report(&subject).await), Finding::CertificateUnknownIssuer);
    subject.trusted = vec![reqwest::Certificate::from_der(&issuer).unwrap()];
    let host = "localhost".to_owned();
    assert_eq!(only(report(&subject).await), Finding::CertificateOfAnother { host });

    let (right, issuer) = Certificate::issued(&["localhost"]);
    let address = saying_securely(&right, page).await;
    let mut subject = Subject::new(settings(&format!("https://{address}")));
    subject.trusted = vec![reqwest::Certificate::from_der(&issuer).unwrap()];
    assert_eq!(
        only(report(&subject).await),
        Finding::WrongPath { has_path: false },
        "the certificate is right"
    );
}

#[tokio::test]
async fn a_port_with_tls_and_one_without_are_told_apart() {
    let plain = saying(answer(404, "", "")).await;
    assert_eq!(finding(&format!("https://{plain}")).await, Finding::PlainHttp);
    let nginx = "<center>The plain HTTP request was sent to HTTPS port</center>";
    let nginx = saying(answer(400, "Content-Type: text/html\r\n", nginx)).await;
    assert_eq!(finding(&format!("http://{nginx}")).await, Finding::WantsTls);
    let own = Certificate::self_signed(&["localhost"], (2020, 2099));
    let secure = saying_securely(&own, answer(404, "", "")).await;
    assert_eq!(finding(&format!("http://{secure}")).await, Finding::ConnectionBroken);
}

#[tokio::test]
async fn a_connection_that_breaks_is_called_that() {
    let breaking = Panel::start(|_| Some(Reply::Broken)).await;
    assert_eq!(finding(&breaking.address).await, Finding::ConnectionBroken);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_from_a_panel_that_is_not() {
    let address = closed_port();
    for scheme in ["http", "socks5", "socks5h"] {
        let found = finding_through("http://127.0.0.1:9", &format!("{scheme}://{WRITTEN}@{address}")).await;
        assert_eq!(found, Finding::Refused { hop: Hop::Proxy, address: address.clone() }, "{scheme}");
    }
    let host = no_name();
    let found = finding_through("http://127.0.0.1:9", &format!("http://{host}:3128")).await;
    assert_eq!(found, Finding::NoSuchName { hop: Hop::Proxy, host: host.clone() });
    let (proxy, asked) = socks_proxy("127.0.0.1:9".into()).await;
    let found = finding_through(&format!("http://{host}"), &format!("socks5://{WRITTEN}@{proxy}")).await;
    assert_eq!(found, Finding::NoSuchName { hop: Hop::Panel, host }, "the name is looked up here");
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_proxy_that_refuses_our_credentials_is_told_from_one_that_reaches_nobody() {
    let (tunnel, _) = connect_proxy("407 Proxy Authentication Required").await;
    let found = finding_through("https://panel.test", &format!("http://{WRITTEN}@{tunnel}")).await;
    assert_eq!(found, Finding::ProxyCredentials);
    let (socks, _) = socks_proxy("127.0.0.1:9".into()).await;
    for credentials in ["ali:wrong@", ""] {
        let found = finding_through("http://panel.test", &format!("socks5h://{credentials}{socks}")).await;
        assert_eq!(found, Finding::ProxyCredentials, "{credentials}");
    }
    let relay = saying(answer(407, "", "who are you?")).await;
    let found = finding_through("http://panel.test", &format!("http://{relay}")).await;
    assert_eq!(found, Finding::ProxyCredentials);

    for status in ["502 Bad Gateway", "503 Service Unavailable", "403 Forbidden"] {
        let (tunnel, _) = connect_proxy(status).await;
        let found = finding_through("https://panel.test", &format!("http://{tunnel}")).await;
        assert_eq!(found, Finding::BehindProxy, "{status}");
    }
    for status in [502, 504] {
        let relay = saying(answer(status, "", "")).await;
        let found = finding_through("http://panel.test", &format!("http://{relay}")).await;
        assert_eq!(found, Finding::BehindProxy, "{status}");
    }
    for (code, expected) in [
        (1, Finding::BehindProxy),
        (2, Finding::ProxyForbids),
        (3, Finding::BehindProxy),
        (4, Finding::BehindProxy),
        (5, Finding::BehindProxy),
    ] {
        let proxy = socks_that_refuses(code).await;
        let found = finding_through("http://panel.test", &format!("socks5h://{proxy}")).await;
        assert_eq!(found, expected, "{code}");
    }
}

/// SOCKS5 without credentials, which answers every wish with this code.
async fn socks_that_refuses(code: u8) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut bytes = [0; 512];
                // Whoever only knocks says nothing.
                if stream.read(&mut bytes).await.unwrap_or(0) == 0 {
                    return;
                }
                stream.write_all(&[5, 0]).await.unwrap();
                let _ = stream.read(&mut bytes).await;
                let _ = stream.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn what_is_no_proxy_of_that_kind_does_not_answer_as_one() {
    let web = saying(answer(400, "", "")).await;
    let found = finding_through("http://panel.test", &format!("socks5h://{web}")).await;
    assert_eq!(found, Finding::ProxyFails);
}

#[tokio::test]
async fn behind_a_good_proxy_the_panel_is_examined_as_without_one() {
    let panel = Panel::start(|_| None).await;
    let (proxy, _) = socks_proxy(panel.address.replace("http://", "")).await;
    let found = finding_through("http://panel.test:81", &format!("socks5h://{WRITTEN}@{proxy}")).await;
    // The panel of these tests has no page about its admin.
    assert_eq!(found, Finding::Unread { path: "/api/admin" });
}
