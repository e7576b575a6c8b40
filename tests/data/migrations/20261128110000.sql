INSERT INTO setup_codes (digest, created_at) VALUES (decode(repeat('5e', 32), 'hex'), '2026-11-28 08:00Z');
