-- Finds a table that is loaded beside its target.
-- Engine:  Postgres.
-- Params:  $1 its name in schema quarrel
-- Output:  its oid; no row when it is not there
-- Tests:   jobs/connect/tests/conformance
SELECT class.oid::bigint
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE namespace.nspname = 'quarrel' AND class.relname = $1 AND class.relkind = 'r'
