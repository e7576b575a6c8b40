INSERT INTO scheduled_runs (task, due_at, asked_by, started_at, finished_at, outcome, error) VALUES
    ('CLEANING', '2026-11-24 15:17+00', NULL, '2026-11-24 15:17+00', '2026-11-24 15:17:01+00', 'DONE', NULL),
    ('BACKUP', '2026-11-24 15:20+00', 1, '2026-11-24 15:20+00', '2026-11-24 15:20:01+00', 'FAILED', 'no room'),
    ('USAGE', '2026-11-24 15:20+00', NULL, NULL, NULL, NULL, NULL);
