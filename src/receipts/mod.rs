//! Receipts: the proof of a payment, as a file under a random key and a row that says what it is.
//!
//! Invariant: nothing that was uploaded is stored as it came, except a PDF. Images are decoded and encoded
//! afresh, so that neither metadata nor a second meaning of the bytes survives.

mod content;
mod images;
mod lookalikes;
mod queries;
mod store;
mod strays;

use std::io;

use uuid::Uuid;

use crate::{
    calendar::Time,
    ids::{PaymentId, ReceiptId, UserId},
};

pub use queries::{get, of_uploader};
pub use store::Store;

/// The largest upload, in bytes: 10 MB as phones and browsers count.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;

/// The largest image, in pixels: no phone's camera needs more, and each takes four bytes of memory.
pub const MAX_PIXELS: u64 = 40_000_000;

/// What a stored receipt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text")]
pub enum ContentType {
    #[sqlx(rename = "image/jpeg")]
    Jpeg,
    #[sqlx(rename = "image/png")]
    Png,
    #[sqlx(rename = "application/pdf")]
    Pdf,
}

impl ContentType {
    /// The media type, as in the `Content-Type` header and in the database.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Pdf => "application/pdf",
        }
    }

    /// Whether a browser shows it as a picture; only pictures have a thumbnail.
    pub fn is_image(self) -> bool {
        self != Self::Pdf
    }
}

/// Which of a receipt's files is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    Full,
    /// A JPEG of about 160 pixels; images only.
    Thumbnail,
}

/// A checked upload, ready to be saved; only [`Store::prepare`] makes one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Prepared {
    pub content_type: ContentType,
    /// What will be stored.
    pub bytes: Vec<u8>,
    /// Pixels of what will be stored, width and height; images only.
    pub dimensions: Option<(u32, u32)>,
    /// JPEG; images only.
    pub thumbnail: Option<Vec<u8>>,
    /// Of the file as it was uploaded.
    pub sha256: [u8; 32],
    /// Alike for pictures that look alike; images only.
    pub perceptual_hash: Option<i64>,
}

/// The row of a stored receipt.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub id: ReceiptId,
    pub storage_key: Uuid,
    pub uploaded_by: UserId,
    pub content_type: ContentType,
    /// Bytes of the stored file.
    pub size_bytes: i64,
    /// Pixels; images only.
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub created_at: Time,
}

/// An earlier receipt that may be the same one.
#[derive(Clone, Debug)]
pub struct Lookalike {
    pub id: ReceiptId,
    pub payment_id: PaymentId,
    pub uploaded_by: UserId,
    /// Byte for byte the same upload; otherwise the same picture, scaled or saved again.
    pub same_file: bool,
    pub created_at: Time,
}

/// Why an upload is refused, or a receipt can't be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    #[error("the uploaded file is empty")]
    Empty,
    /// More than [`MAX_BYTES`].
    #[error("the uploaded file is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// By its content neither JPEG, PNG, WebP nor PDF.
    #[error("the uploaded file is neither an image nor a PDF")]
    WrongType,
    /// More than [`MAX_PIXELS`].
    #[error("the uploaded image has more than {MAX_PIXELS} pixels")]
    TooManyPixels,
    /// It begins like an image or PDF but can't be read as one.
    #[error("the uploaded file is damaged")]
    Broken,
    #[error("the storage of receipts failed")]
    Storage(#[from] io::Error),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl ReceiptError {
    /// Whether there is no room left; the shop's admin can do something about that.
    pub fn is_storage_full(&self) -> bool {
        matches!(self, Self::Storage(e) if matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}
