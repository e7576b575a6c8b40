INSERT INTO order_selections (user_id, kind, request_id, created_at) VALUES
    (2, 'RENEW', '00000000-0000-4000-8000-000000000061', '2026-11-24 19:00+00');
INSERT INTO order_selection_items (selection_id, place, order_id, plan_id, seen, change_id) VALUES (1, 1, 1, 1, 150000, 1);
INSERT INTO order_batches (user_id, request_id, plan_id, price, on_hold, created_at) VALUES
    (2, '00000000-0000-4000-8000-000000000062', 2, 100000, true, '2026-11-24 19:00+00');
INSERT INTO order_batch_items (batch_id, place, username, alias, order_id, trouble) VALUES (1, 1, 'reza_off', '', 2, NULL), (1, 2, 'reza_x', '', NULL, 'TAKEN');
