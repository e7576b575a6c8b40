//! The invariants of money, checked over all rows: what the triggers hold one by one, this proves as a whole.

use sqlx::PgConnection;

use crate::ids::UserId;

/// A wallet that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub user: UserId,
    pub rule: String,
}

/// Every violation of the invariants of money; empty when all is well.
pub async fn verify(conn: &mut PgConnection) -> sqlx::Result<Vec<Violation>> {
    sqlx::query_as!(
        Violation,
        r#"WITH ledger AS (
               SELECT user_id, count(*) AS rows, max(seq) AS last_seq,
                      sum(confirmed_delta)::bigint AS confirmed, sum(pending_delta)::bigint AS pending
               FROM transactions GROUP BY user_id
           ), claims AS (
               SELECT user_id, sum(amount)::bigint AS pending FROM payments WHERE status = 'PENDING' GROUP BY user_id
           ), chain AS (
               SELECT user_id, seq, balance_before, balance_after, confirmed_delta + pending_delta AS amount,
                      lag(seq, 1, 0::bigint) OVER w AS seq_before, lag(balance_after, 1, 0::bigint) OVER w AS expected,
                      confirmed_after - confirmed_delta <> lag(confirmed_after, 1, 0::bigint) OVER w
                      OR pending_after - pending_delta <> lag(pending_after, 1, 0::bigint) OVER w AS leaps
               FROM transactions WINDOW w AS (PARTITION BY user_id ORDER BY seq)
           )
           SELECT w.user_id AS "user!: UserId", 'wallet differs from the sum of its ledger' AS "rule!"
           FROM wallets w LEFT JOIN ledger l USING (user_id)
           WHERE (w.confirmed, w.pending, w.last_seq)
                 <> (coalesce(l.confirmed, 0), coalesce(l.pending, 0), coalesce(l.last_seq, 0))
           UNION ALL
           SELECT w.user_id, 'pending credit differs from the pending payments'
           FROM wallets w LEFT JOIN claims c USING (user_id) WHERE w.pending <> coalesce(c.pending, 0)
           UNION ALL
           SELECT user_id, 'ledger row ' || seq || ' does not continue the row before it'
           FROM chain
           WHERE seq <> seq_before + 1 OR balance_before <> expected OR balance_after <> balance_before + amount OR leaps
           UNION ALL
           SELECT user_id, 'negative_since does not follow the total' FROM wallets
           WHERE (confirmed + pending < 0) <> (negative_since IS NOT NULL)
           UNION ALL
           SELECT p.user_id, 'payment ' || p.id || ' has not had the effect of its status' FROM payments p
           WHERE NOT EXISTS (SELECT FROM transactions t WHERE t.payment_id = p.id AND t.type = 'CHARGE_PENDING'
                             AND t.pending_delta = p.amount)
              OR (p.status = 'APPROVED')
                 <> EXISTS (SELECT FROM transactions t WHERE t.payment_id = p.id AND t.type = 'CHARGE_APPROVED'
                            AND t.confirmed_delta = p.credited_amount AND t.pending_delta = -p.amount)
              OR (p.status IN ('REJECTED', 'WITHDRAWN'))
                 <> EXISTS (SELECT FROM transactions t WHERE t.payment_id = p.id AND t.type = 'CHARGE_REJECTED'
                            AND t.pending_delta = -p.amount)
           UNION ALL
           SELECT o.user_id, 'order ' || o.id || ' was not charged exactly once' FROM orders o
           WHERE (o.status NOT IN ('AWAITING_PAYMENT', 'CANCELLED') AND o.imported_at IS NULL)
              <> EXISTS (SELECT FROM transactions t WHERE t.order_id = o.id AND t.type = 'ORDER_CREATED'
                         AND t.confirmed_delta = -o.amount)
           UNION ALL
           SELECT o.user_id, 'failed order ' || o.id || ' was not paid back in full' FROM orders o
           WHERE o.status = 'FAILED'
             AND NOT EXISTS (SELECT FROM transactions t WHERE t.order_id = o.id AND t.type = 'ORDER_REFUND'
                             AND t.change_id IS NULL AND t.confirmed_delta = o.amount)
           UNION ALL
           SELECT o.user_id, 'order ' || o.id || ' was paid back although it lives' FROM orders o
           WHERE o.status NOT IN ('DELETED', 'FAILED')
             AND EXISTS (SELECT FROM transactions t WHERE t.order_id = o.id AND t.type = 'ORDER_REFUND'
                         AND t.change_id IS NULL)
           UNION ALL
           SELECT o.user_id, 'renewal ' || c.id || ' was not charged once' FROM order_changes c
           JOIN orders o ON o.id = c.order_id
           WHERE c.kind = 'RENEW'
             AND NOT EXISTS (SELECT FROM transactions t WHERE t.change_id = c.id AND t.type = 'ORDER_RENEWED'
                             AND t.confirmed_delta = -c.amount)
           UNION ALL
           SELECT o.user_id, 'renewal ' || c.id || ' was not paid back as its end says' FROM order_changes c
           JOIN orders o ON o.id = c.order_id
           WHERE c.kind = 'RENEW' AND (c.status IN ('REFUSED', 'CANCELLED'))
                 <> EXISTS (SELECT FROM transactions t WHERE t.change_id = c.id AND t.type = 'ORDER_REFUND'
                            AND t.confirmed_delta = c.amount)
           UNION ALL
           SELECT o.user_id, 'deletion ' || c.id || ' was not paid back as it was reckoned' FROM order_changes c
           JOIN orders o ON o.id = c.order_id
           WHERE c.kind = 'DELETE' AND c.status = 'DONE'
             AND (c.refund_amount > o.amount
                  OR c.refund_amount <> coalesce((SELECT sum(t.confirmed_delta) FROM transactions t
                                                  WHERE t.order_id = o.id AND t.type = 'ORDER_REFUND'
                                                    AND t.change_id IS NULL), 0))
           UNION ALL
           SELECT o.user_id, 'order ' || o.id || ' was paid back without a deletion that says so' FROM orders o
           WHERE o.status = 'DELETED'
             AND EXISTS (SELECT FROM transactions t WHERE t.order_id = o.id AND t.type = 'ORDER_REFUND'
                         AND t.change_id IS NULL)
             AND NOT EXISTS (SELECT FROM order_changes c WHERE c.order_id = o.id AND c.kind = 'DELETE'
                             AND c.status = 'DONE')"#
    )
    .fetch_all(conn)
    .await
}
