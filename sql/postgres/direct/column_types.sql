-- Tells how the columns of a table travel in binary COPY. A domain travels as its base type.
-- Engine:  Postgres 12 and later.
-- Params:  $1 oid of the table or view
-- Output:  name, type without modifiers, whether every server has the type, whether it is an enumeration, whether its binary
--          form means the same on every server that has the type
-- Order:   as the table has them.
-- Tests:   jobs/connect/tests/conformance
WITH RECURSIVE base AS (
    SELECT attribute.attnum, attribute.attname, type.oid, type.typtype, type.typbasetype
    FROM pg_catalog.pg_attribute AS attribute JOIN pg_catalog.pg_type AS type ON type.oid = attribute.atttypid
    WHERE attribute.attrelid = $1::oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
    UNION ALL
    SELECT base.attnum, base.attname, type.oid, type.typtype, type.typbasetype
    FROM base JOIN pg_catalog.pg_type AS type ON type.oid = base.typbasetype
    WHERE base.typtype = 'd'
)
SELECT
    base.attname::text AS name,
    pg_catalog.format_type(base.oid, NULL) AS type_name,
    base.oid::bigint < 16384 AS is_builtin,
    base.typtype = 'e' AS is_enum,
    type.typsend <> 0 AND type.typreceive <> 0 AND type.typname NOT LIKE 'reg%' AND type.typname NOT LIKE '\_reg%'
        AND CASE
            WHEN base.oid::bigint < 16384 THEN true
            -- Arrays, composites and ranges of a user's types carry numbers of types, which differ from server to server.
            ELSE base.typtype IN ('b', 'e') AND type.typcategory <> 'A'
        END AS is_portable
FROM base JOIN pg_catalog.pg_type AS type ON type.oid = base.oid
WHERE base.typtype <> 'd'
ORDER BY base.attnum
