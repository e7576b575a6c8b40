//! Why the store did not do what was asked; each message is one sentence for the owner.

use std::{error::Error, io};

use crate::config::OffsiteConfig;

/// The store's words are kept up to this length.
const SAID: usize = 300;
/// What stores call a wrong key or secret.
const SIGN_IN: [&str; 5] = [
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "InvalidToken",
    "NotSignedUp",
    "AuthorizationHeaderMalformed",
];
/// What they call being full.
const FULL: [&str; 6] = [
    "QuotaExceeded",
    "InsufficientStorage",
    "InsufficientCapacity",
    "StorageFull",
    "XMinioStorageFull",
    "XMinioAdminBucketQuotaExceeded",
];

/// Why the store did not do what was asked, or what was fetched from it is no use.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("no store is set up: set BACKUP_S3_ENDPOINT and the settings beside it")]
    NotSetUp,
    #[error("the settings of the store make no client: {0}")]
    Settings(String),
    #[error("the store can't be reached{0}: {1}")]
    Unreachable(&'static str, String),
    #[error("the store refuses BACKUP_S3_ACCESS_KEY or BACKUP_S3_SECRET_KEY: {0}")]
    SignIn(String),
    #[error("the key of BACKUP_S3_ACCESS_KEY may not do this: {0}")]
    Forbidden(String),
    #[error("the store has no bucket {0}")]
    NoBucket(String),
    #[error("the store has no room for it: {0}")]
    Full(String),
    #[error("the store has no backup {0}")]
    NoObject(String),
    #[error("the store knows nothing any more of the upload that was begun")]
    NoUpload,
    #[error("the store says no: {0}")]
    Refused(String),
    #[error("the store failed: {0}")]
    Failed(String),
    #[error("what the store has of {0} is not what was sent")]
    Differs(String),
    #[error("{0} is no name of a backup")]
    NoName(String),
    #[error("{0} is in the folder of backups already")]
    IsHere(String),
    #[error("the file can't be written: {0}")]
    File(#[from] io::Error),
}

impl StoreError {
    pub(super) fn settings(error: &dyn Error) -> Self {
        Self::Settings(innermost(error))
    }

    /// What the store, or the way to it, meant by this.
    pub(super) fn of(error: &object_store::Error, config: &OffsiteConfig) -> Self {
        use object_store::Error as E;
        let text = error.to_string();
        let code = between(&text, "<Code>", "</Code>");
        let said = match (code, between(&text, "<Message>", "</Message>")) {
            (Some(code), Some(message)) => format!("{code}, {message}"),
            (Some(code), None) => code.to_owned(),
            (None, _) => innermost(error),
        };
        let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID).collect();
        match (error, code) {
            (_, Some(code)) if SIGN_IN.contains(&code) => Self::SignIn(said),
            (_, Some(code)) if FULL.contains(&code) => Self::Full(said),
            (_, Some("NoSuchBucket")) => Self::NoBucket(config.bucket.clone()),
            (_, Some("NoSuchUpload")) => Self::NoUpload,
            (E::NotFound { path, .. }, None | Some("NoSuchKey")) => {
                Self::NoObject(path.rsplit('/').next().unwrap_or_default().to_owned())
            }
            (E::Unauthenticated { .. }, _) => Self::SignIn(said),
            (E::PermissionDenied { .. }, _) => Self::Forbidden(said),
            // No room, said by the number alone.
            _ if text.contains("507 Insufficient Storage") => Self::Full(said),
            (_, None) if !text.contains("status code") => {
                let through = if config.proxy.is_some() { " through the proxy" } else { "" };
                Self::Unreachable(through, said)
            }
            _ if text.contains("status code: 4") => Self::Refused(said),
            _ => Self::Failed(said),
        }
    }

    /// Whether it may be gone at the next attempt without anybody doing anything.
    pub(in crate::backups) fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable(..) | Self::Failed(_))
    }
}

/// The error at the bottom: the others only say that there is one.
fn innermost(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(found, _)| found)
}
