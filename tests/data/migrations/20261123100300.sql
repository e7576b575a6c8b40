INSERT INTO plans (name, days, data_limit_gb, price_public, price_agent, status) VALUES
    ('One month', 30, 30, 180000, 150000, 'ACTIVE'),
    ('Without limit', 30, NULL, 130000, 100000, 'INACTIVE');
INSERT INTO payment_methods (type, alias, holder, card_number, sheba, coin, network, wallet_address, bonus_percent, daily_limit_count) VALUES
    ('CARD', 'card', 'Sara', '6037991234567893', NULL, NULL, NULL, NULL, 0, 20),
    ('SHEBA', 'sheba', 'Sara', NULL, 'IR062960000000100324200001', NULL, NULL, NULL, 0, NULL),
    ('CRYPTO', 'tether', '', NULL, NULL, 'USDT', 'TRC20', 'TXYZ', 10, NULL);
INSERT INTO payment_draws (user_id, payment_method_id, drawn_at, expires_at) VALUES (4, 1, '2026-11-23 10:00+00', '2026-11-23 11:00+00');
