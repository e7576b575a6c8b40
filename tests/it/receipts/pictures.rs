//! Uploads made for the tests: receipts as a bank's app draws them, files with a second meaning, bombs.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, codecs::jpeg::JpegEncoder};

/// Digits of 3 × 5 dots, row by row from the top left.
const DIGITS: [u16; 10] = [
    0b111_101_101_101_111,
    0b010_110_010_010_111,
    0b111_001_111_100_111,
    0b111_001_111_001_111,
    0b101_101_111_001_001,
    0b111_100_111_001_111,
    0b111_100_111_101_111,
    0b111_001_001_001_001,
    0b111_101_111_101_111,
    0b111_101_111_001_111,
];

/// A screenshot of a bank's app: the same head, the same layout, and numbers that follow from `number`.
pub fn receipt(number: u64) -> DynamicImage {
    let mut image = RgbImage::from_pixel(540, 1100, Rgb([245, 246, 250]));
    for y in 0..150 {
        for x in 0..540 {
            image.put_pixel(x, y, Rgb([0, 120, 90]));
        }
    }
    for row in 0..8_u64 {
        // A fixed mixing of the bits: other numbers, other digits.
        let value = (number * 8 + row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let digits = value.to_string();
        let y = 225 + row as u32 * 90;
        write(&mut image, 60, y, &digits[..6 + row as usize / 2]);
        write(&mut image, 400, y, "1405");
    }
    image.into()
}

fn write(image: &mut RgbImage, x: u32, y: u32, digits: &str) {
    const DOT: u32 = 6;
    for (i, digit) in digits.bytes().enumerate() {
        let dots = DIGITS[usize::from(digit - b'0')];
        for at in (0..15).filter(|at| dots >> (14 - at) & 1 == 1) {
            for (dx, dy) in (0..DOT * DOT).map(|n| (n % DOT, n / DOT)) {
                let left = x + (i as u32 * 4 + at % 3) * DOT;
                image.put_pixel(left + dx, y + at / 3 * DOT + dy, Rgb([30, 30, 40]));
            }
        }
    }
}

/// A photo as hard to compress as can be.
pub fn noise(width: u32, height: u32) -> DynamicImage {
    let mut state = 1_u32;
    RgbImage::from_fn(width, height, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
    })
    .into()
}

pub fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub fn jpeg(image: &DynamicImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(image).unwrap();
    bytes
}

/// The JPEG with EXIF as a phone writes it: the orientation, and a text that tells where it was taken.
pub fn with_exif(jpeg: &[u8], orientation: u8, place: &str) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x02\0".to_vec();
    // ImageDescription (0x010E), ASCII, behind the two entries and the end mark.
    tiff.extend(b"\x0E\x01\x02\0");
    tiff.extend((place.len() as u32).to_le_bytes());
    tiff.extend(38_u32.to_le_bytes());
    // Orientation (0x0112), one SHORT.
    tiff.extend(b"\x12\x01\x03\0\x01\0\0\0");
    tiff.extend([orientation, 0, 0, 0]);
    tiff.extend([0; 4]);
    tiff.extend(place.as_bytes());

    let mut out = jpeg[..2].to_vec();
    out.extend(b"\xFF\xE1");
    out.extend((tiff.len() as u16 + 8).to_be_bytes());
    out.extend(b"Exif\0\0");
    out.extend(tiff);
    out.extend(&jpeg[2..]);
    out
}

/// A PNG that claims this size and holds next to nothing.
pub fn png_bomb(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    for (kind, data) in [(b"IHDR", header.as_slice()), (b"IDAT", b"\x78\x9C\x63\0\0".as_slice())] {
        png.extend((data.len() as u32).to_be_bytes());
        png.extend(kind);
        png.extend(data);
        png.extend(crc32(&[kind.as_slice(), data].concat()).to_be_bytes());
    }
    png
}

/// The JPEG with its header claiming the largest size that JPEG knows.
pub fn jpeg_bomb() -> Vec<u8> {
    let mut bytes = jpeg(&receipt(1), 80);
    let frame = bytes.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    bytes[frame + 5..frame + 9].copy_from_slice(&[0xFF; 4]);
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

pub const PDF: &[u8] = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n\
    2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";
