-- Lists the tables that hold a table's rows: itself, its partitions, its children.
-- Engine:  Postgres 12 and later; ranges of ctid are read as such from 14 on, so before that there are none.
-- Params:  $1 oid of the table or view
-- Output:  schema, name, whether it can be read alone (ONLY), pages (NULL when it can't be read in ranges), bytes, rows estimated
-- Order:   by name.
-- Tests:   jobs/connect/tests/conformance
WITH RECURSIVE member AS (
    SELECT $1::oid AS oid
    UNION
    SELECT inherits.inhrelid FROM member JOIN pg_catalog.pg_inherits AS inherits ON inherits.inhparent = member.oid
)
SELECT
    namespace.nspname::text,
    class.relname::text,
    class.relkind IN ('r', 'm') AS is_alone,
    CASE
        WHEN class.relkind IN ('r', 'm') AND method.amname = 'heap' AND current_setting('server_version_num')::integer >= 140000
        THEN pg_relation_size(class.oid) / current_setting('block_size')::bigint
    END AS pages,
    CASE WHEN class.relkind IN ('r', 'm') THEN pg_table_size(class.oid) ELSE 0 END AS bytes,
    class.reltuples::double precision AS rows_estimate
FROM member
JOIN pg_catalog.pg_class AS class ON class.oid = member.oid
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
LEFT JOIN pg_catalog.pg_am AS method ON method.oid = class.relam
WHERE class.relkind IN ('r', 'm', 'v', 'f')
ORDER BY 1, 2
