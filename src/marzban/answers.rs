//! How an answer is sorted into the outcomes: a 4xx other than 401, 407, 408 and 429 is a refusal, everything that
//! isn't a success otherwise is unknown.

use super::wire;
use crate::panel::{Cause, Field, Refusal, Stop};

/// Sorts an answer that isn't a success; `detail` is already free of secrets.
pub(super) fn sort(status: u16, detail: wire::Detail) -> Stop {
    let cause = match status {
        401 => Cause::Unauthorized,
        407 => Cause::ProxyFailed,
        408 => Cause::Timeout,
        429 => Cause::Throttled,
        400..=499 => return Stop::Refused(refusal(status, detail)),
        500.. => Cause::Server5xx,
        _ => Cause::BadAnswer,
    };
    Stop::Unknown(cause, format!("{status} {detail}"))
}

fn refusal(status: u16, detail: wire::Detail) -> Refusal {
    match (status, &detail) {
        (400, wire::Detail::Text(text)) if wire::says_protocol_disabled(text) => Refusal::ProtocolDisabled,
        (403, wire::Detail::Text(_)) => Refusal::Forbidden,
        (404, wire::Detail::Text(text)) if text == wire::USER_NOT_FOUND => Refusal::NotFound,
        (409, wire::Detail::Text(_)) => Refusal::UsernameTaken,
        (422, wire::Detail::Fields(fields)) => {
            let mut fields: Vec<Field> = fields.keys().map(|name| wire::field_of(name)).collect();
            fields.sort_unstable();
            fields.dedup();
            Refusal::Invalid { fields }
        }
        _ => Refusal::Other { status, detail: detail.to_string() },
    }
}
