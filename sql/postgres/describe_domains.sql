-- Tells which columns of a table have a domain over a text type: an explicit cast to one cuts a text that is too long.
-- Engine:  Postgres.
-- Params:  $1 oid of the table
-- Tests:   jobs/connect/tests/conformance
SELECT attribute.attname::text AS name
FROM pg_catalog.pg_attribute AS attribute
JOIN pg_catalog.pg_type AS type ON type.oid = attribute.atttypid
WHERE attribute.attrelid = $1::oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
    AND type.typtype = 'd' AND type.typcategory = 'S'
