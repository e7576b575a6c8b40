//! Whom a payment is news to: its admin when it comes, its payer when it is decided.

use serde_json::json;
use sqlx::PgConnection;

use crate::{
    calendar::Time,
    ids::{PaymentId, UserId},
    money::Toman,
    notices::{self, Kind, Notice, Recipients, Subject},
};

pub(super) async fn submitted(
    conn: &mut PgConnection,
    payer: UserId,
    id: PaymentId,
    amount: Toman,
    now: Time,
) -> sqlx::Result<()> {
    let payer = sqlx::query_scalar!("SELECT username FROM users WHERE id = $1", payer.0)
        .fetch_one(&mut *conn)
        .await?;
    let notice = Notice {
        to: Recipients::Admins,
        kind: Kind::PaymentNew,
        subject: Subject::Payment(id),
        data: json!({ "payer": payer, "amount": amount }),
        key: Some(key(id)),
    };
    notices::raise(conn, notice, now).await
}

/// However it was decided: the admins need not look any more.
pub(super) async fn decided(conn: &mut PgConnection, id: PaymentId, now: Time) -> sqlx::Result<()> {
    notices::resolve(conn, &key(id), now).await
}

pub(super) async fn approved(
    conn: &mut PgConnection,
    payer: UserId,
    id: PaymentId,
    credited: Toman,
    now: Time,
) -> sqlx::Result<()> {
    let data = json!({ "approved": true, "amount": credited });
    notices::raise(conn, decision(payer, id, data), now).await
}

/// `claim` is the amount and the reason why it was not taken.
pub(super) async fn rejected(
    conn: &mut PgConnection,
    payer: UserId,
    id: PaymentId,
    claim: (Toman, &str),
    now: Time,
) -> sqlx::Result<()> {
    let data = json!({ "approved": false, "amount": claim.0, "reason": claim.1 });
    notices::raise(conn, decision(payer, id, data), now).await
}

fn key(id: PaymentId) -> String {
    format!("payment:{id}")
}

fn decision(payer: UserId, id: PaymentId, data: serde_json::Value) -> Notice {
    Notice {
        to: Recipients::User(payer),
        kind: Kind::PaymentDecided,
        subject: Subject::Payment(id),
        data,
        key: Some(format!("payment-decided:{id}")),
    }
}
