-- Tells whether two tables have the same columns in the same order: names, types, collations, NOT NULL, identity, generation and
-- defaults.
-- Engine:  Postgres 12 and later. search_path must be empty.
-- Params:  $1 and $2 their oids
-- Tests:   jobs/connect/tests/conformance
WITH columns AS (
    SELECT attribute.attrelid, attribute.attnum AS place, ROW(
        attribute.attname, attribute.atttypid, attribute.atttypmod, attribute.attcollation, attribute.attnotnull,
        attribute.attidentity, attribute.attgenerated, pg_get_expr(defaults.adbin, defaults.adrelid)
    )::text AS spelled
    FROM pg_attribute AS attribute
    LEFT JOIN pg_attrdef AS defaults ON defaults.adrelid = attribute.attrelid AND defaults.adnum = attribute.attnum
    WHERE attribute.attrelid IN ($1::oid, $2::oid) AND attribute.attnum > 0 AND NOT attribute.attisdropped
)
SELECT (SELECT array_agg(spelled ORDER BY place) FROM columns WHERE attrelid = $1::oid)
    IS NOT DISTINCT FROM (SELECT array_agg(spelled ORDER BY place) FROM columns WHERE attrelid = $2::oid)
