INSERT INTO registration_attempts (address, attempted_at) VALUES ('192.0.2.9', '2026-11-24 11:00+00');
