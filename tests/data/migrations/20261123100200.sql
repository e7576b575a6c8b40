INSERT INTO audit_log (actor_id, action, subject_type, subject_id, detail, created_at) VALUES
    (1, 'agent.create', 'user', 2, '{"username": "reza"}', '2026-11-23 10:00+00');
