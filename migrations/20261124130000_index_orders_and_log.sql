-- What the owner's pages look for: all orders, the log, and the sums of days.
CREATE INDEX orders_plan_id_newest_idx ON orders (plan_id, id DESC);
CREATE INDEX orders_created_at_idx ON orders (created_at);
CREATE INDEX orders_provisioned_at_idx ON orders (provisioned_at) WHERE provisioned_at IS NOT NULL;
CREATE INDEX marzban_users_status_idx ON marzban_users (status, order_id DESC);

-- What was done for one order, also when it is finished.
CREATE INDEX jobs_unique_key_idx ON jobs (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX jobs_failed_idx ON jobs (finished_at) WHERE outcome = 'FAILED';

CREATE INDEX audit_log_created_at_idx ON audit_log (created_at);
-- The noun of an action: what kind of deed it was.
CREATE INDEX audit_log_noun_idx ON audit_log (split_part(action, '.', 1), id DESC);
CREATE INDEX audit_log_address_idx ON audit_log (address, id DESC) WHERE address IS NOT NULL;

-- Sums are read from the indexes alone.
CREATE INDEX transactions_sales_idx ON transactions (created_at) INCLUDE (user_id, order_id, confirmed_delta)
    WHERE type IN ('ORDER_CREATED', 'ORDER_RENEWED', 'ORDER_REFUND');
CREATE INDEX payments_approved_idx ON payments (processed_at) INCLUDE (approved_amount) WHERE status = 'APPROVED';
