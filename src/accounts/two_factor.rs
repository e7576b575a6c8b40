//! The second factor: a code that a person's phone makes anew every 30 seconds (TOTP, RFC 6238), and ten recovery
//! codes for whoever has lost her phone.
//!
//! Invariant: no code is taken twice. The secrets stand in the database as they are, because the panel has no key of
//! its own to lock them with: whoever reads a backup can make codes, though no passwords.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};
use totp_rs::{Builder, Secret, Totp};

use super::{PasswordError, one_time_password, own_password, throttle};
use crate::{audit::Actor, calendar::Time, ids::UserId, persian::clean_number};

/// How many recovery codes a person has at first.
pub const RECOVERY_CODES: usize = 10;

/// A code as it was typed.
#[derive(Clone, Copy, Debug)]
pub enum Code<'a> {
    /// Six digits, in any script; taken in its own 30 seconds and those before and after.
    Timed(&'a str),
    Recovery(&'a str),
}

impl Code<'_> {
    /// For the log.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Timed(_) => "code",
            Self::Recovery(_) => "recovery",
        }
    }
}

/// A secret that is not in use yet: the person's phone has still to prove that it knows it.
pub struct Enrolment(Totp);

impl Enrolment {
    /// A new secret for the account of `username`, under the shop's name.
    pub fn new(shop: &str, username: &str) -> Self {
        Self::with(Secret::new(Box::new(rand::random::<[u8; 20]>())), shop, username)
    }

    /// The one that [`Self::secret`] told.
    pub fn from_secret(secret: &str, shop: &str, username: &str) -> Option<Self> {
        Some(Self::with(Secret::try_from_base32(secret).ok()?, shop, username))
    }

    fn with(secret: Secret, shop: &str, username: &str) -> Self {
        // Apps take what stands before a colon for the issuer.
        let shop = shop.replace(':', " ");
        let totp = builder(secret).with_account_name(username).with_issuer(Some(shop));
        Self(totp.build_noncompliant())
    }

    /// The secret as it is typed into an app: base 32.
    pub fn secret(&self) -> String {
        self.0.secret().to_base32()
    }

    /// The same as an address that apps read from a QR code.
    pub fn address(&self) -> String {
        self.0.to_url().unwrap_or_default()
    }
}

fn builder(secret: Secret) -> Builder {
    Builder::new().with_secret(secret).with_skew(1)
}

/// The 30 seconds since 1970 whose code this is, if it is one of now.
fn step_of(totp: &Totp, typed: &str, now: Time) -> Option<i64> {
    let now = u64::try_from(now.unix_timestamp()).ok()?;
    totp.check(&clean_number(typed), now).and_then(|step| i64::try_from(step).ok())
}

/// Why a second factor was not turned on.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    #[error("wrong code")]
    WrongCode,
    #[error("it is on already")]
    AlreadyOn,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Turns the second factor on, once the code proves that the phone knows the secret. Returns the recovery codes,
/// which nobody can read again.
///
/// # Errors
/// See [`EnrolError`].
pub async fn turn_on(
    db: &PgPool,
    enrolment: &Enrolment,
    code: &str,
    by: Actor,
    now: Time,
) -> Result<Vec<String>, EnrolError> {
    let step = step_of(&enrolment.0, code, now).ok_or(EnrolError::WrongCode)?;
    let mut tx = db.begin().await?;
    let added = sqlx::query!(
        "INSERT INTO two_factors (user_id, secret, last_step, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
        by.user.0,
        enrolment.0.secret().as_bytes(),
        step,
        now
    )
    .execute(&mut *tx)
    .await?;
    if added.rows_affected() == 0 {
        return Err(EnrolError::AlreadyOn);
    }
    let codes = write_codes(&mut tx, by.user).await?;
    record(&mut tx, "account.turn_on_two_factor", by, now).await?;
    tx.commit().await?;
    Ok(codes)
}

/// Why a second factor was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error("wrong code")]
    WrongCode,
    #[error("it is off")]
    Off,
}

impl From<sqlx::Error> for ProofError {
    fn from(error: sqlx::Error) -> Self {
        Self::Password(error.into())
    }
}

/// Turns the second factor off, for whoever knows password and code.
///
/// # Errors
/// See [`ProofError`].
pub async fn turn_off(
    db: &PgPool,
    password: &str,
    code: Code<'_>,
    by: Actor,
    now: Time,
) -> Result<(), ProofError> {
    let mut tx = prove(db, password, code, by, now).await?;
    remove(&mut tx, by.user).await?;
    record(&mut tx, "account.turn_off_two_factor", by, now).await?;
    tx.commit().await?;
    Ok(())
}

