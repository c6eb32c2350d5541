-- Lists the column sets that tell a row of a source from all others: indexes that are unique and valid, over every row and
-- over columns alone. One that is checked at the end of a transaction counts: readers see no other state.
-- Engine:  Postgres 12 and later.
-- Params:  $1 oid of the table
-- Output:  is_primary, columns
-- Order:   the primary key first, then by oid; columns as the index has them.
-- Tests:   jobs/connect/tests/migrations
SELECT
    index.indisprimary AS is_primary,
    ARRAY(
        SELECT attribute.attname::text
        FROM unnest(index.indkey::int2[]) WITH ORDINALITY AS key (attnum, place)
        JOIN pg_catalog.pg_attribute AS attribute
            ON attribute.attrelid = index.indrelid AND attribute.attnum = key.attnum
        WHERE key.place <= index.indnkeyatts
        ORDER BY key.place
    ) AS columns
FROM pg_catalog.pg_index AS index
WHERE index.indrelid = $1::oid
    AND index.indisunique AND index.indisvalid
    AND index.indpred IS NULL AND index.indexprs IS NULL
ORDER BY index.indisprimary DESC, index.indexrelid
