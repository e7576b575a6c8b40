//! Reads of customers, shaped for their list.

use sqlx::PgConnection;

use crate::{
    calendar::Time,
    ids::UserId,
    money::Toman,
    persian::{Phone, latin_digits, normalize},
};

/// Which customers a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    #[default]
    All,
    Active,
    Disabled,
}

impl Show {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 3] = [Self::All, Self::Active, Self::Disabled];

    /// The word in the page's address.
    pub fn code(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// One customer of a list.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: UserId,
    pub username: String,
    pub phone: String,
    pub is_active: bool,
    /// Toman.
    pub total: Toman,
    /// Accounts that work.
    pub accounts: i64,
    pub created_at: Time,
    pub last_sign_in: Option<Time>,
}

/// At most `limit` customers, the newest first, whose user name or phone holds what was typed.
///
/// # Errors
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    search: &str,
    show: Show,
    before: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    let typed = latin_digits(&normalize(search)).to_lowercase();
    let phone = Phone::parse(search).map_or_else(|_| typed.clone(), |phone| phone.to_string());
    sqlx::query_as!(
        Row,
        r#"SELECT u.id AS "id: UserId", u.username, e.phone, u.status = 'ACTIVE' AS "is_active!",
                  w.total AS "total!: Toman", u.created_at,
                  (SELECT count(*) FROM orders o WHERE o.user_id = u.id AND o.status = 'ACTIVE') AS "accounts!",
                  (SELECT l.created_at FROM audit_log l WHERE l.actor_id = u.id AND l.action = 'account.sign_in'
                   ORDER BY l.id DESC LIMIT 1) AS last_sign_in
           FROM end_users e
           JOIN users u ON u.id = e.user_id
           JOIN wallets w ON w.user_id = u.id
           WHERE ($1 = '' OR u.status = upper($1))
             AND ($2 = '%%' OR u.username LIKE $2 OR e.phone LIKE $3)
             AND ($4::bigint IS NULL OR e.user_id < $4)
           ORDER BY e.user_id DESC LIMIT $5"#,
        show.code(),
        containing(&typed),
        containing(&phone),
        before,
        limit
    )
    .fetch_all(conn)
    .await
}

/// The pattern of LIKE for texts that contain this one.
fn containing(text: &str) -> String {
    format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}
