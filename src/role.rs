//! The three roles. Rooms that make people and doors that let them in mean the same word.

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type, serde::Serialize, serde::Deserialize)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    Admin,
    Agent,
    EndUser,
}

impl Role {
    /// The word that stands in the database and in filter addresses.
    pub fn code(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN",
            Self::Agent => "AGENT",
            Self::EndUser => "END_USER",
        }
    }

    /// Where her own area begins.
    pub fn home(self) -> &'static str {
        match self {
            Self::Admin => "/admin",
            Self::Agent => "/agent",
            Self::EndUser => "/user",
        }
    }
}
