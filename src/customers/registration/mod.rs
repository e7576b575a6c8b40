//! Registering: a stranger makes her own account and is signed in.
//!
//! Invariant: a form makes one account, however often it is sent, and nobody comes into an account that was there
//! before without its password.

pub mod handlers;
mod throttle;

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

pub use throttle::forget as forget_attempts;

use crate::{
    accounts::{self, ContactError, CreateError, Entry, Origin, SignInError},
    audit::{self, Actor},
    calendar::Time,
    ids::UserId,
    persian::Phone,
};

/// What a stranger typed.
#[derive(Clone, Debug)]
pub struct Registration<'a> {
    pub username: &'a str,
    pub password: &'a str,
    pub phone: &'a Phone,
    /// As `accounts::parse_email` gives it.
    pub email: Option<&'a str>,
    /// The form's own id: sent twice, it makes one account.
    pub request_id: Uuid,
}

/// Why nobody was registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The owner has closed it.
    #[error("registration is closed")]
    Closed,
    /// Too many attempts from this address, or altogether.
    #[error("too many attempts")]
    Throttled { wait: std::time::Duration },
    #[error("the password is guessed too easily")]
    PasswordWeak,
    #[error("another person has this e-mail address")]
    EmailTaken,
    #[error(transparent)]
    Create(#[from] CreateError),
}

impl From<sqlx::Error> for RegisterError {
    fn from(error: sqlx::Error) -> Self {
        Self::Create(CreateError::Database(error))
    }
}

/// Makes an end user with an empty wallet and signs her in. Returns her sign-in.
///
/// # Errors
/// See [`RegisterError`].
pub async fn register(
    db: &PgPool,
    new: &Registration<'_>,
    origin: Origin<'_>,
    now: Time,
) -> Result<Uuid, RegisterError> {
    if !accounts::is_registration_open(db).await? {
        return Err(RegisterError::Closed);
    }
    if new.password.chars().count() < accounts::MIN_LENGTH {
        return Err(CreateError::PasswordTooShort.into());
    }
    let known = [new.username, new.phone.as_str(), new.email.unwrap_or_default()];
    if !accounts::strength(new.password, &known).is_enough() {
        return Err(RegisterError::PasswordWeak);
    }
    if let Some(wait) = throttle::knock(db, origin.address, now).await? {
        return Err(RegisterError::Throttled { wait });
    }
    match create(db, new, origin, now).await {
        Err(RegisterError::Create(CreateError::UsernameTaken)) => come_again(db, new, origin, now).await,
        outcome => outcome,
    }
}

async fn create(
    db: &PgPool,
    new: &Registration<'_>,
    origin: Origin<'_>,
    now: Time,
) -> Result<Uuid, RegisterError> {
    let mut tx = db.begin().await?;
    let user = super::create(&mut tx, new.username, new.password, new.phone.as_str(), now).await?;
    if let Some(email) = new.email {
        accounts::set_email(&mut tx, user, email).await.map_err(|error| match error {
            ContactError::EmailTaken => RegisterError::EmailTaken,
            ContactError::Database(error) => error.into(),
        })?;
    }
    let by = Actor { user, address: Some(origin.address) };
    let detail = json!({ "request_id": new.request_id });
    by.record(&mut tx, "customer.register", ("user", Some(user.0)), detail, now).await?;
    let sign_in = accounts::open_sign_in(&mut tx, user, origin, now).await?;
    tx.commit().await?;
    Ok(sign_in)
}

/// The name is taken, perhaps by this very form: then its password opens the account that it made.
async fn come_again(
    db: &PgPool,
    new: &Registration<'_>,
    origin: Origin<'_>,
    now: Time,
) -> Result<Uuid, RegisterError> {
    let taken = || RegisterError::Create(CreateError::UsernameTaken);
    let holder = sqlx::query_scalar!(
        r#"SELECT id AS "id: UserId" FROM users WHERE username = $1"#,
        new.username.trim().to_lowercase()
    );
    let mut conn = db.acquire().await?;
    let holder = holder.fetch_optional(&mut *conn).await?.ok_or_else(taken)?;
    if !audit::is_recorded(&mut conn, "customer.register", holder, new.request_id).await? {
        return Err(taken());
    }
    drop(conn);
    match accounts::sign_in(db, new.username, new.password, origin, now).await {
        Ok(Entry::Open(signed_in)) => Ok(signed_in.sign_in),
        // She has a second factor by now: the way in is the sign-in page.
        Ok(Entry::Half { .. }) => Err(taken()),
        Err(SignInError::Throttled { wait }) => Err(RegisterError::Throttled { wait }),
        Err(SignInError::Database(error)) => Err(error.into()),
        Err(SignInError::Hashing(error)) => Err(CreateError::Hashing(error).into()),
        Err(SignInError::Wrong | SignInError::Disabled) => Err(taken()),
    }
}
