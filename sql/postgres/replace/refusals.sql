-- Lists what of a table can't be carried over to a new one that takes its place, and what the account may not do for it.
-- Engine:  Postgres 12 and later.
-- Params:  $1 oid of the table
-- Output:  one text each, for the operator
-- Tests:   jobs/connect/tests/conformance
WITH target AS (
    SELECT class.*, type.typarray
    FROM pg_class AS class LEFT JOIN pg_type AS type ON type.oid = class.reltype
    WHERE class.oid = $1::oid
), identities AS (
    SELECT depend.objid AS oid
    FROM target JOIN pg_depend AS depend ON depend.refclassid = 'pg_class'::regclass AND depend.refobjid = target.oid
    WHERE depend.classid = 'pg_class'::regclass AND depend.deptype = 'i'
)
SELECT reason FROM (
    SELECT 1 AS place, 'it is partitioned' AS reason FROM target WHERE relkind = 'p'
    UNION ALL
    SELECT 1, 'it is no ordinary table' FROM target WHERE relkind NOT IN ('r', 'p')
    UNION ALL
    SELECT 1, 'it is unlogged or temporary' FROM target WHERE relpersistence <> 'p'
    UNION ALL
    SELECT 1, 'it is a typed table' FROM target WHERE reloftype <> 0
    UNION ALL
    SELECT 2, 'it inherits from ' || inherits.inhparent::regclass
    FROM target JOIN pg_inherits AS inherits ON inherits.inhrelid = target.oid
    UNION ALL
    SELECT 2, inherits.inhrelid::regclass || ' inherits from it'
    FROM target JOIN pg_inherits AS inherits ON inherits.inhparent = target.oid
    UNION ALL
    SELECT 3, format('foreign key %I of %s', con.conname, con.conrelid::regclass)
    FROM target JOIN pg_constraint AS con ON con.contype = 'f' AND target.oid IN (con.conrelid, con.confrelid)
    UNION ALL
    SELECT 4, format('trigger %I', trigger.tgname)
    FROM target JOIN pg_trigger AS trigger ON trigger.tgrelid = target.oid AND NOT trigger.tgisinternal
    UNION ALL
    SELECT 5, 'row security is on' FROM target WHERE relrowsecurity OR relforcerowsecurity
    UNION ALL
    SELECT 5, format('policy %I', policy.polname) FROM target JOIN pg_policy AS policy ON policy.polrelid = target.oid
    UNION ALL
    SELECT 6, format('rule %I', rule.rulename) FROM target JOIN pg_rewrite AS rule ON rule.ev_class = target.oid
    UNION ALL
    SELECT 7, format('publication %I', publication.pubname)
    FROM target
    JOIN pg_namespace AS namespace ON namespace.oid = target.relnamespace
    JOIN pg_publication_tables AS publication
        ON publication.schemaname = namespace.nspname AND publication.tablename = target.relname
    UNION ALL
    SELECT 8, 'a security label'
    FROM target JOIN pg_seclabel AS label ON label.classoid = 'pg_class'::regclass AND label.objoid = target.oid
    UNION ALL
    SELECT 8, 'it belongs to ' || pg_describe_object(depend.refclassid, depend.refobjid, 0)
    FROM target JOIN pg_depend AS depend
        ON depend.classid = 'pg_class'::regclass AND depend.objid = target.oid AND depend.deptype = 'e'
    UNION ALL
    SELECT DISTINCT 9, pg_describe_object(depend.classid, depend.objid, depend.objsubid) || ' depends on it'
    FROM target
    JOIN pg_depend AS depend ON depend.deptype = 'n' AND (
        (
            depend.refclassid = 'pg_class'::regclass
            AND (depend.refobjid = target.oid OR depend.refobjid IN (SELECT oid FROM identities))
        )
        OR (depend.refclassid = 'pg_type'::regclass AND depend.refobjid IN (target.reltype, nullif(target.typarray, 0)))
    )
    WHERE
        -- Its own parts.
        NOT (
            depend.classid = 'pg_constraint'::regclass
            AND EXISTS (
                SELECT FROM pg_constraint AS con WHERE con.oid = depend.objid AND (con.conrelid = target.oid OR con.contype = 'f')
            )
        )
        AND NOT (
            depend.classid = 'pg_attrdef'::regclass
            AND EXISTS (SELECT FROM pg_attrdef AS own WHERE own.oid = depend.objid AND own.adrelid = target.oid)
        )
        AND NOT (
            depend.classid = 'pg_class'::regclass
            AND EXISTS (SELECT FROM pg_index AS own WHERE own.indexrelid = depend.objid AND own.indrelid = target.oid)
        )
        AND NOT (depend.classid IN ('pg_policy'::regclass, 'pg_trigger'::regclass))
        -- Views, which are made anew, and rules of the table itself, which are named above.
        AND NOT (
            depend.classid = 'pg_rewrite'::regclass
            AND EXISTS (
                SELECT FROM pg_rewrite AS rule JOIN pg_class AS reader ON reader.oid = rule.ev_class
                WHERE rule.oid = depend.objid AND (reader.relkind = 'v' OR reader.oid = target.oid)
            )
        )
    UNION ALL
    SELECT DISTINCT 10, CASE
        WHEN namespace.nspname LIKE 'pg\_temp%' THEN format('temporary view %I of a session', reader.relname)
        ELSE format('view %I.%I belongs to %I', namespace.nspname, reader.relname, pg_get_userbyid(reader.relowner))
    END
    FROM target
    JOIN pg_depend AS depend ON depend.refclassid = 'pg_class'::regclass AND depend.refobjid = target.oid
        AND depend.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite AS rule ON rule.oid = depend.objid
    JOIN pg_class AS reader ON reader.oid = rule.ev_class AND reader.relkind = 'v'
    JOIN pg_namespace AS namespace ON namespace.oid = reader.relnamespace
    WHERE namespace.nspname LIKE 'pg\_temp%' OR NOT pg_has_role(reader.relowner, 'USAGE')
    UNION ALL
    SELECT 11, format('the account does not own it: make it a member of %I', pg_get_userbyid(relowner))
    FROM target WHERE NOT pg_has_role(relowner, 'USAGE')
    UNION ALL
    SELECT 11, format('the account may not create tables in schema %I: GRANT CREATE', namespace.nspname)
    FROM target JOIN pg_namespace AS namespace ON namespace.oid = target.relnamespace
    WHERE NOT has_schema_privilege(namespace.oid, 'CREATE')
    UNION ALL
    SELECT 11, format(
        'its owner %I may not create tables in schema %I, so a new one can''t be given to it: GRANT CREATE',
        pg_get_userbyid(target.relowner), namespace.nspname
    )
    FROM target JOIN pg_namespace AS namespace ON namespace.oid = target.relnamespace
    WHERE NOT has_schema_privilege(target.relowner, namespace.oid, 'CREATE')
        AND pg_get_userbyid(target.relowner) <> current_user
        AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
) AS refused
ORDER BY place, reason
