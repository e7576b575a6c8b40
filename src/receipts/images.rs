//! Pictures of receipts: decoded within limits, turned upright, scaled down, and encoded afresh.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType as PngFilter, PngEncoder},
    },
    imageops::FilterType,
};
use image_hasher::{HashAlg, HasherConfig};

use super::{ContentType, MAX_PIXELS, ReceiptError};

/// Pixels on the long side of what is stored: the small print of a photographed slip is still legible.
const MAX_SIDE: u32 = 2000;
const QUALITY: u8 = 80;
/// Pixels of the square that is hashed; the hash itself has 8 × 8 bits.
const HASHED_SIDE: u32 = 256;
/// 40 million pixels of 8-bit colour with alpha, or half as many of 16 bits.
const MAX_DECODED: u64 = 160 << 20;
/// Twice that: the decoder has its own needs.
const MAX_ALLOC: u64 = 2 * MAX_DECODED;
/// Pages with many receipts must stay light.
const MAX_THUMBNAIL_BYTES: usize = 4096;
/// Long side in pixels and JPEG quality, tried in this order until the thumbnail is small enough.
const THUMBNAILS: [(u32, u8); 5] = [(160, 70), (160, 50), (160, 30), (120, 25), (80, 20)];

pub(super) struct Made {
    pub content_type: ContentType,
    pub bytes: Vec<u8>,
    pub dimensions: (u32, u32),
    pub thumbnail: Vec<u8>,
    pub perceptual_hash: i64,
}

pub(super) fn prepare(upload: &[u8], format: ImageFormat) -> Result<Made, ReceiptError> {
    let image = decode(upload, format)?;
    let opaque = on_white(&image);
    let (content_type, bytes) = if format == ImageFormat::Png && has_transparency(&image) {
        (ContentType::Png, png(&DynamicImage::ImageRgba8(image.to_rgba8()))?)
    } else {
        encode_opaque(&opaque, format)?
    };
    Ok(Made {
        content_type,
        bytes,
        dimensions: (image.width(), image.height()),
        thumbnail: thumbnail(&opaque)?,
        perceptual_hash: perceptual_hash(&opaque),
    })
}

/// Any fault of the decoder is the upload's; a limit is told apart, because that one can be helped.
fn refusal(error: ImageError) -> ReceiptError {
    match error {
        ImageError::Limits(_) => ReceiptError::TooManyPixels,
        _ => ReceiptError::Broken,
    }
}

/// By its pixels and by what they take when they are decoded, bytes.
fn is_too_large(pixels: u64, decoded: u64) -> bool {
    pixels > MAX_PIXELS || decoded > MAX_DECODED
}

fn decode(upload: &[u8], format: ImageFormat) -> Result<DynamicImage, ReceiptError> {
    let mut reader = ImageReader::with_format(Cursor::new(upload), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refusal)?;
    // Only the header has been read so far: a bomb costs nothing.
    let (width, height) = decoder.dimensions();
    if is_too_large(u64::from(width) * u64::from(height), decoder.total_bytes()) {
        return Err(ReceiptError::TooManyPixels);
    }
    let orientation = decoder.orientation().map_err(refusal)?;
    let image = DynamicImage::from_decoder(decoder).map_err(refusal)?;
    let mut image = scaled_down(image);
    image.apply_orientation(orientation);
    Ok(image)
}

fn scaled_down(mut image: DynamicImage) -> DynamicImage {
    let longest = |image: &DynamicImage| image.width().max(image.height());
    // The good filter works in floating point: first roughly to its reach, or a photo takes a gigabyte.
    // Assigned, not shadowed: the larger one goes before the next step begins.
    if longest(&image) > 2 * MAX_SIDE {
        image = image.thumbnail(2 * MAX_SIDE, 2 * MAX_SIDE);
    }
    if longest(&image) > MAX_SIDE {
        image = image.resize(MAX_SIDE, MAX_SIDE, FilterType::CatmullRom);
    }
    image
}

