-- Finds a table by its name, as a statement of this session would.
-- Engine:  Postgres.
-- Params:  $1 the quoted name, qualified or not
-- Output:  oid, schema, name, kind (pg_class.relkind), rows estimated (-1: never analysed); no row when there is no such table
-- Tests:   jobs/connect/tests/conformance
SELECT
    class.oid::bigint AS oid,
    namespace.nspname::text AS schema,
    class.relname::text AS name,
    class.relkind::text AS kind,
    class.reltuples::double precision AS rows_estimate
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE class.oid = pg_catalog.to_regclass($1)
