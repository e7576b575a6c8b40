UPDATE marzban_users SET asked_at = '2026-11-24 18:00+00', keys = 'digest', drift = '{EXPIRY}', drift_since = '2026-11-24 18:00+00',
    ours_expire_at = '2027-01-22 10:00+00' WHERE order_id = 1;
INSERT INTO usage_samples (order_id, at, lifetime_bytes) VALUES (1, '2026-11-24 17:00+00', 1000), (1, '2026-11-24 18:00+00', 2000);
