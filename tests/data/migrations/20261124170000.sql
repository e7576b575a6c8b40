INSERT INTO backups (started_at, finished_at, outcome, error, file_name, size_bytes, sha256, verified_at) VALUES
    ('2026-11-24 17:00+00', '2026-11-24 17:00:09+00', 'DONE', NULL, 'rad-panel-20261124-170000.tar', 90000, sha256('file'), '2026-11-24 17:00:09+00'),
    ('2026-11-24 17:10+00', '2026-11-24 17:10:01+00', 'FAILED', 'no room', NULL, NULL, NULL, NULL);
