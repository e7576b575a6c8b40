//! The log as the owner reads it: who did what, to what, when, from where.
//!
//! Invariant: it only reads; every deed writes its own row in its own transaction.

pub mod handlers;
mod queries;

/// What a deed was about: the nouns of its actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Money,
    /// Signing in and out, passwords, disabling and enabling.
    SignIns,
    Orders,
    Agents,
    Plans,
    Methods,
    Settings,
}

impl Kind {
    /// All of them, in the order in which the filter lists them.
    pub const ALL: [Self; 7] =
        [Self::Money, Self::SignIns, Self::Orders, Self::Agents, Self::Plans, Self::Methods, Self::Settings];

    /// The word in the page's address.
    pub fn code(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::SignIns => "sign-ins",
            Self::Orders => "orders",
            Self::Agents => "agents",
            Self::Plans => "plans",
            Self::Methods => "methods",
            Self::Settings => "settings",
        }
    }

    /// The first words of its actions.
    fn nouns(self) -> &'static [&'static str] {
        match self {
            Self::Money => &["payment", "wallet"],
            Self::SignIns => &["account", "customer", "setup", "view_as"],
            Self::Orders => &["order"],
            Self::Agents => &["agent"],
            Self::Plans => &["plan"],
            Self::Methods => &["payment_method"],
            Self::Settings => &["settings", "report", "task", "job", "backup", "notices"],
        }
    }

    /// The kind of an action; `None` for one of a noun that belongs to none.
    pub fn of(action: &str) -> Option<Self> {
        let noun = action.split('.').next()?;
        Self::ALL.into_iter().find(|kind| kind.nouns().contains(&noun))
    }
}
