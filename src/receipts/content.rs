//! What an upload is, judged by its bytes alone, and what is stored of it.

use image::ImageFormat;
use sha2::{Digest, Sha256};

use super::{ContentType, MAX_BYTES, Prepared, ReceiptError, images};

/// Within these many bytes from its end a PDF says that it ends; readers look no further.
const PDF_END_WITHIN: usize = 1024;

/// Checks an upload and makes what is stored of it. Takes a second of CPU for a large photo.
pub(super) fn prepare(upload: &[u8]) -> Result<Prepared, ReceiptError> {
    if upload.is_empty() {
        return Err(ReceiptError::Empty);
    }
    if upload.len() > MAX_BYTES {
        return Err(ReceiptError::TooLarge);
    }
    let sha256 = Sha256::digest(upload).into();
    if let Some(format) = image_format(upload) {
        let made = images::prepare(upload, format)?;
        return Ok(Prepared {
            content_type: made.content_type,
            bytes: made.bytes,
            dimensions: Some(made.dimensions),
            thumbnail: Some(made.thumbnail),
            sha256,
            perceptual_hash: Some(made.perceptual_hash),
        });
    }
    check_pdf(upload)?;
    Ok(Prepared {
        content_type: ContentType::Pdf,
        bytes: upload.to_vec(),
        dimensions: None,
        thumbnail: None,
        sha256,
        perceptual_hash: None,
    })
}

fn image_format(upload: &[u8]) -> Option<ImageFormat> {
    if upload.starts_with(&[0xFF, 0xD8, 0xFF]) {
        Some(ImageFormat::Jpeg)
    } else if upload.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(ImageFormat::Png)
    } else if upload.starts_with(b"RIFF") && upload.get(8..12) == Some(b"WEBP".as_slice()) {
        Some(ImageFormat::WebP)
    } else {
        None
    }
}

/// Readers accept a PDF that begins somewhere in its first 1024 bytes. What stands before could be HTML, so
/// here only a byte order mark and blanks may.
fn check_pdf(upload: &[u8]) -> Result<(), ReceiptError> {
    let start = upload.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(upload);
    let start = &start[..start.len().min(1024)];
    if !start.trim_ascii_start().starts_with(b"%PDF-") {
        return Err(ReceiptError::WrongType);
    }
    let end = &upload[upload.len().saturating_sub(PDF_END_WITHIN)..];
    if !end.windows(5).any(|window| window == b"%%EOF") {
        return Err(ReceiptError::Broken);
    }
    Ok(())
}
