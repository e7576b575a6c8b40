INSERT INTO order_changes (order_id, kind, status, requested_by, request_id, counted_off_bytes, asked_at, created_at, finished_at) VALUES
    (1, 'RESET', 'DONE', 1, '00000000-0000-4000-8000-000000000081', 1073741824, '2026-11-28 16:00+00', '2026-11-28 16:00+00',
        '2026-11-28 16:00:05+00');
