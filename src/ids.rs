//! The numbers that name rows. Each is its own type, so that one can't stand in for another.

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type, serde::Serialize, serde::Deserialize)]
        #[sqlx(transparent)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<i64> for $name {
            fn from(id: i64) -> Self {
                Self(id)
            }
        }
    )+};
}

id! {
    /// A person who signs in: admin, agent or end user.
    UserId,
    PlanId,
    PaymentMethodId,
    ReceiptId,
    PaymentId,
    OrderId,
    /// What is done with an order's account after it was made.
    ChangeId,
    /// Several accounts that one thing is done with.
    SelectionId,
    /// Several accounts ordered by one form.
    BatchId,
    /// Accounts of the server brought in as orders.
    ImportId,
    TransactionId,
    JobId,
    /// A run of what is done by the clock.
    RunId,
    BackupId,
}
