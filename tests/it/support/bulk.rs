//! Rows by the thousand, which the verbs would take minutes to post.

use super::TestApp;

impl TestApp {
    /// So many rows of the ledger at once, past the verbs but as they would stand: by hand, a minute apart, the last
    /// one a minute ago, for the agents Reza and Mina in turn.
    pub async fn post_many(&self, rows: i32) {
        let mut tx = self.db.begin().await.unwrap();
        sqlx::query("SET LOCAL session_replication_role = replica").execute(&mut *tx).await.unwrap();
        sqlx::query(
            "WITH made AS (
                 SELECT u.id AS user_id, i, row_number() OVER (PARTITION BY u.id ORDER BY i) AS seq,
                        CASE WHEN i % 3 = 2 THEN -400 ELSE 1000 END * (1 + i % 97)::bigint AS amount
                 FROM generate_series(1, $1) i JOIN users u ON u.username = CASE i % 2 WHEN 0 THEN 'reza' ELSE 'mina' END
             ), summed AS (SELECT *, sum(amount) OVER (PARTITION BY user_id ORDER BY i)::bigint AS after FROM made)
             INSERT INTO transactions (user_id, seq, type, confirmed_delta, pending_delta, balance_before, balance_after,
                                       confirmed_after, pending_after, reference_type, notes, created_at)
             SELECT user_id, seq, 'CHARGE_MANUAL', amount, 0, after - amount, after, after, 0, 'MANUAL',
                    'شارژ ' || i, now() - make_interval(mins => $1 - i + 1)
             FROM summed ORDER BY i",
        )
        .bind(rows)
        .execute(&mut *tx)
        .await
        .unwrap();
        sqlx::query(
            "UPDATE wallets w SET confirmed = t.confirmed_after, last_seq = t.seq
             FROM (SELECT DISTINCT ON (user_id) user_id, seq, confirmed_after FROM transactions
                   ORDER BY user_id, seq DESC) t
             WHERE t.user_id = w.user_id",
        )
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }
}
