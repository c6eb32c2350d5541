-- Finds who holds the lock of loads.
-- Engine:  Redshift. Other accounts' transactions show to superusers only.
-- Output:  process, account, the transaction's start as text; no row when nobody does, or it can't be seen
-- Tests:   jobs/connect/tests/conformance
SELECT
    CAST(holder.pid AS BIGINT),
    CAST(holder.txn_owner AS VARCHAR(127)),
    CAST(holder.txn_start AS VARCHAR(40))
FROM svv_transactions AS holder
JOIN pg_catalog.pg_class AS class ON class.oid = holder.relation
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE namespace.nspname = 'quarrel' AND class.relname = 'load_lock'
    AND holder.granted AND holder.pid <> pg_backend_pid()
ORDER BY holder.txn_start
LIMIT 1
