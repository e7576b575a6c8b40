//! What a person says of herself: name, phone, e-mail. An agent's name and phone stand with her shop, a customer's
//! phone with the customer, all else with the account.

pub mod handlers;

use serde_json::{Map, Value, json};
use sqlx::{PgConnection, PgPool};

use crate::{
    accounts::{self, ContactError},
    agents,
    audit::Actor,
    calendar::Time,
    customers,
    ids::UserId,
    role::Role,
};

/// A person in her own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Profile {
    /// Empty for an agent, who has two names.
    pub name: String,
    pub first_name: String,
    pub last_name: String,
    /// Canonical; empty only for an admin.
    pub phone: String,
    /// Small letters; may be empty.
    pub email: String,
}

/// Reads a person's profile.
///
/// # Errors
/// When the database fails.
pub async fn get(conn: &mut PgConnection, user: UserId) -> sqlx::Result<Profile> {
    sqlx::query_as!(
        Profile,
        r#"SELECT u.name, coalesce(a.first_name, '') AS "first_name!", coalesce(a.last_name, '') AS "last_name!",
                  coalesce(a.phone, e.phone, u.phone, '') AS "phone!", coalesce(u.email, '') AS "email!"
           FROM users u LEFT JOIN agents a ON a.user_id = u.id LEFT JOIN end_users e ON e.user_id = u.id
           WHERE u.id = $1 FOR UPDATE OF u"#,
        user.0
    )
    .fetch_one(conn)
    .await
}

/// Changes a person's own profile; what was changed is written down, from what to what.
///
/// # Errors
/// See [`ContactError`]; nothing was changed.
pub async fn update(
    db: &PgPool,
    role: Role,
    new: &Profile,
    by: Actor,
    now: Time,
) -> Result<(), ContactError> {
    let mut tx = db.begin().await?;
    let before = get(&mut tx, by.user).await?;
    if before == *new {
        return Ok(());
    }
    let email = Some(new.email.as_str()).filter(|email| !email.is_empty());
    let phone = Some(new.phone.as_str()).filter(|phone| role == Role::Admin && !phone.is_empty());
    accounts::set_contact(&mut tx, by.user, &new.name, email, phone, now).await?;
    match role {
        Role::Admin => {}
        Role::Agent => {
            agents::introduce(&mut tx, by.user, &new.first_name, &new.last_name, &new.phone).await?;
        }
        Role::EndUser => customers::set_phone(&mut tx, by.user, &new.phone).await?,
    }
    let detail = json!({ "changes": changes(&before, new) });
    by.record(&mut tx, "account.update_profile", ("user", Some(by.user.0)), detail, now).await?;
    tx.commit().await?;
    Ok(())
}

/// By field: what it was, and what it is.
fn changes(before: &Profile, after: &Profile) -> Map<String, Value> {
    let (Value::Object(before), Value::Object(after)) = (json!(before), json!(after)) else {
        return Map::new();
    };
    let pairs = after.into_iter().filter_map(|(field, new)| {
        let old = before.get(&field).cloned().unwrap_or_default();
        (old != new).then(|| (field, json!([old, new])))
    });
    pairs.collect()
}
