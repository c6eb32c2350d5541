-- Spells the statements that make an empty table like another: its columns with types, NOT NULL, defaults, identity, generation,
-- storage and comments, its access method, options and tablespace, its columns' statistics targets and options. No index and no
-- constraint: those are built once the rows are there.
-- Engine:  Postgres 12 and later. search_path must be empty.
-- Params:  $1 oid of the table, $2 quoted name of the new one
-- Order:   as they must run.
-- Tests:   jobs/connect/tests/conformance
WITH target AS (
    SELECT
        class.oid,
        format('%I.%I', namespace.nspname, class.relname) AS name,
        method.amname AS method,
        tablespace.spcname AS tablespace,
        (
            SELECT string_agg(format('%s=%L', option.name, option.value), ', ')
            FROM (
                SELECT quote_ident(own.option_name) AS name, own.option_value AS value
                FROM pg_options_to_table(class.reloptions) AS own
                UNION ALL
                SELECT 'toast.' || quote_ident(toasted.option_name), toasted.option_value
                FROM pg_class AS toast, pg_options_to_table(toast.reloptions) AS toasted
                WHERE toast.oid = class.reltoastrelid
            ) AS option
        ) AS options
    FROM pg_class AS class
    JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    LEFT JOIN pg_am AS method ON method.oid = class.relam
    LEFT JOIN pg_tablespace AS tablespace ON tablespace.oid = class.reltablespace
    WHERE class.oid = $1::oid
)
SELECT statement FROM (
    SELECT 1 AS place, 0 AS number, concat(
        format(
            'CREATE TABLE %s (LIKE %s INCLUDING ALL EXCLUDING INDEXES EXCLUDING CONSTRAINTS EXCLUDING STATISTICS)', $2::text, name
        ),
        ' USING ' || quote_ident(method),
        ' WITH (' || options || ')',
        ' TABLESPACE ' || quote_ident(tablespace)
    ) AS statement
    FROM target
    UNION ALL
    SELECT 2, attribute.attnum, format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', $2, attname, attstattarget)
    FROM target JOIN pg_attribute AS attribute ON attribute.attrelid = target.oid
    WHERE attribute.attnum > 0 AND NOT attribute.attisdropped AND attribute.attstattarget >= 0
    UNION ALL
    SELECT 3, attribute.attnum, format('ALTER TABLE %s ALTER COLUMN %I SET (%s)', $2, attname, (
        SELECT string_agg(format('%I=%L', option_name, option_value), ', ') FROM pg_options_to_table(attribute.attoptions)
    ))
    FROM target JOIN pg_attribute AS attribute ON attribute.attrelid = target.oid
    WHERE attribute.attnum > 0 AND NOT attribute.attisdropped AND attribute.attoptions IS NOT NULL
) AS spelled
ORDER BY place, number
