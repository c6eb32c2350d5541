-- Lists the column sets by which an upsert can find its row: indexes that are unique, valid, ready and checked at once, over
-- every row (no predicate) and over columns alone (no expression).
-- Engine:  Postgres 12 and later.
-- Params:  $1 oid of the table
-- Order:   the primary key first, then by oid; columns as the index has them (those it only includes are left out).
-- Tests:   jobs/connect/tests/conformance
SELECT ARRAY(
    SELECT attribute.attname::text
    FROM unnest(index.indkey::int2[]) WITH ORDINALITY AS key (attnum, place)
    JOIN pg_catalog.pg_attribute AS attribute
        ON attribute.attrelid = index.indrelid AND attribute.attnum = key.attnum
    WHERE key.place <= index.indnkeyatts
    ORDER BY key.place
) AS columns
FROM pg_catalog.pg_index AS index
WHERE index.indrelid = $1::oid
    AND index.indisunique AND index.indisvalid AND index.indisready AND index.indimmediate
    AND index.indpred IS NULL AND index.indexprs IS NULL
ORDER BY index.indisprimary DESC, index.indexrelid