/// New recovery codes in place of all before, for whoever knows password and code.
///
/// # Errors
/// See [`ProofError`].
pub async fn renew_recovery_codes(
    db: &PgPool,
    password: &str,
    code: Code<'_>,
    by: Actor,
    now: Time,
) -> Result<Vec<String>, ProofError> {
    let mut tx = prove(db, password, code, by, now).await?;
    let codes = write_codes(&mut tx, by.user).await?;
    record(&mut tx, "account.renew_recovery_codes", by, now).await?;
    tx.commit().await?;
    Ok(codes)
}

/// A transaction in which both factors of the person have been proven, throttled like signing in.
async fn prove(
    db: &PgPool,
    password: &str,
    code: Code<'_>,
    by: Actor,
    now: Time,
) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, ProofError> {
    let address = by.address.unwrap_or(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
    let attempt = own_password::check(db, by.user, password, address, now).await?;
    let mut tx = db.begin().await?;
    if !is_on(&mut tx, by.user).await? {
        return Err(ProofError::Off);
    }
    if !take(&mut tx, by.user, code, now).await? {
        return Err(ProofError::WrongCode);
    }
    throttle::succeed(&mut tx, attempt).await?;
    Ok(tx)
}

/// Takes the second factor away, in the caller's transaction. Returns whether there was one.
pub(super) async fn remove(conn: &mut PgConnection, user: UserId) -> sqlx::Result<bool> {
    sqlx::query!("DELETE FROM recovery_codes WHERE user_id = $1", user.0).execute(&mut *conn).await?;
    let removed = sqlx::query!("DELETE FROM two_factors WHERE user_id = $1", user.0).execute(conn).await?;
    Ok(removed.rows_affected() > 0)
}

/// Whether a person has a second factor.
pub(super) async fn is_on(conn: &mut PgConnection, user: UserId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM two_factors WHERE user_id = $1) AS "on!""#, user.0)
        .fetch_one(conn)
        .await
}

/// Uses a code up. Returns whether it was a right one that had not been used.
pub(super) async fn take(
    conn: &mut PgConnection,
    user: UserId,
    code: Code<'_>,
    now: Time,
) -> sqlx::Result<bool> {
    let used = match code {
        Code::Recovery(typed) => {
            sqlx::query!(
                "DELETE FROM recovery_codes WHERE user_id = $1 AND digest = $2",
                user.0,
                digest(user, typed)
            )
            .execute(conn)
            .await?
        }
        Code::Timed(typed) => {
            let secret = sqlx::query_scalar!("SELECT secret FROM two_factors WHERE user_id = $1", user.0)
                .fetch_optional(&mut *conn)
                .await?;
            let totp = secret.map(|secret| builder(Secret::new(secret.into())).build_noncompliant());
            let Some(step) = totp.and_then(|totp| step_of(&totp, typed, now)) else { return Ok(false) };
            sqlx::query!(
                "UPDATE two_factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2",
                user.0,
                step
            )
            .execute(conn)
            .await?
        }
    };
    Ok(used.rows_affected() > 0)
}

async fn write_codes(conn: &mut PgConnection, user: UserId) -> sqlx::Result<Vec<String>> {
    sqlx::query!("DELETE FROM recovery_codes WHERE user_id = $1", user.0).execute(&mut *conn).await?;
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| one_time_password()).collect();
    let digests: Vec<Vec<u8>> = codes.iter().map(|code| digest(user, code)).collect();
    sqlx::query!(
        "INSERT INTO recovery_codes (user_id, digest) SELECT $1, digest FROM unnest($2::bytea[]) digest",
        user.0,
        &digests
    )
    .execute(conn)
    .await?;
    Ok(codes)
}

/// A recovery code as it is stored: 59 random bits need no salt but the person.
fn digest(user: UserId, code: &str) -> Vec<u8> {
    let code = clean_number(code).to_lowercase();
    Sha256::new().chain_update(user.0.to_be_bytes()).chain_update(code).finalize().to_vec()
}

async fn record(conn: &mut PgConnection, action: &'static str, by: Actor, now: Time) -> sqlx::Result<()> {
    by.record(conn, action, ("user", Some(by.user.0)), json!({}), now).await
}
