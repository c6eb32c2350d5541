-- Lists the types that a table's columns have, and the types those are made of: bases of domains, elements of arrays.
-- Engine:  Postgres 12 and later.
-- Params:  $1 oid of the table or view
-- Output:  oid, schema, name, kind (pg_type.typtype), base and base_modifier of a domain, element of an array (0: none),
--          not_null of a domain, labels of an enum in their order
-- Tests:   jobs/connect/tests/migrations
WITH RECURSIVE needed (oid) AS (
    SELECT attribute.atttypid
    FROM pg_catalog.pg_attribute AS attribute
    WHERE attribute.attrelid = $1::oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
    UNION
    SELECT inner_type.oid
    FROM needed
    JOIN pg_catalog.pg_type AS type ON type.oid = needed.oid
    CROSS JOIN LATERAL (VALUES (type.typbasetype), (type.typelem)) AS inner_type (oid)
    WHERE inner_type.oid <> 0
)
SELECT
    type.oid::bigint AS oid,
    namespace.nspname::text AS schema,
    type.typname::text AS name,
    type.typtype::text AS kind,
    type.typbasetype::bigint AS base,
    type.typtypmod AS base_modifier,
    -- Some types that are no arrays have an element as well: a name has characters, a point has numbers.
    coalesce((
        SELECT element.oid
        FROM pg_catalog.pg_type AS element
        WHERE element.oid = type.typelem AND element.typarray = type.oid
    ), 0)::bigint AS element,
    type.typnotnull AS not_null,
    ARRAY(
        SELECT enum.enumlabel::text
        FROM pg_catalog.pg_enum AS enum
        WHERE enum.enumtypid = type.oid
        ORDER BY enum.enumsortorder
    ) AS labels
FROM needed
JOIN pg_catalog.pg_type AS type ON type.oid = needed.oid
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = type.typnamespace
