UPDATE users SET name = 'Sara', phone = '09120000001', theme = 'dark', digits = 'latin' WHERE id = 1;
UPDATE sign_ins SET last_seen_at = '2026-11-24 14:00+00';
