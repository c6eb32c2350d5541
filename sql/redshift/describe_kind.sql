-- Tells what a name stands for.
-- Engine:  Redshift.
-- Params:  {{schema}}, {{table}} texts
-- Output:  pg_class.relkind; no row when there is nothing of that name
-- Tests:   jobs/connect/tests/conformance
SELECT CAST(class.relkind AS VARCHAR(1))
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE namespace.nspname = {{schema}} AND class.relname = {{table}}
