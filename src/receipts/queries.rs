//! Reads of receipts.

use sqlx::PgConnection;

use super::{ContentType, Lookalike, Receipt};
use crate::ids::{PaymentId, ReceiptId, UserId};

/// Bits in which the perceptual hashes of one picture may differ after it was scaled or saved again. Measured:
/// the same receipt 0 to 1, two receipts of one bank's app with other numbers mostly 4 and more.
const SAME_PICTURE_WITHIN: i64 = 2;

/// The receipt; whether the asker may see it is the caller's rule.
pub async fn get(conn: &mut PgConnection, id: ReceiptId) -> sqlx::Result<Option<Receipt>> {
    sqlx::query_as!(
        Receipt,
        r#"
        SELECT id, storage_key, uploaded_by, content_type AS "content_type: ContentType", size_bytes,
               width, height, created_at
        FROM receipts
        WHERE id = $1
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// The receipt, if this user uploaded it: for a form that comes back with a receipt stored before.
pub async fn of_uploader(
    conn: &mut PgConnection,
    id: ReceiptId,
    user: UserId,
) -> sqlx::Result<Option<Receipt>> {
    Ok(get(conn, id).await?.filter(|receipt| receipt.uploaded_by == user))
}

/// The earlier receipts, newest first and ten at most, that are the same upload or look like this one, with
/// the payments that they prove. Receipts of one bank's app look much alike: a warning, never a verdict.
pub async fn lookalikes(conn: &mut PgConnection, id: ReceiptId) -> sqlx::Result<Vec<Lookalike>> {
    sqlx::query_as!(
        Lookalike,
        r#"
        SELECT earlier.id, p.id AS "payment_id: PaymentId", earlier.uploaded_by,
               earlier.sha256 = this.sha256 AS "same_file!", earlier.created_at
        FROM receipts this
        JOIN receipts earlier ON earlier.id < this.id
        JOIN payments p ON p.receipt_id = earlier.id
        WHERE this.id = $1
          AND (earlier.sha256 = this.sha256
               OR bit_count((earlier.perceptual_hash # this.perceptual_hash)::bit(64)) <= $2)
        ORDER BY (earlier.sha256 = this.sha256) DESC, earlier.id DESC
        LIMIT 10
        "#,
        id.0,
        SAME_PICTURE_WITHIN,
    )
    .fetch_all(conn)
    .await
}
