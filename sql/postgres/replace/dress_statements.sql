-- Spells the statements that give a new table, once it has the old one's name, what the old one had
-- beside rows, columns, indexes and constraints: owner, grants, comments, replica identity, clustering, extended statistics.
-- Engine:  Postgres 12 and later. search_path must be empty.
-- Params:  $1 oid of the old table, $2 oid of the new one
-- Output:  whether it must wait until the old table is gone and indexes have their names; statement
-- Order:   as they must run.
-- Tests:   jobs/connect/tests/conformance
WITH target AS (
    SELECT
        class.oid, class.relowner, class.relacl, class.relreplident, namespace.nspname,
        format('%I.%I', namespace.nspname, class.relname) AS name
    FROM pg_class AS class JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE class.oid = $1::oid
), beside AS (
    SELECT class.oid, class.relowner, class.relacl FROM pg_class AS class WHERE class.oid = $2::oid
), sequences AS (
    SELECT format('%I.%I', target.nspname, class.relname) AS name, class.relacl
    FROM target
    JOIN pg_depend AS depend ON depend.refclassid = 'pg_class'::regclass AND depend.refobjid = target.oid
        AND depend.classid = 'pg_class'::regclass AND depend.deptype = 'i'
    JOIN pg_class AS class ON class.oid = depend.objid AND class.relkind = 'S'
), roles AS (
    SELECT 0::oid AS oid, 'PUBLIC' AS name
    UNION ALL
    SELECT oid, quote_ident(rolname) FROM pg_roles
)
SELECT is_last, statement FROM (
    SELECT 1 AS place, 0 AS number, FALSE AS is_last, format('ALTER TABLE %s OWNER TO %I', name, pg_get_userbyid(relowner)) AS statement
    FROM target
    UNION ALL
    -- What default privileges gave the new table goes first. An owner without a list has every privilege.
    SELECT 2, 0, FALSE, format('REVOKE ALL ON TABLE %s FROM %s', target.name, roles.name)
    FROM target CROSS JOIN beside JOIN roles
        ON roles.oid IN (SELECT grantee FROM aclexplode(beside.relacl))
        AND roles.oid NOT IN (target.relowner, beside.relowner)
        OR roles.oid = target.relowner AND target.relacl IS NOT NULL
    UNION ALL
    SELECT 3, 0, FALSE, format(
        'GRANT %s ON TABLE %s TO %s%s', acl.privilege_type, target.name, roles.name,
        CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    )
    FROM target CROSS JOIN LATERAL aclexplode(target.relacl) AS acl JOIN roles ON roles.oid = acl.grantee
    UNION ALL
    SELECT 4, attribute.attnum, FALSE, format(
        'GRANT %s (%I) ON TABLE %s TO %s%s', acl.privilege_type, attribute.attname, target.name, roles.name,
        CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    )
    FROM target
    JOIN pg_attribute AS attribute ON attribute.attrelid = target.oid AND NOT attribute.attisdropped
    CROSS JOIN LATERAL aclexplode(attribute.attacl) AS acl
    JOIN roles ON roles.oid = acl.grantee
    UNION ALL
    SELECT 5, 0, FALSE, format('COMMENT ON TABLE %s IS %L', name, obj_description(oid, 'pg_class'))
    FROM target WHERE obj_description(oid, 'pg_class') IS NOT NULL
    UNION ALL
    SELECT 6, 0, FALSE, format('ALTER TABLE %s REPLICA IDENTITY %s', name, CASE relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END)
    FROM target WHERE relreplident IN ('f', 'n')
    UNION ALL
    SELECT 7, row_number() OVER (ORDER BY statistics.stxname), TRUE, pg_get_statisticsobjdef(statistics.oid)
    FROM target JOIN pg_statistic_ext AS statistics ON statistics.stxrelid = target.oid
    UNION ALL
    SELECT 10, 0, TRUE, format('COMMENT ON CONSTRAINT %I ON %s IS %L', con.conname, target.name, obj_description(con.oid, 'pg_constraint'))
    FROM target JOIN pg_constraint AS con ON con.conrelid = target.oid
    WHERE obj_description(con.oid, 'pg_constraint') IS NOT NULL
    UNION ALL
    SELECT 11, 0, TRUE, format('COMMENT ON INDEX %I.%I IS %L', target.nspname, class.relname, obj_description(class.oid, 'pg_class'))
    FROM target
    JOIN pg_index AS index ON index.indrelid = target.oid AND index.indisvalid
    JOIN pg_class AS class ON class.oid = index.indexrelid
    WHERE obj_description(class.oid, 'pg_class') IS NOT NULL
    UNION ALL
    SELECT 12, 0, TRUE, format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', target.name, class.relname)
    FROM target
    JOIN pg_index AS index ON index.indrelid = target.oid AND index.indisreplident
    JOIN pg_class AS class ON class.oid = index.indexrelid
    WHERE target.relreplident = 'i'
    UNION ALL
    SELECT 13, 0, TRUE, format('ALTER TABLE %s CLUSTER ON %I', target.name, class.relname)
    FROM target
    JOIN pg_index AS index ON index.indrelid = target.oid AND index.indisclustered
    JOIN pg_class AS class ON class.oid = index.indexrelid
    UNION ALL
    SELECT 14, 0, TRUE, format(
        'GRANT %s ON SEQUENCE %s TO %s%s', acl.privilege_type, sequences.name, roles.name,
        CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    )
    FROM sequences CROSS JOIN LATERAL aclexplode(sequences.relacl) AS acl JOIN roles ON roles.oid = acl.grantee
) AS spelled
ORDER BY place, number, statement
