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
/// 40 million pixels of 16-bit colour with alpha, and some room for the decoder.
const MAX_ALLOC: u64 = 400 << 20;
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

fn decode(upload: &[u8], format: ImageFormat) -> Result<DynamicImage, ReceiptError> {
    let mut reader = ImageReader::with_format(Cursor::new(upload), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refusal)?;
    // Only the header has been read so far: a bomb costs nothing.
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ReceiptError::TooManyPixels);
    }
    let orientation = decoder.orientation().map_err(refusal)?;
    let image = DynamicImage::from_decoder(decoder).map_err(refusal)?;
    let mut image = scaled_down(image);
    image.apply_orientation(orientation);
    Ok(image)
}

fn scaled_down(image: DynamicImage) -> DynamicImage {
    let longest = |image: &DynamicImage| image.width().max(image.height());
    // The good filter works in floating point: first roughly to its reach, or a photo takes a gigabyte.
    let image = match longest(&image) {
        side if side > 2 * MAX_SIDE => image.thumbnail(2 * MAX_SIDE, 2 * MAX_SIDE),
        _ => image,
    };
    match longest(&image) {
        side if side > MAX_SIDE => image.resize(MAX_SIDE, MAX_SIDE, FilterType::CatmullRom),
        _ => image,
    }
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
