-- Lists the sequences that belong to a table's columns, and how they go over to the new table: one that a column owns (serial)
-- is the new column's from then on; that of an identity is the new table's own, which gets the old one's name and grants.
-- Engine:  Postgres 12 and later. search_path must be empty.
-- Params:  $1 oid of the table, $2 oid of the new one, $3 quoted name of the new one once it is in its place
-- Output:  column, whether its type has a greatest value that a sequence can be set past, oid of the old and of the new sequence,
--          statement that makes the new column own it (NULL for identities), statement that renames it once the old table is gone
--          (NULL for serials)
-- Tests:   jobs/connect/tests/conformance
SELECT
    attribute.attname::text AS column_name,
    attribute.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AND sequence.seqincrement > 0 AS counts,
    class.oid::bigint AS old_oid,
    coalesce(new.objid, class.oid)::bigint AS new_oid,
    CASE depend.deptype WHEN 'a' THEN
        format('ALTER SEQUENCE %I.%I OWNED BY %s.%I', namespace.nspname, class.relname, $3::text, attribute.attname)
    END AS own,
    CASE depend.deptype WHEN 'i' THEN
        format('ALTER SEQUENCE %I.%I RENAME TO %I', namespace.nspname, renamed.relname, class.relname)
    END AS rename
FROM pg_depend AS depend
JOIN pg_class AS class ON class.oid = depend.objid AND class.relkind = 'S'
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
JOIN pg_sequence AS sequence ON sequence.seqrelid = class.oid
JOIN pg_attribute AS attribute ON attribute.attrelid = depend.refobjid AND attribute.attnum = depend.refobjsubid
LEFT JOIN pg_attribute AS beside ON beside.attrelid = $2::oid AND beside.attname = attribute.attname
LEFT JOIN pg_depend AS new ON depend.deptype = 'i' AND new.classid = 'pg_class'::regclass AND new.refclassid = 'pg_class'::regclass
    AND new.refobjid = $2::oid AND new.refobjsubid = beside.attnum AND new.deptype = 'i'
LEFT JOIN pg_class AS renamed ON renamed.oid = new.objid
WHERE depend.classid = 'pg_class'::regclass AND depend.refclassid = 'pg_class'::regclass
    AND depend.refobjid = $1::oid AND depend.deptype IN ('a', 'i')
ORDER BY attribute.attnum
