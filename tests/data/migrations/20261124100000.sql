INSERT INTO order_changes (order_id, kind, status, reason, requested_by, request_id, plan_id, plan_name, days, data_limit_gb, amount,
    target_expire_at, refund_amount, asked_at, refusal, created_at, finished_at) VALUES
    (1, 'RENEW', 'DONE', NULL, 2, '00000000-0000-4000-8000-000000000041', 1, 'One month', 30, 30, 150000,
        '2027-01-22 10:00+00', NULL, '2026-11-24 10:00+00', NULL, '2026-11-24 10:00+00', '2026-11-24 10:00:05+00'),
    (2, 'ENABLE', 'WAITING', NULL, 2, '00000000-0000-4000-8000-000000000042', NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, '2026-11-24 10:00+00', NULL);
UPDATE orders SET renewed_at = '2026-11-24 10:00:05+00', renewed_plan_id = 1, renewed_plan_name = 'One month', renewed_days = 30,
    renewed_data_limit_gb = 30 WHERE id = 1;
INSERT INTO transactions (user_id, seq, type, confirmed_delta, pending_delta, balance_before, balance_after, confirmed_after,
    pending_after, reference_type, order_id, change_id, created_at, created_by) VALUES
    (2, 10, 'ORDER_RENEWED', -150000, 0, 350000, 200000, 0, 200000, 'ORDER', 1, 1, '2026-11-24 10:00+00', 2);
UPDATE wallets SET confirmed = 0, last_seq = 10 WHERE user_id = 2;
INSERT INTO jobs (kind, payload, unique_key, run_at, created_at) VALUES
    ('orders.change', '{"change": 2}', 'change:2', '2026-11-24 10:00+00', '2026-11-24 10:00+00');
