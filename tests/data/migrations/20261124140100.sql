INSERT INTO two_factors (user_id, secret, last_step, created_at) VALUES (1, '\x0000000000000000000000000000000000000000', 1, '2026-11-24 14:01+00');
INSERT INTO recovery_codes (user_id, digest) VALUES (1, sha256('code'));
