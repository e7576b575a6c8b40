//! The kinds of notices: whom each is for, and whether it may wait for the morning.

use crate::role::Role;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident($code:literal, $roles:expr),)+) => {
        /// What a notice is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $($(#[$doc])* $kind,)+
        }

        impl Kind {
            /// All kinds, in the order in which they are listed.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// The word for it in our tables and forms.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$kind => $code,)+
                }
            }

            /// Whom it is for.
            pub fn roles(self) -> &'static [Role] {
                match self {
                    $(Self::$kind => $roles,)+
                }
            }
        }
    };
}

kinds! {
    /// A payment waits for a decision. `payer`, `amount`.
    PaymentNew("PAYMENT_NEW", &[Role::Admin]),
    /// An order's account could not be made. `username`.
    OrderFailed("ORDER_FAILED", &[Role::Admin]),
    /// An order waits for its account too long. `username`.
    OrderLate("ORDER_LATE", &[Role::Admin]),
    /// Changes of accounts wait for the server too long. `count`, `username`.
    ChangesLate("CHANGES_LATE", &[Role::Admin]),
    /// Marzban does not answer. `cause`.
    ServerDown("SERVER_DOWN", &[Role::Admin]),
    /// It answers again. `minutes`.
    ServerBack("SERVER_BACK", &[Role::Admin]),
    /// An agent is below zero. `agent`, `owed`.
    AgentBelowZero("AGENT_BELOW_ZERO", &[Role::Admin]),
    /// No backup was made. `error`.
    BackupFailed("BACKUP_FAILED", &[Role::Admin]),
    /// A backup is still not copied off the machine. `error`.
    BackupNotCopied("BACKUP_NOT_COPIED", &[Role::Admin]),
    /// Something done by the clock failed three times in a row. `task`, `error`.
    TaskFailed("TASK_FAILED", &[Role::Admin]),
    /// Pages fail more often than they should. `count`, `minutes`.
    ErrorRate("ERROR_RATE", &[Role::Admin]),
    /// They don't any more. `minutes`.
    ErrorsOver("ERRORS_OVER", &[Role::Admin]),
    /// One's own payment was decided. `approved`, `amount`, `reason`.
    PaymentDecided("PAYMENT_DECIDED", &[Role::Agent, Role::EndUser]),
    /// One's own wallet is below zero: at once and as the deadline comes near. `owed`, `deadline`.
    BelowZero("BELOW_ZERO", &[Role::Agent]),
    /// One's own accounts were switched off by the 24-hour rule. `count`.
    AccountsDisabled("ACCOUNTS_DISABLED", &[Role::Agent]),
    /// They are on again. `count`.
    AccountsBack("ACCOUNTS_BACK", &[Role::Agent]),
    /// An ordered account is there. `username`.
    OrderReady("ORDER_READY", &[Role::EndUser]),
    /// Accounts end within a few days. `count`, `usernames`.
    AccountsEnding("ACCOUNTS_ENDING", &[Role::Agent, Role::EndUser]),
}

impl Kind {
    /// The kind of that word; an older version may meet words that it does not know.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }

    /// The kinds for people of this role.
    pub fn of(role: Role) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |kind| kind.roles().contains(&role))
    }

    /// Whether it breaks quiet hours: what costs customers while its reader sleeps.
    pub fn is_urgent(self) -> bool {
        matches!(self, Self::ServerDown | Self::ErrorRate | Self::BelowZero | Self::AccountsDisabled)
    }
}
