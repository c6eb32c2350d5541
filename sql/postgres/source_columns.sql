-- Lists the columns of a table as a source has them: types by their numbers, defaults and expressions as SQL.
-- Engine:  Postgres 12 and later.
-- Params:  $1 oid of the table or view
-- Output:  name, type_oid and type_modifier, spelling, nullable (without a domain's rule), expression (of a default or of a
--          generated column), generated and identity (pg_attribute's letters), comment, collation (where it is not the type's)
-- Order:   as the table has them.
-- Tests:   jobs/connect/tests/migrations
SELECT
    attribute.attname::text AS name,
    attribute.atttypid::bigint AS type_oid,
    attribute.atttypmod AS type_modifier,
    pg_catalog.format_type(attribute.atttypid, attribute.atttypmod) AS spelling,
    NOT attribute.attnotnull AS nullable,
    pg_catalog.pg_get_expr(attrdef.adbin, attrdef.adrelid) AS expression,
    attribute.attgenerated::text AS generated,
    attribute.attidentity::text AS identity,
    pg_catalog.col_description(attribute.attrelid, attribute.attnum) AS comment,
    (
        SELECT coll.collname::text
        FROM pg_catalog.pg_collation AS coll
        WHERE coll.oid = attribute.attcollation AND attribute.attcollation <> type.typcollation
    ) AS collation
FROM pg_catalog.pg_attribute AS attribute
JOIN pg_catalog.pg_type AS type ON type.oid = attribute.atttypid
LEFT JOIN pg_catalog.pg_attrdef AS attrdef
    ON attrdef.adrelid = attribute.attrelid AND attrdef.adnum = attribute.attnum
WHERE attribute.attrelid = $1::oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
ORDER BY attribute.attnum
