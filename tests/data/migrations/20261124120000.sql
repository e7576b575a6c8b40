INSERT INTO exports (owner_id, request_id, filter, language, description, file_key, file_name, rows_total, created_at, expires_at) VALUES
    (1, '00000000-0000-4000-8000-000000000051', '{}', 'fa', 'everything', '00000000-0000-4000-8000-000000000052', 'ledger.xlsx', 12,
        '2026-11-24 12:00+00', '2026-11-25 12:00+00');
