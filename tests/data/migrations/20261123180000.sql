INSERT INTO plan_prices (plan_id, public_before, agent_before, price_public, price_agent, changed_by, changed_at) VALUES
    (1, NULL, NULL, 170000, 140000, 1, '2026-11-23 08:00+00'),
    (1, 170000, 140000, 180000, 150000, NULL, '2026-11-23 09:00+00');
