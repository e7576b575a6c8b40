//! What changes payments: submitting, and the three ways of being decided.

mod decide;
mod submit;

use serde_json::Value;
use sqlx::PgConnection;

use super::Actor;
use crate::{calendar::Time, ids::PaymentId};

pub use decide::{ApprovalInput, DecideError, approve, reject, withdraw};
pub use submit::{
    Claimed, NewPayment, SubmitError, Submitted, find_submitted, keep_receipt, may_charge, submit,
    submit_for_order,
};

async fn write_down(
    conn: &mut PgConnection,
    by: Actor,
    action: &'static str,
    payment: PaymentId,
    detail: Value,
    now: Time,
) -> sqlx::Result<()> {
    by.record(conn, action, ("payment", Some(payment.0)), detail, now).await
}
