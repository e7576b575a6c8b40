-- After a backup was restored, the accounts that were sold since bear the numbers of orders that are not there. They are
-- brought in where the admin says so: another panel's accounts look the same.
ALTER TABLE order_imports ADD COLUMN takes_lost boolean NOT NULL DEFAULT false;

CREATE OR REPLACE VIEW order_import_verdicts AS
SELECT i.import_id, i.place,
       CASE WHEN i.outcome IS NOT NULL THEN i.outcome
            WHEN m.status = 'STOPPED' THEN 'STOPPED'
            WHEN m.status NOT IN ('READING', 'READ') THEN 'WAITING'
            WHEN EXISTS (SELECT FROM orders o WHERE lower(o.marzban_username) = lower(i.username)
                         AND o.status NOT IN ('DELETED', 'FAILED', 'CANCELLED')) THEN 'OWNED'
            -- Another panel's, or one of ours that has ended; not the note of an import that was cut off, nor, where the
            -- admin says so, of an order that no row is there of.
            WHEN i.note ~ '^RAD order #[0-9]+$'
                 AND NOT EXISTS (SELECT FROM order_import_items b WHERE i.note = 'RAD order #' || b.order_id
                                 AND b.username = i.username AND b.outcome IS DISTINCT FROM 'TAKEN')
                 AND NOT (m.takes_lost AND NOT EXISTS (
                     SELECT FROM orders o
                     WHERE o.id = CASE WHEN i.note ~ '^RAD order #[0-9]{1,18}$'
                                       THEN substring(i.note FROM 12)::bigint END)) THEN 'FOREIGN'
            WHEN length(i.username) > 64 OR i.username !~ '^[A-Za-z0-9_]{3,32}([@.-][A-Za-z0-9_@.-]*)?$' THEN 'NAME'
            WHEN EXISTS (SELECT FROM order_import_items b WHERE b.import_id = i.import_id
                         AND lower(b.username) = lower(i.username) AND b.place < i.place) THEN 'TWICE'
            WHEN lower(i.username) NOT LIKE m.name_like OR comparable(i.note) NOT LIKE m.note_like
                 OR coalesce(i.keeper, '') <> coalesce(m.keeper, i.keeper, '') THEN 'NOT_CHOSEN'
            ELSE 'TAKE' END AS verdict
FROM order_import_items i JOIN order_imports m ON m.id = i.import_id;
