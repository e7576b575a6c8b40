//! Orders as the owner of the shop sees them: everybody's, each with all that happened to it.

pub mod life;
pub mod queries;

use super::Status;

impl Status {
    /// All of them, in the order in which filters list them.
    pub const ALL: [Self; 7] = [
        Self::Provisioning,
        Self::Active,
        Self::Disabled,
        Self::Failed,
        Self::AwaitingPayment,
        Self::Deleted,
        Self::Cancelled,
    ];

    /// The word that stands in the database and in filter addresses.
    pub fn code(self) -> &'static str {
        match self {
            Self::AwaitingPayment => "AWAITING_PAYMENT",
            Self::Provisioning => "PROVISIONING",
            Self::Active => "ACTIVE",
            Self::Disabled => "DISABLED",
            Self::Deleted => "DELETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// What the server last said that an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServerStatus {
    Active,
    OnHold,
    Disabled,
    /// Its volume is used up.
    Limited,
    Expired,
}

impl ServerStatus {
    /// All of them, in the order in which filters list them.
    pub const ALL: [Self; 5] = [Self::Active, Self::OnHold, Self::Limited, Self::Expired, Self::Disabled];

    /// The word that stands in the database and in filter addresses.
    pub fn code(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::OnHold => "ON_HOLD",
            Self::Disabled => "DISABLED",
            Self::Limited => "LIMITED",
            Self::Expired => "EXPIRED",
        }
    }
}
