//! Notices: what a person is told, in the panel and, where she has linked them, by Telegram and e-mail.
//!
//! Invariant: a notice is stored in the transaction of what it tells of, so neither exists without the other, and
//! what becomes of its delivery never touches that. What bears a key, a person is told of once.

mod couriers;
pub mod errors;
pub mod handlers;
pub mod jobs;
mod kinds;
mod links;
mod own;
mod queries;
mod quiet;
mod raise;
mod settings;
pub mod watch;
mod words;

use serde_json::Value;

use crate::{
    calendar::Time,
    ids::{OrderId, PaymentId, UserId},
    role::Role,
};

pub use couriers::Couriers;
pub use kinds::Kind;
pub use own::forget;
pub use raise::{raise, resolve};

/// Something that people are told.
#[derive(Clone, Debug)]
pub struct Notice {
    pub to: Recipients,
    pub kind: Kind,
    pub subject: Subject,
    /// What the words need beside the subject; each kind's keys stand beside it in [`Kind`].
    pub data: Value,
    /// Told once to each person; `None` is told each time.
    pub key: Option<String>,
}

/// Who is told. People whose role the kind is not for, and those who are disabled, are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipients {
    User(UserId),
    Admins,
}

/// What it is about, and so which page it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Nothing,
    Payment(PaymentId),
    Order(OrderId),
    User(UserId),
}

impl Subject {
    fn columns(self) -> (Option<&'static str>, Option<i64>) {
        match self {
            Self::Nothing => (None, None),
            Self::Payment(id) => (Some("PAYMENT"), Some(id.0)),
            Self::Order(id) => (Some("ORDER"), Some(id.0)),
            Self::User(id) => (Some("USER"), Some(id.0)),
        }
    }

    fn from_columns(subject_type: Option<&str>, id: Option<i64>) -> Self {
        match (subject_type, id) {
            (Some("PAYMENT"), Some(id)) => Self::Payment(PaymentId(id)),
            (Some("ORDER"), Some(id)) => Self::Order(OrderId(id)),
            (Some("USER"), Some(id)) => Self::User(UserId(id)),
            _ => Self::Nothing,
        }
    }
}

/// Where else than in the panel a person is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Channel {
    Telegram,
    Email,
}

impl Channel {
    pub const ALL: [Self; 2] = [Self::Telegram, Self::Email];

    /// The word for it in our tables and jobs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Telegram => "TELEGRAM",
            Self::Email => "EMAIL",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.code() == code)
    }
}

/// A stored notice, as its reader's pages and messages show it.
#[derive(Clone, Debug)]
struct Told {
    id: i64,
    kind: Kind,
    subject: Subject,
    data: Value,
    created_at: Time,
    is_read: bool,
}

/// Where a notice leads its reader; her own pages only.
fn page_of(role: Role, kind: Kind, subject: Subject) -> String {
    match (role, subject) {
        (Role::Admin, Subject::Payment(id)) => format!("/admin/payments/{id}"),
        (Role::Admin, Subject::Order(id)) => format!("/admin/orders/{id}"),
        (Role::Admin, Subject::User(id)) => format!("/admin/agents/{id}"),
        (Role::Admin, _) => match kind {
            Kind::PaymentNew => "/admin/payments".to_owned(),
            Kind::BackupFailed | Kind::BackupNotCopied => "/admin/backups".to_owned(),
            _ => "/admin/upkeep".to_owned(),
        },
        (Role::Agent, Subject::Payment(_)) => "/agent/wallet".to_owned(),
        (Role::Agent, Subject::Order(id)) => format!("/agent/users/{id}"),
        (Role::Agent, _) => match kind {
            Kind::BelowZero => "/agent/wallet".to_owned(),
            _ => "/agent/users".to_owned(),
        },
        (Role::EndUser, Subject::Order(id)) => format!("/user/accounts/{id}"),
        (Role::EndUser, _) => "/user".to_owned(),
    }
}
