-- Lists staging tables that earlier loads into a table left behind.
-- Engine:  Postgres.
-- Params:  $1 prefix of their names (no wildcard is read in it)
-- Tests:   jobs/connect/tests/conformance
SELECT class.relname::text
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE namespace.nspname = 'quarrel' AND class.relkind = 'r' AND starts_with(class.relname::text, $1)
ORDER BY class.relname
