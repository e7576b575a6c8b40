-- The orders whose account is still to be made, and since when: from their charge on. One that was placed before it
-- was paid for has waited for its buyer until then, not for its account.
CREATE VIEW orders_in_provisioning AS
SELECT o.id, o.marzban_username, coalesce(t.created_at, o.created_at) AS since
FROM orders o
LEFT JOIN transactions t ON t.order_id = o.id AND t.type = 'ORDER_CREATED'
WHERE o.status = 'PROVISIONING';
