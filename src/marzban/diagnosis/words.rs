//! Findings in words: what is so, and what to do about it.

use super::{Facts, Finding, Hop};
use crate::locale::Tr;

impl Finding {
    /// What is so, in a sentence.
    pub fn title(&self, t: &Tr) -> String {
        match self {
            Self::NoSuchName { hop: Hop::Panel, host } => t.diagnosis_no_name(host),
            Self::NoSuchName { hop: Hop::Proxy, host } => t.diagnosis_no_proxy_name(host),
            Self::Refused { hop: Hop::Panel, address } => t.diagnosis_refused(address),
            Self::Refused { hop: Hop::Proxy, address } => t.diagnosis_proxy_refused(address),
            Self::NoRoute { address, .. } => t.diagnosis_no_route(address),
            Self::NoAnswer { hop: Hop::Panel, address } => t.diagnosis_no_answer(address),
            Self::NoAnswer { hop: Hop::Proxy, address } => t.diagnosis_proxy_no_answer(address),
            Self::ProxyCredentials => t.diagnosis_proxy_credentials(),
            Self::ProxyForbids => t.diagnosis_proxy_forbids(),
            Self::ProxyFails => t.diagnosis_proxy_fails(),
            Self::BehindProxy => t.diagnosis_behind_proxy(),
            Self::ConnectionBroken => t.diagnosis_connection_broken(),
            Self::CertificateExpired => t.diagnosis_certificate_expired(),
            Self::CertificateNotYetValid => t.diagnosis_certificate_not_yet_valid(),
            Self::CertificateOfAnother { host } => t.diagnosis_certificate_of_another(host),
            Self::CertificateUnknownIssuer => t.diagnosis_certificate_unknown_issuer(),
            Self::CertificateWrong => t.diagnosis_certificate_wrong(),
            Self::PlainHttp => t.diagnosis_plain_http(),
            Self::WantsTls => t.diagnosis_wants_tls(),
            Self::TlsFailed => t.diagnosis_tls_failed(),
            Self::NoIssuers => t.diagnosis_no_issuers(),
            Self::Redirected { to, .. } => t.diagnosis_redirected(to),
            Self::WebPage => t.diagnosis_web_page(),
            Self::WrongPath { .. } => t.diagnosis_wrong_path(),
            Self::Stranger { status } => t.diagnosis_stranger(t.digits(status)),
            Self::AnotherGate => t.diagnosis_another_gate(),
            Self::Forbidden => t.diagnosis_forbidden(),
            Self::Throttled => t.diagnosis_throttled(),
            Self::BehindGateway { status } => t.diagnosis_behind_gateway(t.digits(status)),
            Self::ServerError { status } => t.diagnosis_server_error(t.digits(status)),
            Self::WrongPassword => t.diagnosis_wrong_password(),
            Self::TokenRefused => t.diagnosis_token_refused(),
            Self::EnvironmentAdmin => t.diagnosis_environment_admin(),
            Self::NotSudo => t.diagnosis_not_sudo(),
            Self::NoInbound => t.diagnosis_no_inbound(),
            Self::Unread { path } => t.diagnosis_unread(path),
            Self::Clock { seconds } if *seconds > 0 => t.diagnosis_clock_ahead(t.number(*seconds)),
            Self::Clock { seconds } => t.diagnosis_clock_behind(t.number(-seconds)),
            Self::EndsLate => t.diagnosis_ends_late(),
            Self::LinksPrivate { address } => t.diagnosis_links_private(address),
        }
    }

