//! Receipts to look at: pictures in the manner of a bank app's, each one different.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use sha2::{Digest, Sha256};

const INK: Rgb<u8> = Rgb([55, 65, 81]);
const PALE: Rgb<u8> = Rgb([209, 213, 219]);
const BANKS: [Rgb<u8>; 4] =
    [Rgb([14, 116, 144]), Rgb([190, 18, 60]), Rgb([21, 128, 61]), Rgb([109, 40, 217])];

/// A PNG of a receipt; the seed decides its bank and its lines.
pub fn receipt(seed: u32) -> image::ImageResult<Vec<u8>> {
    let mut picture = RgbImage::from_pixel(720, 1080, Rgb([248, 250, 252]));
    let bank = BANKS[seed as usize % BANKS.len()];
    fill(&mut picture, (0, 0), (720, 190), bank);
    fill(&mut picture, (300, 140), (120, 100), Rgb([255, 255, 255]));
    fill(&mut picture, (320, 160), (80, 60), Rgb([34, 197, 94]));
    let mut random = seed.wrapping_mul(2_654_435_761).wrapping_add(97);
    let mut next = |below: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 16) % below
    };
    for line in 0..9 {
        let top = 300 + line * 78;
        let label = 90 + next(90);
        fill(&mut picture, (720 - 60 - label, top), (label, 22), PALE);
        for word in 0..2 + next(3) {
            fill(&mut picture, (60 + word * 92, top), (40 + next(46), 24), INK);
        }
        fill(&mut picture, (60, top + 50), (600, 2), Rgb([229, 231, 235]));
    }
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}

/// 64 hexadecimal digits, as of a transaction's hash.
pub fn digits(seed: u32) -> String {
    Sha256::digest(seed.to_be_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fill(picture: &mut RgbImage, (left, top): (u32, u32), (width, height): (u32, u32), colour: Rgb<u8>) {
    for y in top..(top + height).min(picture.height()) {
        for x in left..(left + width).min(picture.width()) {
            picture.put_pixel(x, y, colour);
        }
    }
}
