//! What end users may do by themselves: each a switch of the owner's.
//!
//! A switch is set to what was pressed, never turned over, so that pressing twice and two admins at once do no harm.

pub mod handlers;

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use crate::{audit::Actor, calendar::Time};

/// What is open to end users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Openings {
    /// Strangers may register.
    pub registration: bool,
    /// New orders are taken.
    pub purchase: bool,
    /// Wallets may be charged without an order.
    pub charging: bool,
}

/// One of the switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    Registration,
    Purchase,
    Charging,
}

impl Switch {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 3] = [Self::Registration, Self::Purchase, Self::Charging];

    /// Its word in forms and in the log.
    pub fn code(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Purchase => "purchase",
            Self::Charging => "charging",
        }
    }

    /// Whether it stands open in `openings`.
    pub fn is_open(self, openings: Openings) -> bool {
        match self {
            Self::Registration => openings.registration,
            Self::Purchase => openings.purchase,
            Self::Charging => openings.charging,
        }
    }
}

/// What is open now.
///
/// # Errors
/// When the database fails.
pub async fn get(conn: &mut PgConnection) -> sqlx::Result<Openings> {
    sqlx::query_as!(
        Openings,
        "SELECT registration_open AS registration, purchase_open AS purchase, charging_open AS charging FROM settings"
    )
    .fetch_one(conn)
    .await
}

/// Opens or closes one function; written down where that changed anything.
///
/// # Errors
/// When the database fails.
pub async fn set(db: &PgPool, by: Actor, switch: Switch, open: bool, now: Time) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    let changed = sqlx::query!(
        "UPDATE settings
         SET registration_open = CASE WHEN $1 = 'registration' THEN $2 ELSE registration_open END,
             purchase_open = CASE WHEN $1 = 'purchase' THEN $2 ELSE purchase_open END,
             charging_open = CASE WHEN $1 = 'charging' THEN $2 ELSE charging_open END
         WHERE $2 <> CASE $1 WHEN 'registration' THEN registration_open WHEN 'purchase' THEN purchase_open
                             ELSE charging_open END",
        switch.code(),
        open
    )
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() == 0 {
        return Ok(());
    }
    let action = if open { "settings.open" } else { "settings.close" };
    let detail = json!({ "function": switch.code() });
    by.record(&mut tx, action, ("switch", None), detail, now).await?;
    tx.commit().await
}
