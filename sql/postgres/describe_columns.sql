-- Lists the columns of a table.
-- Engine:  Postgres 12 and later.
-- Params:  $1 oid of the table
-- Order:   as the table has them.
-- Tests:   jobs/connect/tests/conformance
SELECT
    attribute.attname::text AS name,
    pg_catalog.format_type(attribute.atttypid, attribute.atttypmod) AS type_name,
    NOT attribute.attnotnull AS nullable,
    attribute.atthasdef AND attribute.attgenerated = '' AS has_default,
    attribute.attgenerated <> '' AS computed,
    attribute.attidentity::text AS identity
FROM pg_catalog.pg_attribute AS attribute
WHERE attribute.attrelid = $1::oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
ORDER BY attribute.attnum
