INSERT INTO order_imports (requested_by, request_id, status, owner_id, created_at, started_at, finished_at, confirmed_by)
VALUES (1, '00000000-0000-4000-8000-000000000072', 'STOPPED', 1, '2026-11-28 17:00+00', '2026-11-28 17:01+00', '2026-11-28 17:02+00', 1);
INSERT INTO order_import_items (import_id, username, status, note, created_at, order_id)
VALUES (2, 'Begun-Customer', 'ACTIVE', 'علي ٠٩١٢', '2026-01-01 00:00+00', nextval(pg_get_serial_sequence('orders', 'id')));
