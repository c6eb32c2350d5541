-- Spells the statements that build beside a table the indexes and constraints it has. An index gets a name of its own until the
-- swap, made of its definition: where one of that name is there, it has been built.
-- Engine:  Postgres 12 and later. search_path must be empty.
-- Params:  $1 oid of the table, $2 quoted name of the new one, $3 oid of the new one, $4 what names of its indexes begin with
-- Output:  what (for messages), statement (NULL: the definition can't be read), rename (for the swap, once the old table is gone
--          and the new one in its schema; NULL for constraints without an index), whether it is built
-- Order:   as they must run: the primary key first.
-- Tests:   jobs/connect/tests/conformance
WITH target AS (
    SELECT class.oid, namespace.nspname, class.relname
    FROM pg_class AS class JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE class.oid = $1::oid
), wanted AS (
    SELECT
        CASE con.contype WHEN 'p' THEN 1 WHEN 'u' THEN 2 ELSE 3 END AS place,
        'constraint ' || quote_ident(con.conname) AS what,
        con.conname AS name,
        $4::text || '_' || substr(md5(con.conname || ' ' || pg_get_constraintdef(con.oid)), 1, 8) AS temporary,
        'ALTER TABLE ' || $2::text || ' ADD CONSTRAINT %I ' || replace(pg_get_constraintdef(con.oid), '%', '%%') AS pattern
    FROM target JOIN pg_constraint AS con ON con.conrelid = target.oid
    WHERE con.contype IN ('p', 'u', 'x')
    UNION ALL
    SELECT
        4,
        'index ' || quote_ident(class.relname),
        class.relname,
        $4 || '_' || substr(md5(class.relname || ' ' || pg_get_indexdef(class.oid)), 1, 8),
        CASE WHEN starts_with(pg_get_indexdef(class.oid), head.text) THEN
            'CREATE ' || kind.text || 'INDEX %I ON ' || $2
            || replace(substr(pg_get_indexdef(class.oid), length(head.text) + 1), '%', '%%')
        END
    FROM target
    JOIN pg_index AS index ON index.indrelid = target.oid
    JOIN pg_class AS class ON class.oid = index.indexrelid
    CROSS JOIN LATERAL (SELECT CASE WHEN index.indisunique THEN 'UNIQUE ' ELSE '' END AS text) AS kind
    CROSS JOIN LATERAL (
        SELECT format('CREATE %sINDEX %I ON %I.%I', kind.text, class.relname, target.nspname, target.relname) AS text
    ) AS head
    WHERE index.indisvalid AND NOT EXISTS (
        SELECT FROM pg_constraint AS con
        WHERE con.conindid = index.indexrelid AND con.conrelid = target.oid AND con.contype IN ('p', 'u', 'x')
    )
    UNION ALL
    SELECT
        5,
        'constraint ' || quote_ident(con.conname),
        con.conname,
        NULL,
        'ALTER TABLE ' || $2 || ' ADD CONSTRAINT %I ' || replace(pg_get_constraintdef(con.oid), '%', '%%')
    FROM target JOIN pg_constraint AS con ON con.conrelid = target.oid
    WHERE con.contype = 'c'
)
SELECT
    wanted.what,
    format(wanted.pattern, coalesce(wanted.temporary, wanted.name)) AS statement,
    CASE WHEN wanted.temporary IS NOT NULL THEN
        format('ALTER INDEX %I.%I RENAME TO %I', target.nspname, wanted.temporary, wanted.name)
    END AS rename,
    CASE
        WHEN wanted.temporary IS NULL THEN EXISTS (
            SELECT FROM pg_constraint AS con WHERE con.conrelid = $3::oid AND con.conname = wanted.name
        )
        ELSE EXISTS (
            SELECT FROM pg_index AS index JOIN pg_class AS class ON class.oid = index.indexrelid
            WHERE index.indrelid = $3::oid AND class.relname = wanted.temporary AND index.indisvalid
        )
    END AS is_built
FROM wanted CROSS JOIN target
ORDER BY wanted.place, wanted.name
