INSERT INTO web_sessions (id, data, expiry_date) VALUES ('a-digest', '\x00', '2026-12-01 12:00+00');
INSERT INTO sign_ins (id, user_id, address, ended_at, end_reason) VALUES
    ('00000000-0000-4000-8000-000000000001', 1, '192.0.2.1', NULL, NULL),
    ('00000000-0000-4000-8000-000000000002', 2, '2001:db8::1', '2026-11-23 11:00+00', 'SIGNED_OUT');
INSERT INTO login_attempts (username, address, succeeded, attempted_at) VALUES ('reza', '192.0.2.1', false, '2026-11-23 10:00+00');
