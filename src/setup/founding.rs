//! Making the first admin.

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::codes;
use crate::{
    accounts::{self, CreateError, Origin, strength, throttle},
    audit::{self, Deed},
    calendar::Time,
    role::Role,
    settings,
};

/// What the first admin says.
#[derive(Clone, Copy, Debug)]
pub struct NewShop<'a> {
    pub code: &'a str,
    /// 1 to 60 characters.
    pub shop_name: &'a str,
    pub username: &'a str,
    pub password: &'a str,
}

/// Why there is no first admin.
#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    #[error("the code is none of ours")]
    WrongCode,
    #[error("too many failures")]
    Throttled { wait: std::time::Duration },
    /// There is an admin already.
    #[error("somebody was faster")]
    Done,
    #[error("the password is too easy to guess")]
    PasswordWeak,
    #[error(transparent)]
    Create(#[from] CreateError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Makes the first admin and signs her in, in one transaction. Returns her sign-in.
///
/// # Errors
/// [`FoundError`]; nothing was made.
pub async fn found(
    db: &PgPool,
    new: &NewShop<'_>,
    origin: Origin<'_>,
    now: Time,
) -> Result<Uuid, FoundError> {
    // Of nobody's name: strangers must not be able to keep the owner out. The space keeps it from being a user name.
    let name = format!("setup {}", origin.address);
    let attempt = match throttle::begin(db, &name, origin.address, now).await? {
        throttle::Gate::Open(attempt) => attempt,
        throttle::Gate::Closed { wait } => return Err(FoundError::Throttled { wait }),
    };
    let mut tx = db.begin().await?;
    codes::lock(&mut tx).await?;
    if accounts::is_there_an_admin(&mut tx).await? {
        throttle::withdraw(&mut tx, attempt).await?;
        tx.commit().await?;
        return Err(FoundError::Done);
    }
    if !codes::is_good(&mut tx, new.code).await? {
        let deed = Deed {
            actor: None,
            action: "setup.refuse_code",
            subject_type: "settings",
            subject_id: None,
            detail: json!({}),
            address: Some(&origin.address),
        };
        audit::record(&mut tx, &deed, now).await?;
        tx.commit().await?;
        return Err(FoundError::WrongCode);
    }
    match make(&mut tx, new, origin, now).await {
        Ok(sign_in) => {
            throttle::succeed(&mut tx, attempt).await?;
            tx.commit().await?;
            Ok(sign_in)
        }
        Err(error) => {
            drop(tx);
            // The code was right: what is wrong with the rest is no attempt to guess it.
            throttle::withdraw(&mut *db.acquire().await?, attempt).await?;
            Err(error)
        }
    }
}

async fn make(
    conn: &mut sqlx::PgConnection,
    new: &NewShop<'_>,
    origin: Origin<'_>,
    now: Time,
) -> Result<Uuid, FoundError> {
    if !strength(new.password, &[new.username, new.shop_name]).is_enough() {
        return Err(FoundError::PasswordWeak);
    }
    // The trigger on `users` takes the codes away.
    let admin = accounts::create_user(conn, new.username, new.password, Role::Admin, now).await?;
    settings::set_shop_name(conn, new.shop_name).await?;
    let deed = Deed {
        actor: Some(admin),
        action: "account.create_admin",
        subject_type: "user",
        subject_id: Some(admin.0),
        detail: json!({ "from": "first start" }),
        address: Some(&origin.address),
    };
    audit::record(conn, &deed, now).await?;
    Ok(accounts::open_sign_in(conn, admin, origin, now).await?)
}
