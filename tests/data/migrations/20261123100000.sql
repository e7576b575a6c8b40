-- Sara owns the shop, Reza and Mina resell, Nima buys for herself.
INSERT INTO users (username, email, password_hash, role) VALUES
    ('sara', 'sara@shop.example', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$x', 'ADMIN'),
    ('reza', NULL, '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$x', 'AGENT'),
    ('mina', NULL, '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$x', 'AGENT'),
    ('nima', NULL, '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$x', 'END_USER');
INSERT INTO agents (user_id, first_name, last_name, phone, pending_ceiling, deadline_deferred_until, deadline_deferred_reason) VALUES
    (2, 'Reza', 'Ahmadi', '09120000002', 5000000, NULL, NULL),
    (3, 'Mina', 'Karimi', '09120000003', 0, '2026-12-01 12:00+00', 'pays on Monday');
INSERT INTO end_users (user_id, phone) VALUES (4, '09120000004');
