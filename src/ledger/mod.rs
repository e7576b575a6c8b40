//! The ledger: every change of a wallet is one immutable row, and [`post`] is the only way to write one.
//!
//! Invariant: a wallet is exactly what its last row says, and its pending credit is exactly what its pending
//! payments claim. The database checks both at commit.

mod period;
mod statement;
mod verify;

use sqlx::PgConnection;

use crate::{
    calendar::Time,
    ids::{ChangeId, OrderId, PaymentId, TransactionId, UserId},
    money::Toman,
};

pub use period::{Period, period};
pub use statement::{Entry, StatementFilter, entries_of_payment, statement};
pub use verify::{Violation, verify};

/// How long an agent may stay below zero before the accounts are disabled (the 24-hour rule).
pub const GRACE: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// What a ledger row records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type, serde::Deserialize)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EntryType {
    ChargePending,
    ChargeApproved,
    ChargeRejected,
    ChargeManual,
    OrderCreated,
    OrderRenewed,
    OrderRefund,
    OrderDisabled,
    OrderEnabled,
}

impl EntryType {
    /// All types, in the order in which filters list them.
    pub const ALL: [Self; 9] = [
        Self::ChargePending,
        Self::ChargeApproved,
        Self::ChargeRejected,
        Self::ChargeManual,
        Self::OrderCreated,
        Self::OrderRenewed,
        Self::OrderRefund,
        Self::OrderDisabled,
        Self::OrderEnabled,
    ];

    /// The word that stands in the database and in filter addresses.
    pub fn code(self) -> &'static str {
        match self {
            Self::ChargePending => "CHARGE_PENDING",
            Self::ChargeApproved => "CHARGE_APPROVED",
            Self::ChargeRejected => "CHARGE_REJECTED",
            Self::ChargeManual => "CHARGE_MANUAL",
            Self::OrderCreated => "ORDER_CREATED",
            Self::OrderRenewed => "ORDER_RENEWED",
            Self::OrderRefund => "ORDER_REFUND",
            Self::OrderDisabled => "ORDER_DISABLED",
            Self::OrderEnabled => "ORDER_ENABLED",
        }
    }
}

/// What a ledger row refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    Payment(PaymentId),
    Order(OrderId),
    /// A change of the account that the order made.
    Change {
        order: OrderId,
        change: ChangeId,
    },
    /// An adjustment by hand; its reason stands in the notes.
    Manual,
}

/// One change of a wallet, to be posted.
#[derive(Clone, Debug)]
pub struct Posting {
    pub user: UserId,
    pub entry_type: EntryType,
    /// Change of the confirmed credit, Toman.
    pub confirmed: Toman,
    /// Change of the pending credit, Toman.
    pub pending: Toman,
    pub reference: Reference,
    pub notes: String,
    /// Who did it; `None` is the panel itself.
    pub by: Option<UserId>,
}

/// A wallet as it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Toman; below zero while pending credit covers it.
    pub confirmed: Toman,
    /// Toman; the payments that wait for the admin.
    pub pending: Toman,
    /// Since when the total is below zero, UTC.
    pub negative_since: Option<Time>,
}

impl Balance {
    /// Confirmed and pending credit together, Toman.
    pub fn total(&self) -> Toman {
        Toman(self.confirmed.0 + self.pending.0)
    }

    /// The part of the total that shows as confirmed credit, Toman: spending draws on confirmed credit first.
    pub fn spendable_confirmed(&self) -> Toman {
        Toman(self.confirmed.0.max(0))
    }

    /// The part of the total that shows as pending credit, Toman; negative when the wallet is below zero.
    pub fn spendable_pending(&self) -> Toman {
        Toman(self.total().0 - self.spendable_confirmed().0)
    }

    /// When the 24-hour rule strikes, UTC, if it was put off until `deferred_until`; `None` while nothing is owed.
    pub fn deadline(&self, deferred_until: Option<Time>) -> Option<Time> {
        let rule = self.negative_since? + GRACE;
        Some(deferred_until.map_or(rule, |until| until.max(rule)))
    }