fn has_transparency(image: &DynamicImage) -> bool {
    image.color().has_alpha() && image.to_rgba8().pixels().any(|pixel| pixel[3] < u8::MAX)
}

/// The picture as it looks on paper: JPEG has no transparency.
fn on_white(image: &DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.to_rgb8();
    }
    let rgba = image.to_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, alpha] = rgba.get_pixel(x, y).0;
        let mix =
            |c: u8| ((u16::from(c) * u16::from(alpha) + 255 * u16::from(u8::MAX - alpha) + 127) / 255) as u8;
        image::Rgb([mix(r), mix(g), mix(b)])
    })
}

/// A JPEG; a screenshot that is smaller as PNG stays one, and sharp.
fn encode_opaque(image: &RgbImage, format: ImageFormat) -> Result<(ContentType, Vec<u8>), ReceiptError> {
    let as_jpeg = jpeg(image, QUALITY)?;
    if format == ImageFormat::Png {
        let as_png = png(&DynamicImage::ImageRgb8(image.clone()))?;
        if as_png.len() <= as_jpeg.len() {
            return Ok((ContentType::Png, as_png));
        }
    }
    Ok((ContentType::Jpeg, as_jpeg))
}

fn jpeg(image: &RgbImage, quality: u8) -> Result<Vec<u8>, ReceiptError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(image).map_err(refusal)?;
    Ok(bytes)
}

fn png(image: &DynamicImage) -> Result<Vec<u8>, ReceiptError> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, PngFilter::Adaptive);
    image.write_with_encoder(encoder).map_err(refusal)?;
    Ok(bytes)
}

fn thumbnail(image: &RgbImage) -> Result<Vec<u8>, ReceiptError> {
    let image = DynamicImage::ImageRgb8(image.clone());
    let mut bytes = Vec::new();
    for (side, quality) in THUMBNAILS {
        let small = match image.width().max(image.height()) {
            longest if longest > side => image.thumbnail(side, side).to_rgb8(),
            _ => image.to_rgb8(),
        };
        bytes = jpeg(&small, quality)?;
        if bytes.len() <= MAX_THUMBNAIL_BYTES {
            break;
        }
    }
    Ok(bytes)
}

/// 64 bits of the picture's coarse structure (where it grows brighter along a row), which survive scaling,
/// another format and another quality.
fn perceptual_hash(image: &RgbImage) -> i64 {
    let small = DynamicImage::ImageRgb8(image.clone()).thumbnail_exact(HASHED_SIDE, HASHED_SIDE).grayscale();
    let hash = HasherConfig::new().hash_size(8, 8).hash_alg(HashAlg::Gradient).to_hasher().hash_image(&small);
    let mut bits = [0; 8];
    bits.iter_mut().zip(hash.as_bytes()).for_each(|(bit, byte)| *bit = *byte);
    i64::from_be_bytes(bits)
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Rgba};

    use super::*;

    /// What a container with 512 MB has left beside the panel itself, bytes.
    const ROOM: u64 = 340 << 20;

    /// A line of the kernel's account of this process, bytes.
    fn memory(name: &str) -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap() * 1024
    }

    fn quick_png(image: &DynamicImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, PngFilter::NoFilter);
        image.write_with_encoder(encoder).unwrap();
        bytes
    }

    #[test]
    fn the_largest_picture_fits_into_a_small_container() {
        let sixteen = DynamicImage::ImageRgba16(ImageBuffer::<Rgba<u16>, _>::new(4500, 4500));
        let upload = quick_png(&sixteen);
        drop(sixteen);
        // Lets the kernel measure anew.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = memory("VmRSS:");
        prepare(&upload, ImageFormat::Png).map(drop).unwrap();
        let peak = memory("VmHWM:") - before;
        assert!(peak < ROOM, "{} MB", peak >> 20);
        assert!(!is_too_large(40_000_000, 4 * 40_000_000), "a photo of 40 megapixels");
        assert!(is_too_large(40_000_000, 8 * 40_000_000), "which the container has no room for");
    }
}
