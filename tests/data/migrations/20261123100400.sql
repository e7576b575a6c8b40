INSERT INTO wallets (user_id) VALUES (1), (2), (3), (4);
INSERT INTO orders (user_id, plan_id, plan_name, days, data_limit_gb, amount, marzban_username, on_hold, status, disabled_reason,
    failure_reason, request_id, created_at, provisioned_at, deleted_at) VALUES
    (2, 1, 'One month', 30, 30, 150000, 'reza_on', false, 'ACTIVE', NULL, NULL,
        '00000000-0000-4000-8000-000000000011', '2026-11-23 10:00+00', '2026-11-23 10:00:05+00', NULL),
    (2, 2, 'Without limit', 30, NULL, 100000, 'reza_off', true, 'DISABLED', 'BY_OWNER', NULL,
        '00000000-0000-4000-8000-000000000012', '2026-11-23 10:01+00', '2026-11-23 10:01:05+00', NULL),
    (2, 2, 'Without limit', 30, NULL, 100000, 'reza_gone', false, 'DELETED', NULL, NULL,
        '00000000-0000-4000-8000-000000000013', '2026-11-23 10:02+00', '2026-11-23 10:02:05+00', '2026-11-23 12:00+00'),
    (2, 2, 'Without limit', 30, NULL, 100000, 'reza_taken', false, 'FAILED', NULL, 'USERNAME_TAKEN',
        '00000000-0000-4000-8000-000000000014', '2026-11-23 10:03+00', NULL, NULL),
    (4, 1, 'One month', 30, 30, 180000, 'nima', false, 'AWAITING_PAYMENT', NULL, NULL,
        '00000000-0000-4000-8000-000000000015', '2026-11-23 10:04+00', NULL, NULL);
INSERT INTO marzban_users (order_id, username, subscription_url, expire_at, on_hold_seconds, data_limit_bytes, status, created_at, last_synced_at) VALUES
    (1, 'reza_on', 'https://sub.example/sub/a', '2026-12-23 10:00+00', NULL, 32212254720, 'ACTIVE', '2026-11-23 10:00:05+00', '2026-11-23 10:00:05+00'),
    (2, 'reza_off', 'https://sub.example/sub/b', NULL, 2592000, NULL, 'DISABLED', '2026-11-23 10:01:05+00', '2026-11-23 10:01:05+00'),
    (3, 'reza_gone', 'https://sub.example/sub/c', '2026-12-23 10:02+00', NULL, NULL, 'ACTIVE', '2026-11-23 10:02:05+00', '2026-11-23 10:02:05+00');
