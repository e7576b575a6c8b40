INSERT INTO transactions (user_id, seq, type, confirmed_delta, pending_delta, balance_before, balance_after, confirmed_after,
    pending_after, reference_type, payment_id, order_id, notes, created_at, created_by) VALUES
    (2, 1, 'CHARGE_PENDING', 0, 500000, 0, 500000, 0, 500000, 'PAYMENT', 1, NULL, '', '2026-11-23 14:00+00', 1),
    (2, 2, 'CHARGE_APPROVED', 500000, -500000, 500000, 500000, 500000, 0, 'PAYMENT', 1, NULL, '', '2026-11-23 14:00+00', 1),
    (2, 3, 'ORDER_CREATED', -150000, 0, 500000, 350000, 350000, 0, 'ORDER', NULL, 1, '', '2026-11-23 14:00+00', 1),
    (2, 4, 'ORDER_CREATED', -100000, 0, 350000, 250000, 250000, 0, 'ORDER', NULL, 2, '', '2026-11-23 14:00+00', 1),
    (2, 5, 'ORDER_CREATED', -100000, 0, 250000, 150000, 150000, 0, 'ORDER', NULL, 3, '', '2026-11-23 14:00+00', 1),
    (2, 6, 'ORDER_CREATED', -100000, 0, 150000, 50000, 50000, 0, 'ORDER', NULL, 4, '', '2026-11-23 14:00+00', 1),
    (2, 7, 'ORDER_REFUND', 100000, 0, 50000, 150000, 150000, 0, 'ORDER', NULL, 4, '', '2026-11-23 14:00+00', 1),
    (2, 8, 'ORDER_DISABLED', 0, 0, 150000, 150000, 150000, 0, 'ORDER', NULL, 2, '', '2026-11-23 14:00+00', 1),
    (2, 9, 'CHARGE_PENDING', 0, 200000, 150000, 350000, 150000, 200000, 'PAYMENT', 2, NULL, '', '2026-11-23 14:00+00', 1),
    (3, 1, 'CHARGE_MANUAL', -70000, 0, 0, -70000, -70000, 0, 'MANUAL', NULL, NULL, 'cash given back', '2026-11-23 14:00+00', 1),
    (4, 1, 'CHARGE_PENDING', 0, 180000, 0, 180000, 0, 180000, 'PAYMENT', 3, NULL, '', '2026-11-23 14:00+00', 1),
    (4, 2, 'CHARGE_PENDING', 0, 50000, 180000, 230000, 0, 230000, 'PAYMENT', 4, NULL, '', '2026-11-23 14:00+00', 1),
    (4, 3, 'CHARGE_REJECTED', 0, -50000, 230000, 180000, 0, 180000, 'PAYMENT', 4, NULL, '', '2026-11-23 14:00+00', 1);
UPDATE wallets SET confirmed = 150000, pending = 200000, last_seq = 9, negative_since = NULL WHERE user_id = 2;
UPDATE wallets SET confirmed = -70000, pending = 0, last_seq = 1, negative_since = '2026-11-23 14:00+00' WHERE user_id = 3;
UPDATE wallets SET confirmed = 0, pending = 180000, last_seq = 3, negative_since = NULL WHERE user_id = 4;
