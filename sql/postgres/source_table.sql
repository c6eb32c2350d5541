-- Tells the comment and the size of a table; of a partitioned one, the size of its partitions together.
-- Engine:  Postgres 12 and later.
-- Params:  $1 oid of the table or view
-- Output:  comment, rows (NULL: nothing was analysed yet), bytes without indexes
-- Tests:   jobs/connect/tests/migrations
WITH part (oid) AS (
    SELECT tree.relid::oid FROM pg_catalog.pg_partition_tree($1::oid::regclass) AS tree WHERE tree.isleaf
    UNION
    SELECT $1::oid
)
SELECT
    pg_catalog.obj_description($1::oid, 'pg_class') AS comment,
    (sum(class.reltuples) FILTER (WHERE class.relkind <> 'p' AND class.reltuples >= 0))::double precision AS rows,
    sum(pg_catalog.pg_table_size(class.oid))::bigint AS bytes
FROM part
JOIN pg_catalog.pg_class AS class ON class.oid = part.oid
