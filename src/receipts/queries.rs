//! Reads of receipts.

use sqlx::PgConnection;

use super::{ContentType, Receipt};
use crate::ids::{ReceiptId, UserId};

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
