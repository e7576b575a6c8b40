//! Receipts: what is taken, what is stored of it, and what is found again.

pub mod pictures;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use image::{DynamicImage, GenericImageView, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use pictures::PDF;
use rad_panel::{
    calendar::Time,
    ids::{ReceiptId, UserId},
    receipts::{self, ContentType, MAX_BYTES, Prepared, ReceiptError, Store, Variant},
};
use sqlx::{PgConnection, PgPool};
use tempfile::TempDir;
use time::{Duration, macros::datetime};

const NOW: Time = datetime!(2026-11-22 10:00 UTC);

fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("receipts")).unwrap();
    (folder, store)
}

async fn prepare(upload: impl Into<Vec<u8>>) -> Result<Prepared, ReceiptError> {
    let (_folder, store) = store();
    store.prepare(upload.into()).await
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn images_and_pdf_are_taken_whatever_they_are_called() {
    let picture = pictures::receipt(1);
    for (format, stored) in [
        (ImageFormat::Jpeg, vec![ContentType::Jpeg]),
        (ImageFormat::Png, vec![ContentType::Png, ContentType::Jpeg]),
        (ImageFormat::WebP, vec![ContentType::Jpeg]),
    ] {
        let prepared = prepare(pictures::encode(&picture, format)).await.unwrap();
        assert!(stored.contains(&prepared.content_type), "{format:?} → {:?}", prepared.content_type);
        assert_eq!(prepared.dimensions, Some((540, 1100)));
        assert!(prepared.perceptual_hash.is_some() && prepared.thumbnail.is_some());
        assert_eq!(image::load_from_memory(&prepared.bytes).unwrap().dimensions(), (540, 1100));
    }
    let pdf = prepare(PDF).await.unwrap();
    assert_eq!((pdf.content_type, pdf.bytes.as_slice(), pdf.dimensions), (ContentType::Pdf, PDF, None));
    assert!(pdf.thumbnail.is_none() && pdf.perceptual_hash.is_none());
}

#[tokio::test]
async fn everything_else_is_the_wrong_type() {
    let uploads: [&[u8]; 9] = [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"<html>%PDF-1.4 %%EOF",
        b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xFF\xFF\xFF,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;",
        b"BM\x3A\0\0\0",
        b"PK\x03\x04",
        b"\x7FELF",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"\xFF",
    ];
    for upload in uploads {
        let refused = prepare(upload).await;
        assert!(matches!(refused, Err(ReceiptError::WrongType)), "{upload:?}: {refused:?}");
    }
}

#[tokio::test]
async fn the_size_is_limited_to_the_byte() {
    assert!(matches!(prepare([]).await, Err(ReceiptError::Empty)));
    let mut upload = b"%PDF-1.7\n".to_vec();
    upload.resize(MAX_BYTES - 6, b' ');
    upload.extend(b"%%EOF\n");
    assert_eq!(upload.len(), MAX_BYTES);
    assert!(prepare(upload.clone()).await.is_ok());
    upload.push(b'\n');
    assert!(matches!(prepare(upload).await, Err(ReceiptError::TooLarge)));
}

#[tokio::test]
async fn a_pdf_begins_and_ends_as_one() {
    assert!(prepare([b"\xEF\xBB\xBF\r\n ".as_slice(), PDF].concat()).await.is_ok());
    let cut_off = &PDF[..PDF.len() - 7];
    assert!(matches!(prepare(cut_off).await, Err(ReceiptError::Broken)));
    let with_payload = [PDF, &[b'x'; 2000]].concat();
    assert!(matches!(prepare(with_payload).await, Err(ReceiptError::Broken)));
    let html_first = [b"<script>alert(1)</script>".as_slice(), PDF].concat();
    assert!(matches!(prepare(html_first).await, Err(ReceiptError::WrongType)));
    let far_away = [[b' '; 1024].as_slice(), PDF].concat();
    assert!(matches!(prepare(far_away).await, Err(ReceiptError::WrongType)));
}

#[tokio::test]
async fn a_photo_is_upright_and_tells_no_place() {
    // The left half is red; turned clockwise by 90°, the upper half is.
    let mut picture = RgbImage::from_pixel(400, 200, Rgb([255, 255, 255]));
    for (x, _, pixel) in picture.enumerate_pixels_mut() {
        if x < 200 {
            *pixel = Rgb([220, 0, 0]);
        }
    }
    let jpeg = pictures::jpeg(&picture.into(), 90);
    let upload = pictures::with_exif(&jpeg, 6, "N 35.6892 E 51.3890");
    assert!(contains(&upload, b"35.6892"));

    let prepared = prepare(upload).await.unwrap();
    assert_eq!(prepared.dimensions, Some((200, 400)));
    let stored = image::load_from_memory(&prepared.bytes).unwrap();
    assert_eq!(stored.dimensions(), (200, 400));
    assert!(stored.get_pixel(100, 50)[1] < 60, "red above");
    assert!(stored.get_pixel(100, 350)[1] > 200, "white below");
    for file in [&prepared.bytes, prepared.thumbnail.as_ref().unwrap()] {
        assert!(!contains(file, b"Exif") && !contains(file, b"35.6892"));
    }
}

#[tokio::test]
async fn what_hangs_behind_an_image_is_gone() {
    let payload = b"<script>alert('second meaning')</script>PK\x03\x04";
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let upload = [pictures::encode(&pictures::receipt(1), format).as_slice(), payload].concat();
        let prepared = prepare(upload).await.unwrap();
        assert!(!contains(&prepared.bytes, b"script"), "{format:?}");
    }
}