    /// What may be spent when at most `ceiling` Toman of pending credit count.
    pub fn spendable(&self, ceiling: Toman) -> Toman {
        Toman(self.confirmed.0 + self.pending.0.min(ceiling.0))
    }
}

/// Opens the wallet of a new user, empty.
pub async fn open_wallet(conn: &mut PgConnection, user: UserId) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO wallets (user_id) VALUES ($1)", user.0).execute(conn).await?;
    Ok(())
}

/// Locks the wallet until the caller's transaction ends, and reads it. Every change of money begins here.
///
/// # Errors
/// `RowNotFound` when the user has no wallet.
pub async fn lock(conn: &mut PgConnection, user: UserId) -> sqlx::Result<Balance> {
    sqlx::query_as!(
        Balance,
        r#"SELECT confirmed AS "confirmed: Toman", pending AS "pending: Toman", negative_since
           FROM wallets WHERE user_id = $1 FOR UPDATE"#,
        user.0
    )
    .fetch_one(conn)
    .await
}

/// Reads the wallet without locking it: for showing, never for deciding.
///
/// # Errors
/// `RowNotFound` when the user has no wallet.
pub async fn balance(conn: &mut PgConnection, user: UserId) -> sqlx::Result<Balance> {
    sqlx::query_as!(
        Balance,
        r#"SELECT confirmed AS "confirmed: Toman", pending AS "pending: Toman", negative_since
           FROM wallets WHERE user_id = $1"#,
        user.0
    )
    .fetch_one(conn)
    .await
}

/// Writes one ledger row and the wallet, in the caller's transaction: the only writer of both tables.
///
/// Returns the row's id and the wallet after it. `negative_since` is set by the row that takes the total below
/// zero and cleared by the one that brings it back (the 24-hour rule counts from there).
///
/// # Errors
/// A unique violation when the event has had its money effect already; `RowNotFound` without a wallet.
pub async fn post(
    conn: &mut PgConnection,
    posting: &Posting,
    now: Time,
) -> sqlx::Result<(TransactionId, Balance)> {
    let before = lock(conn, posting.user).await?;
    let after = Balance {
        confirmed: Toman(before.confirmed.0 + posting.confirmed.0),
        pending: Toman(before.pending.0 + posting.pending.0),
        negative_since: None,
    };
    let after = Balance {
        negative_since: (after.total().0 < 0).then(|| before.negative_since.unwrap_or(now)),
        ..after
    };
    let (reference_type, payment_id, order_id, change_id) = match posting.reference {
        Reference::Payment(id) => ("PAYMENT", Some(id.0), None, None),
        Reference::Order(id) => ("ORDER", None, Some(id.0), None),
        Reference::Change { order, change } => ("ORDER", None, Some(order.0), Some(change.0)),
        Reference::Manual => ("MANUAL", None, None, None),
    };
    let seq = sqlx::query_scalar!(
        "UPDATE wallets SET confirmed = $2, pending = $3, negative_since = $4, last_seq = last_seq + 1
         WHERE user_id = $1 RETURNING last_seq",
        posting.user.0,
        after.confirmed.0,
        after.pending.0,
        after.negative_since
    )
    .fetch_one(&mut *conn)
    .await?;
    let id = sqlx::query_scalar!(
        "INSERT INTO transactions (user_id, seq, type, confirmed_delta, pending_delta, balance_before, balance_after,
             confirmed_after, pending_after, reference_type, payment_id, order_id, change_id, notes, created_at,
             created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id",
        posting.user.0,
        seq,
        posting.entry_type.code(),
        posting.confirmed.0,
        posting.pending.0,
        before.total().0,
        after.total().0,
        after.confirmed.0,
        after.pending.0,
        reference_type,
        payment_id,
        order_id,
        change_id,
        posting.notes,
        now,
        posting.by.map(|user| user.0)
    )
    .fetch_one(conn)
    .await?;
    Ok((TransactionId(id), after))
}
