INSERT INTO receipts (storage_key, uploaded_by, content_type, size_bytes, sha256, created_at)
SELECT ('00000000-0000-4000-8000-00000000002' || n)::uuid, CASE WHEN n < 3 THEN 2 ELSE 4 END, 'application/pdf', 1000,
    sha256(n::text::bytea), '2026-11-23 09:00+00'
FROM generate_series(1, 4) n;
INSERT INTO payments (user_id, payment_method_id, receipt_id, order_id, amount, approved_amount, credited_amount, status, admin_notes,
    transaction_hash, request_id, created_at, processed_at, processed_by) VALUES
    (2, 1, 1, NULL, 500000, 500000, 500000, 'APPROVED', NULL, NULL,
        '00000000-0000-4000-8000-000000000031', '2026-11-23 09:00+00', '2026-11-23 09:30+00', 1),
    (2, 3, 2, NULL, 200000, NULL, NULL, 'PENDING', NULL, '0xabc',
        '00000000-0000-4000-8000-000000000032', '2026-11-23 13:00+00', NULL, NULL),
    (4, 1, 3, 5, 180000, NULL, NULL, 'PENDING', NULL, NULL,
        '00000000-0000-4000-8000-000000000033', '2026-11-23 13:00+00', NULL, NULL),
    (4, 2, 4, NULL, 50000, NULL, NULL, 'REJECTED', 'not arrived', NULL,
        '00000000-0000-4000-8000-000000000034', '2026-11-23 13:00+00', '2026-11-23 13:10+00', 1);