    /// What to do about it.
    pub fn advice(&self, t: &Tr) -> String {
        match self {
            Self::NoSuchName { hop: Hop::Panel, .. } => t.diagnosis_no_name_advice(),
            Self::NoSuchName { hop: Hop::Proxy, .. } => t.diagnosis_no_proxy_name_advice(),
            Self::Refused { hop: Hop::Panel, .. } => t.diagnosis_refused_advice(),
            Self::Refused { hop: Hop::Proxy, .. } => t.diagnosis_proxy_refused_advice(),
            Self::NoRoute { .. } => t.diagnosis_no_route_advice(),
            Self::NoAnswer { hop: Hop::Panel, .. } => t.diagnosis_no_answer_advice(),
            Self::NoAnswer { hop: Hop::Proxy, .. } => t.diagnosis_proxy_no_answer_advice(),
            Self::ProxyCredentials => t.diagnosis_proxy_credentials_advice(),
            Self::ProxyForbids => t.diagnosis_proxy_forbids_advice(),
            Self::ProxyFails => t.diagnosis_proxy_fails_advice(),
            Self::BehindProxy => t.diagnosis_behind_proxy_advice(),
            Self::ConnectionBroken => t.diagnosis_connection_broken_advice(),
            Self::CertificateExpired => t.diagnosis_certificate_expired_advice(),
            Self::CertificateNotYetValid => t.diagnosis_certificate_not_yet_valid_advice(),
            Self::CertificateOfAnother { .. } => t.diagnosis_certificate_of_another_advice(),
            Self::CertificateUnknownIssuer => t.diagnosis_certificate_unknown_issuer_advice(),
            Self::CertificateWrong => t.diagnosis_certificate_wrong_advice(),
            Self::PlainHttp => t.diagnosis_plain_http_advice(),
            Self::WantsTls => t.diagnosis_wants_tls_advice(),
            Self::TlsFailed => t.diagnosis_tls_failed_advice(),
            Self::NoIssuers => t.diagnosis_no_issuers_advice(),
            Self::Redirected { is_secured: true, .. } => t.diagnosis_redirected_secured_advice(),
            Self::Redirected { is_secured: false, .. } => t.diagnosis_redirected_advice(),
            Self::WebPage => t.diagnosis_web_page_advice(),
            Self::WrongPath { has_path: true } => t.diagnosis_wrong_path_shorter_advice(),
            Self::WrongPath { has_path: false } => t.diagnosis_wrong_path_advice(),
            Self::Stranger { .. } => t.diagnosis_stranger_advice(),
            Self::AnotherGate => t.diagnosis_another_gate_advice(),
            Self::Forbidden => t.diagnosis_forbidden_advice(),
            Self::Throttled => t.diagnosis_throttled_advice(),
            Self::BehindGateway { .. } => t.diagnosis_behind_gateway_advice(),
            Self::ServerError { .. } => t.diagnosis_server_error_advice(),
            Self::WrongPassword => t.diagnosis_wrong_password_advice(),
            Self::TokenRefused => t.diagnosis_token_refused_advice(),
            Self::EnvironmentAdmin => t.diagnosis_environment_admin_advice(),
            Self::NotSudo => t.diagnosis_not_sudo_advice(),
            Self::NoInbound => t.diagnosis_no_inbound_advice(),
            Self::Unread { .. } => t.diagnosis_unread_advice(),
            Self::Clock { .. } => t.diagnosis_clock_advice(),
            Self::EndsLate => t.diagnosis_ends_late_advice(),
            Self::LinksPrivate { .. } => t.diagnosis_links_private_advice(),
        }
    }
}

impl Facts {
    /// What was learnt: label and value.
    pub fn words(&self, t: &Tr) -> Vec<(String, String)> {
        let number = |n: u128| t.number(i64::try_from(n).unwrap_or(i64::MAX));
        let admin = |is_sudo| if is_sudo { t.diagnosis_sudo() } else { t.diagnosis_not_sudo_admin() };
        let protocols = (!self.protocols.is_empty()).then(|| self.protocols.join(", "));
        let clock = self.clock_ahead.map(|seconds| match seconds {
            -2..=2 => t.diagnosis_clock_same(),
            _ => t.diagnosis_clock_differs(t.number(seconds)),
        });
        let facts = [
            (t.diagnosis_version(), self.version.clone()),
            (
                t.diagnosis_round_trip(),
                self.round_trip.map(|took| t.diagnosis_milliseconds(number(took.as_millis()))),
            ),
            (t.diagnosis_admin(), self.is_sudo.map(admin)),
            (t.diagnosis_users(), self.users.map(|users| number(users.into()))),
            (t.diagnosis_protocols(), protocols),
            (t.diagnosis_clock(), clock),
        ];
        facts.into_iter().filter_map(|(label, value)| Some((label, value?))).collect()
    }
}
