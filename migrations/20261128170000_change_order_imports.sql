-- Text as it is compared with what somebody types: small letters, Latin digits, Persian letters for the Arabic ones, one
-- space for any blank, no marks of direction.
CREATE FUNCTION comparable(written text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(
        translate(lower(written),
                  '۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩يىك' ||
                  U&'\00AD\061C\200B\200E\200F\202A\202B\202C\202D\202E\2066\2067\2068\2069\FEFF',
                  '01234567890123456789ییک'),
        '\s+', ' ', 'g')
$$;

-- What becomes of each account, as before, but for two things: one that was begun when its import was stopped waits for
-- its old note only, and counts as stopped; and a note is found however its letters and digits were typed.
CREATE OR REPLACE VIEW order_import_verdicts AS
SELECT i.import_id, i.place,
       CASE WHEN i.outcome IS NOT NULL THEN i.outcome
            WHEN m.status = 'STOPPED' THEN 'STOPPED'
            WHEN m.status NOT IN ('READING', 'READ') THEN 'WAITING'
            WHEN EXISTS (SELECT FROM orders o WHERE lower(o.marzban_username) = lower(i.username)
                         AND o.status NOT IN ('DELETED', 'FAILED', 'CANCELLED')) THEN 'OWNED'
            -- Another panel's, or one of ours that has ended; not the note of an import that was cut off.
            WHEN i.note ~ '^RAD order #[0-9]+$'
                 AND NOT EXISTS (SELECT FROM order_import_items b WHERE i.note = 'RAD order #' || b.order_id
                                 AND b.username = i.username AND b.outcome IS DISTINCT FROM 'TAKEN') THEN 'FOREIGN'
            WHEN length(i.username) > 64 OR i.username !~ '^[A-Za-z0-9_]{3,32}([@.-][A-Za-z0-9_@.-]*)?$' THEN 'NAME'
            WHEN EXISTS (SELECT FROM order_import_items b WHERE b.import_id = i.import_id
                         AND lower(b.username) = lower(i.username) AND b.place < i.place) THEN 'TWICE'
            WHEN lower(i.username) NOT LIKE m.name_like OR comparable(i.note) NOT LIKE m.note_like
                 OR coalesce(i.keeper, '') <> coalesce(m.keeper, i.keeper, '') THEN 'NOT_CHOSEN'
            ELSE 'TAKE' END AS verdict
FROM order_import_items i JOIN order_imports m ON m.id = i.import_id;

-- Who brought the accounts in, which need not be who read the server.
ALTER TABLE order_imports
    ADD COLUMN confirmed_by bigint, -- NULL: not confirmed, or by a version that did not write it down
    ADD CONSTRAINT order_imports_confirmed_by_fkey FOREIGN KEY (confirmed_by) REFERENCES users (id);
UPDATE order_imports m SET confirmed_by = l.actor_id FROM audit_log l
WHERE l.action = 'order.import_all' AND l.subject_type = 'import' AND l.subject_id = m.id;
