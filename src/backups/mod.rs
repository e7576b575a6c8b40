//! Backups: the database and the receipts of one instant in one file that proves itself, and its copy off the machine.
//!
//! Invariant: a file with a backup's name was read again after it was written and is whole. What is being made has
//! another name, and an attempt that failed leaves its row and no file. Receipts are written before their rows, so
//! every receipt that a row of the dump names has its file when the dump is done.

pub mod archive;
mod copying;
mod drill;
mod folder;
pub mod handlers;
mod keeping;
pub mod offsite;
pub mod programs;
pub mod queries;
mod restore;
mod server;
mod service;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use sqlx::PgPool;

use crate::{config::BackupConfig, receipts};

pub use copying::{COPY, Copied, CopyError, ask_now, catch_up, copy, run as run_copy};
pub use drill::drill;
pub use keeping::prune;
pub use restore::{Inspected, Target, inspect, restore, target, was_restored_lately};
pub use service::{Made, ask_for, create};

/// So many good backups are kept however old they are.
pub const KEPT_AT_LEAST: usize = 7;

/// All that making and reading a backup needs.
#[derive(Clone)]
pub struct Backups {
    pub db: PgPool,
    pub receipts: receipts::Store,
    pub config: Arc<BackupConfig>,
    /// Bytes that can still be written into a folder.
    pub free_space: fn(&Path) -> io::Result<u64>,
}

impl Backups {
    /// Backups of this database and these receipts.
    pub fn new(db: PgPool, receipts: receipts::Store, config: Arc<BackupConfig>) -> Self {
        Self { db, receipts, config, free_space: folder::free_space }
    }

    /// Whether so many bytes can still be written into the folder.
    fn check_space(&self, needed: i64) -> Result<(), BackupError> {
        let needed = u64::try_from(needed).unwrap_or(0);
        let folder = &self.config.folder;
        let free = (self.free_space)(folder).map_err(BackupError::folder(folder))?;
        if free < needed {
            return Err(BackupError::NoSpace { folder: folder.clone(), free, needed });
        }
        Ok(())
    }
}

/// Why a backup can't be made, rehearsed or restored; each message is one sentence for the owner.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Programs(#[from] programs::ProgramsError),
    #[error(transparent)]
    Archive(#[from] archive::ArchiveError),
    #[error("{program} failed: {said}")]
    Program { program: &'static str, said: String },
    #[error("the folder {} can't be used: {cause}", folder.display())]
    Folder { folder: PathBuf, cause: io::Error },
    #[error("{} has {free} bytes free and a backup may need {needed}", folder.display())]
    NoSpace { folder: PathBuf, free: u64, needed: u64 },
    #[error("another backup is under way")]
    UnderWay,
    #[error("the file {file} of receipt {receipt}, which proves a payment, is missing")]
    MissingReceipt { receipt: i64, file: String },
    #[error("a panel is connected to this database: stop it first")]
    PanelRuns,
    #[error("the database is not empty: --force replaces all that is in it")]
    NotEmpty,
    #[error("the backup has migration {0}, which only a newer version of RAD Panel knows")]
    NewerSchema(i64),
    #[error("the restored database is not what was saved: {0}")]
    Differs(String),
    #[error("the receipts can't be written: {0}")]
    Receipts(#[from] receipts::ReceiptError),
    #[error("the restored database can't be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Stopped(#[from] tokio::task::JoinError),
}

impl BackupError {
    fn program(program: &'static str, cause: &io::Error) -> Self {
        Self::Program { program, said: cause.to_string() }
    }

    fn folder(folder: &Path) -> impl FnOnce(io::Error) -> Self {
        let folder = folder.to_owned();
        move |cause| Self::Folder { folder, cause }
    }
}
