//! Receipts that were handed in before.
//!
//! The receipts of one bank's app are alike in all but their numbers, and a perceptual hash of 64 bits doesn't
//! see those. It only finds the candidates; the thumbnails decide.

use image::{DynamicImage, GrayImage, ImageFormat, imageops::FilterType, load_from_memory_with_format};
use sqlx::PgConnection;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{Lookalike, ReceiptError, Store, Variant};
use crate::{
    calendar::Time,
    ids::{PaymentId, ReceiptId, UserId},
};

/// Bits in which the hashes of one picture may differ. Measured: after scaling and saving it again 0 to 2.
const CANDIDATES_WITHIN: i64 = 4;
/// Brightness (of 255) by which a spot of the thumbnail may differ. Measured: 4 to 32 for one picture scaled
/// and saved again, 42 to 116 when only the digits of one line are others.
const SAME_SPOT_WITHIN: i32 = 36;

struct Candidate {
    id: ReceiptId,
    storage_key: Uuid,
    own_key: Uuid,
    payment_id: PaymentId,
    uploaded_by: UserId,
    same_file: bool,
    created_at: Time,
}

impl Store {
    /// The earlier receipts, ten at most, that are the same upload or the same picture, with the payments that
    /// they prove. A warning, never a verdict: what was cropped or photographed anew is not found.
    pub async fn lookalikes(
        &self,
        conn: &mut PgConnection,
        id: ReceiptId,
    ) -> Result<Vec<Lookalike>, ReceiptError> {
        let mut found = Vec::new();
        let mut own = None;
        for candidate in candidates(conn, id).await? {
            let same_picture = candidate.same_file || {
                if own.is_none() {
                    own = self.open(candidate.own_key, Variant::Thumbnail).await?;
                }
                let other = self.open(candidate.storage_key, Variant::Thumbnail).await?;
                match (own.clone(), other) {
                    (Some(own), Some(other)) => {
                        spawn_blocking(move || same_picture(&own, &other)).await.unwrap_or(false)
                    }
                    _ => false,
                }
            };
            if same_picture && found.len() < 10 {
                found.push(Lookalike {
                    id: candidate.id,
                    payment_id: candidate.payment_id,
                    uploaded_by: candidate.uploaded_by,
                    same_file: candidate.same_file,
                    created_at: candidate.created_at,
                });
            }
        }
        Ok(found)
    }
}

async fn candidates(conn: &mut PgConnection, id: ReceiptId) -> sqlx::Result<Vec<Candidate>> {
    sqlx::query_as!(
        Candidate,
        r#"
        SELECT earlier.id, earlier.storage_key, this.storage_key AS own_key, p.id AS "payment_id: PaymentId",
               earlier.uploaded_by, earlier.sha256 = this.sha256 AS "same_file!", earlier.created_at
        FROM receipts this
        JOIN receipts earlier ON earlier.id < this.id
        JOIN payments p ON p.receipt_id = earlier.id
        WHERE this.id = $1
          AND (earlier.sha256 = this.sha256
               OR bit_count((earlier.perceptual_hash # this.perceptual_hash)::bit(64)) <= $2)
        ORDER BY (earlier.sha256 = this.sha256) DESC,
                 bit_count((earlier.perceptual_hash # this.perceptual_hash)::bit(64)),
                 earlier.id DESC
        LIMIT 20
        "#,
        id.0,
        CANDIDATES_WITHIN,
    )
    .fetch_all(conn)
    .await
}

/// Whether two thumbnails show the same picture: no spot of 3 × 3 pixels differs by more than saving it again
/// explains.
fn same_picture(a: &[u8], b: &[u8]) -> bool {
    let decode = |bytes| load_from_memory_with_format(bytes, ImageFormat::Jpeg).ok();
    let (Some(a), Some(b)) = (decode(a), decode(b)) else { return false };
    // A copy that was scaled has the same shape up to a pixel of rounding.
    let (wide, high) = (a.width().min(b.width()), a.height().min(b.height()));
    let cross = |x: &DynamicImage, y: &DynamicImage| u64::from(x.width()) * u64::from(y.height());
    if cross(&a, &b).abs_diff(cross(&b, &a)) * 20 > cross(&a, &b) {
        return false;
    }
    let gray = |image: DynamicImage| match (image.width(), image.height()) == (wide, high) {
        true => image.to_luma8(),
        false => image.resize_exact(wide, high, FilterType::Triangle).to_luma8(),
    };
    let (a, b) = (gray(a), gray(b));
    (1..high.saturating_sub(1))
        .flat_map(|y| (1..wide.saturating_sub(1)).map(move |x| (x, y)))
        .all(|(x, y)| (spot(&a, x, y) - spot(&b, x, y)).abs() <= SAME_SPOT_WITHIN * 9)
}

/// The sum of the 3 × 3 pixels around a point.
fn spot(image: &GrayImage, x: u32, y: u32) -> i32 {
    (0..9).map(|n| i32::from(image.get_pixel(x + n % 3 - 1, y + n / 3 - 1)[0])).sum()
}
