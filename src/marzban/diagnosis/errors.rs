//! The second step: why there is no answer although the port is open, read from the error of the client.

use std::{error::Error, io, iter::successors};

use rustls::CertificateError;

use super::{Finding, Hop};

/// What the libraries below say, and what it means. Only a proxy's doings have no type of their own; the tests hold
/// these words against real answers.
const OF_PROXIES: [(&str, Finding); 13] = [
    ("proxy authorization required", Finding::ProxyCredentials),
    ("credentials not accepted", Finding::ProxyCredentials),
    ("does not support user/pass authentication", Finding::ProxyCredentials),
    ("implements authentication incorrectly", Finding::ProxyCredentials),
    ("connection not allowed", Finding::ProxyForbids),
    ("tunnel error: unsuccessful", Finding::BehindProxy),
    ("general server failure", Finding::BehindProxy),
    ("network unreachable", Finding::BehindProxy),
    ("host unreachable", Finding::BehindProxy),
    ("connection refused", Finding::BehindProxy),
    ("ttl expired", Finding::BehindProxy),
    ("unexpected end of file", Finding::ProxyFails),
    ("failed parsing server response", Finding::ProxyFails),
];

/// What an error of the client means. `place` is the panel's host with its port.
pub fn meaning(error: &reqwest::Error, is_proxied: bool, host: &str, place: &str) -> Finding {
    if let Some(tls) = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return of_tls(tls, host);
    }
    if error.is_connect() && is_proxied {
        let words = causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ");
        let known = OF_PROXIES.into_iter().find(|(text, _)| words.contains(text));
        if let Some((_, finding)) = known {
            return finding;
        }
        return if error.is_timeout() { Finding::BehindProxy } else { Finding::ProxyFails };
    }
    if error.is_timeout() {
        return Finding::NoAnswer { hop: Hop::Panel, address: place.to_owned() };
    }
    Finding::ConnectionBroken
}

/// The error and all that is in it; what an [`io::Error`] wraps is not among its sources.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    }
    successors(Some(error), |error| inner(*error))
}

fn of_tls(error: &rustls::Error, host: &str) -> Finding {
    use CertificateError as C;
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            C::Expired | C::ExpiredContext { .. } => Finding::CertificateExpired,
            C::NotValidYet | C::NotValidYetContext { .. } => Finding::CertificateNotYetValid,
            C::NotValidForName | C::NotValidForNameContext { .. } => {
                Finding::CertificateOfAnother { host: host.to_owned() }
            }
            C::UnknownIssuer => Finding::CertificateUnknownIssuer,
            _ => Finding::CertificateWrong,
        },
        rustls::Error::InvalidMessage(_) => Finding::PlainHttp,
        _ => Finding::TlsFailed,
    }
}
