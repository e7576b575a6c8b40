INSERT INTO order_imports (requested_by, request_id, created_at) VALUES (1, '00000000-0000-4000-8000-000000000071', '2026-11-28 14:00+00');
INSERT INTO order_import_items (import_id, username, status, created_at) VALUES (1, 'Old-Customer', 'ACTIVE', '2026-01-01 00:00+00');
