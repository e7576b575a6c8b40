INSERT INTO jobs (kind, payload, unique_key, run_at, created_at, finished_at, outcome) VALUES
    ('orders.provision', '{"order": 1}', 'provision:1', '2026-11-23 10:00+00', '2026-11-23 10:00+00', '2026-11-23 10:00:05+00', 'DONE'),
    ('orders.provision', '{"order": 4}', NULL, '2026-11-23 10:03+00', '2026-11-23 10:03+00', '2026-11-23 10:03:05+00', 'FAILED'),
    ('notices.poll', '{}', 'poll', '2026-11-24 10:00+00', '2026-11-23 10:00+00', NULL, NULL);