#[tokio::test]
async fn bombs_are_refused_by_their_header() {
    let started = std::time::Instant::now();
    for bomb in [
        pictures::png_bomb(40_001, 40_001),
        pictures::png_bomb(i32::MAX as u32, i32::MAX as u32),
        pictures::png_bomb(8_000, 5_001),
        pictures::jpeg_bomb(),
    ] {
        let refused = prepare(bomb).await;
        assert!(matches!(refused, Err(ReceiptError::TooManyPixels)), "{refused:?}");
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "nothing was decoded");
    // At the limit it is only broken: the pixels that it promises are missing.
    assert!(matches!(prepare(pictures::png_bomb(100, 100)).await, Err(ReceiptError::Broken)));
}

#[tokio::test]
async fn damaged_images_are_refused_and_never_break_the_panel() {
    let picture = pictures::receipt(1).thumbnail(120, 120);
    let (_folder, store) = store();
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let whole = pictures::encode(&picture, format);
        let header_only = store.prepare(whole[..20].to_vec()).await;
        assert!(matches!(header_only, Err(ReceiptError::Broken)), "{format:?}: {header_only:?}");
        for at in (12..whole.len()).step_by(whole.len() / 60 + 1) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x5A;
            for upload in [damaged, whole[..at].to_vec()] {
                let answer = store.prepare(upload).await;
                let expected = matches!(
                    answer,
                    Ok(_) | Err(ReceiptError::Broken | ReceiptError::WrongType | ReceiptError::TooManyPixels)
                );
                assert!(expected, "{format:?} at {at}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_photo_is_scaled_down_and_its_thumbnail_is_light() {
    let prepared = prepare(pictures::jpeg(&pictures::noise(4800, 600), 50)).await.unwrap();
    assert_eq!(prepared.dimensions, Some((2000, 250)));
    for picture in [pictures::noise(700, 700), pictures::receipt(1), pictures::noise(40, 20)] {
        let prepared = prepare(pictures::jpeg(&picture, 90)).await.unwrap();
        assert_eq!(prepared.dimensions, Some(picture.dimensions()));
        let thumbnail = prepared.thumbnail.unwrap();
        assert!(thumbnail.len() <= 4096, "{} bytes", thumbnail.len());
        let (width, height) = image::load_from_memory(&thumbnail).unwrap().dimensions();
        assert!(width <= 160 && height <= 160 && width.max(height) >= 40);
    }
}

#[tokio::test]
async fn transparency_stays_and_is_white_in_the_thumbnail() {
    let mut picture = RgbaImage::from_pixel(300, 300, Rgba([0, 0, 0, 0]));
    picture.put_pixel(10, 10, Rgba([200, 0, 0, 255]));
    let upload = pictures::encode(&DynamicImage::ImageRgba8(picture.clone()), ImageFormat::Png);
    let prepared = prepare(upload).await.unwrap();
    assert_eq!(prepared.content_type, ContentType::Png);
    assert_eq!(image::load_from_memory(&prepared.bytes).unwrap().get_pixel(0, 0)[3], 0);
    let thumbnail = image::load_from_memory(&prepared.thumbnail.unwrap()).unwrap();
    assert!(thumbnail.get_pixel(80, 80)[0] > 250);

    let as_webp = pictures::encode(&DynamicImage::ImageRgba8(picture), ImageFormat::WebP);
    let prepared = prepare(as_webp).await.unwrap();
    assert_eq!(prepared.content_type, ContentType::Jpeg);
    assert!(image::load_from_memory(&prepared.bytes).unwrap().get_pixel(200, 200)[0] > 250);
}

async fn user(conn: &mut PgConnection, name: &str) -> UserId {
    sqlx::query_scalar(
        "INSERT INTO users (username, password_hash, role) VALUES ($1, '-', 'AGENT') RETURNING id",
    )
    .bind(name)
    .fetch_one(conn)
    .await
    .unwrap()
}

/// A payment that was rejected: it moves no money, and proves that the receipt was handed in.
async fn payment(conn: &mut PgConnection, user: UserId, receipt: ReceiptId) {
    sqlx::query(
        "WITH wallet AS (
             INSERT INTO wallets (user_id) VALUES ($1) ON CONFLICT DO NOTHING
         ), method AS (
             INSERT INTO payment_methods (type, alias, holder, card_number)
             VALUES ('CARD', 'main', 'Sara', '6037997512345670') RETURNING id
         )
         INSERT INTO payments (user_id, payment_method_id, receipt_id, amount, status, admin_notes, request_id,
             created_at, processed_at, processed_by)
         SELECT $1, method.id, $2, 10000, 'REJECTED', 'unreadable', gen_random_uuid(), now(), now(), $1 FROM method",
    )
    .bind(user)
    .bind(receipt)
    .execute(conn)
    .await
    .unwrap();
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_saved_receipt_is_read_back_by_its_uploader(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let (reza, mina) = (user(&mut conn, "reza").await, user(&mut conn, "mina").await);
    let (folder, store) = store();
    let prepared = store.prepare(pictures::jpeg(&pictures::receipt(1), 80)).await.unwrap();
    let id = store.save(&mut conn, prepared.clone(), reza, NOW).await.unwrap();

    let receipt = receipts::of_uploader(&mut conn, id, reza).await.unwrap().unwrap();
    assert_eq!((receipt.id, receipt.uploaded_by, receipt.created_at), (id, reza, NOW));
    assert_eq!((receipt.content_type, receipt.size_bytes), (ContentType::Jpeg, prepared.bytes.len() as i64));
    assert_eq!((receipt.width, receipt.height), (Some(540), Some(1100)));
    assert!(receipts::of_uploader(&mut conn, id, mina).await.unwrap().is_none());
    assert!(receipts::get(&mut conn, ReceiptId(id.0 + 1)).await.unwrap().is_none());

    let key = receipt.storage_key;
    assert_eq!(store.open(key, Variant::Full).await.unwrap(), Some(prepared.bytes));
    assert_eq!(store.open(key, Variant::Thumbnail).await.unwrap(), prepared.thumbnail);
    let files = files(folder.path());
    assert_eq!(files.len(), 2, "{files:?}");
    for file in files {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    let pdf = store.prepare(PDF.to_vec()).await.unwrap();
    let id = store.save(&mut conn, pdf, reza, NOW).await.unwrap();
    let key = receipts::get(&mut conn, id).await.unwrap().unwrap().storage_key;
    assert_eq!(store.open(key, Variant::Full).await.unwrap().as_deref(), Some(PDF));
    assert_eq!(store.open(key, Variant::Thumbnail).await.unwrap(), None);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn trouble_with_the_disk_leaves_no_row_and_trouble_with_the_row_no_file(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let reza = user(&mut conn, "reza").await;
    let (folder, store) = store();
    let prepared = store.prepare(PDF.to_vec()).await.unwrap();

    let nobody = store.save(&mut conn, prepared.clone(), UserId(404), NOW).await;
    assert!(matches!(nobody, Err(ReceiptError::Database(_))), "{nobody:?}");
    assert!(files(folder.path()).is_empty());

    let path = folder.path().join("receipts");
    fs::remove_dir_all(&path).unwrap();
    fs::write(&path, "a file where the folder was").unwrap();
    let refused = store.save(&mut conn, prepared, reza, NOW).await;
    assert!(matches!(&refused, Err(ReceiptError::Storage(_))), "{refused:?}");
    assert!(!refused.unwrap_err().is_storage_full());
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM receipts").fetch_one(&mut *conn).await.unwrap();
    assert_eq!(rows, 0);
    assert!(matches!(Store::new(path.join("below")), Err(ReceiptError::Storage(_))));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_same_receipt_is_found_again_and_another_of_the_same_app_is_not(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let (reza, mina) = (user(&mut conn, "reza").await, user(&mut conn, "mina").await);
    let (_folder, store) = store();
    let original = pictures::receipt(1);
    let upload = pictures::encode(&original, ImageFormat::Png);
    let sent_again = pictures::jpeg(&original.thumbnail(400, 800), 40);
    let mut ids = Vec::new();
    let other = pictures::jpeg(&pictures::receipt(2), 80);
    for upload in
        [upload.clone(), other, upload.clone(), sent_again, upload.clone(), PDF.to_vec(), PDF.to_vec()]
    {
        let prepared = store.prepare(upload).await.unwrap();
        ids.push(store.save(&mut conn, prepared, reza, NOW).await.unwrap());
    }
    for (i, id) in ids.iter().enumerate().filter(|(i, _)| *i != 2) {
        payment(&mut conn, if i == 0 { mina } else { reza }, *id).await;
    }

    let mut found = async |i: usize| -> Vec<(ReceiptId, bool)> {
        let found = store.lookalikes(&mut conn, ids[i]).await.unwrap();
        found.into_iter().map(|found| (found.id, found.same_file)).collect()
    };
    assert_eq!(found(0).await, []);
    assert_eq!(found(1).await, [], "the same app, other numbers");
    // The third one was never handed in with a payment.
    assert_eq!(found(3).await, [(ids[0], false)]);
    assert_eq!(found(4).await, [(ids[0], true), (ids[3], false)]);
    assert_eq!(found(6).await, [(ids[5], true)]);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn receipts_without_a_payment_are_forgotten_after_a_while(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let reza = user(&mut conn, "reza").await;
    let (folder, store) = store();
    let mut ids = Vec::new();
    for created_at in [NOW - Duration::days(2), NOW - Duration::days(2), NOW - Duration::hours(1)] {
        let prepared = store.prepare(PDF.to_vec()).await.unwrap();
        ids.push(store.save(&mut conn, prepared, reza, created_at).await.unwrap());
    }
    payment(&mut conn, reza, ids[0]).await;
    let forgotten = receipts::get(&mut conn, ids[1]).await.unwrap().unwrap().storage_key;

    let keys = store.remove_orphans(&mut conn, NOW - Duration::DAY).await.unwrap();
    assert_eq!(keys, [forgotten]);
    store.discard(&keys).await.unwrap();
    store.discard(&keys).await.unwrap();
    assert_eq!(store.open(forgotten, Variant::Full).await.unwrap(), None);
    assert_eq!(files(folder.path()).len(), 2);
    assert!(receipts::get(&mut conn, ids[0]).await.unwrap().is_some());
    assert!(receipts::get(&mut conn, ids[2]).await.unwrap().is_some());
}
