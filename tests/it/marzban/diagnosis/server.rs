//! Servers by hand: one that says always the same, with TLS or without.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// An answer of this status, kind and body.
pub fn answer(status: u16, head: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{head}\r\n{body}", body.len())
}

/// Answers everything the same. Returns host and port.
pub async fn saying(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, answer.clone()));
        }
    });
    address
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: String) {
    let mut asked: Vec<u8> = Vec::new();
    // What is no HTTP at all is answered at once.
    let is_strange = |asked: &[u8]| asked.first().is_some_and(|byte| !byte.is_ascii_alphabetic());
    while !asked.windows(4).any(|four| four == b"\r\n\r\n") && !is_strange(&asked) {
        match stream.read_buf(&mut asked).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    // The rest of the form may still be on its way; closing before it came would cut the answer off.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = tokio::time::timeout(std::time::Duration::from_millis(200), stream.read_buf(&mut asked)).await;
    let _ = stream.shutdown().await;
}

/// A certificate for these names, of itself or of an issuer.
pub struct Certificate {
    pub der: CertificateDer<'static>,
    key: KeyPair,
}

impl Certificate {
    /// Its own issuer; `years` from and to.
    pub fn self_signed(names: &[&str], (from, to): (i32, i32)) -> Self {
        let key = KeyPair::generate().unwrap();
        let der = params(names, (from, to)).self_signed(&key).unwrap().der().clone();
        Self { der, key }
    }

    /// One for these names, and the issuer whom it is of.
    pub fn issued(names: &[&str]) -> (Self, CertificateDer<'static>) {
        let mut of_issuer = params(&[], (2020, 2099));
        of_issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuers_key = KeyPair::generate().unwrap();
        let issuer = of_issuer.self_signed(&issuers_key).unwrap().der().clone();
        let key = KeyPair::generate().unwrap();
        let signing = Issuer::from_params(&of_issuer, &issuers_key);
        let der = params(names, (2020, 2099)).signed_by(&key, &signing).unwrap().der().clone();
        (Self { der, key }, issuer)
    }
}

fn params(names: &[&str], (from, to): (i32, i32)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(to, 1, 1);
    params
}

/// The same with TLS.
pub async fn saying_securely(certificate: &Certificate, answer: String) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let key = PrivateKeyDer::try_from(certificate.key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, answer).await;
                }
            });
        }
    });
    format!("localhost:{port}")
}
