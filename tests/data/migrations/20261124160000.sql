INSERT INTO notices (user_id, kind, subject_type, subject_id, dedupe_key, created_at, read_at) VALUES
    (1, 'PAYMENT_NEW', 'payment', 2, 'payment:2', '2026-11-24 16:00+00', NULL),
    (2, 'PAYMENT_APPROVED', 'payment', 1, NULL, '2026-11-24 16:00+00', '2026-11-24 16:05+00');
INSERT INTO notice_channels (user_id, channel, address, linked_at, broken_at, broken_reason) VALUES
    (1, 'TELEGRAM', '1234567', '2026-11-24 16:00+00', NULL, NULL),
    (2, 'EMAIL', 'reza@shop.example', '2026-11-24 16:00+00', '2026-11-24 17:00+00', 'refused');
INSERT INTO notice_links (user_id, channel, code, expires_at) VALUES (3, 'TELEGRAM', 'ABCD1234', '2026-11-24 16:30+00');
INSERT INTO notice_mutes (user_id, channel, kind) VALUES (1, 'TELEGRAM', 'PAYMENT_NEW');
INSERT INTO notice_quiet_hours (user_id, quiet_from, quiet_until) VALUES (1, 1380, 420);
INSERT INTO notice_deliveries (notice_id, channel, user_id, due_at, outcome, settled_at) VALUES
    (1, 'TELEGRAM', 1, '2026-11-24 16:00:20+00', NULL, NULL),
    (2, 'EMAIL', 2, '2026-11-24 16:00:20+00', 'DROPPED', '2026-11-24 16:01+00');
UPDATE notice_settings SET telegram_token = 'token', smtp_host = 'mail.example', server_failures = 2;
