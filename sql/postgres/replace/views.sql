-- Spells what the swap does to the views that read a table: how each is locked, and how it is made to read the new one. A view
-- that reads another one of them comes first, which is the order in which readers lock them.
-- Engine:  Postgres 12 and later. search_path must be empty.
-- Params:  $1 oid of the table
-- Output:  statement that locks it and changes nothing, statement that makes it anew in place
-- Order:   as they must be locked; they are made anew in any order, since their columns stay.
-- Tests:   jobs/connect/tests/conformance
WITH RECURSIVE reads AS (
    SELECT DISTINCT rule.ev_class AS view, depend.refobjid AS relation
    FROM pg_depend AS depend
    JOIN pg_rewrite AS rule ON rule.oid = depend.objid
    JOIN pg_class AS class ON class.oid = rule.ev_class
    WHERE depend.classid = 'pg_rewrite'::regclass AND depend.refclassid = 'pg_class'::regclass
        AND rule.ev_class <> depend.refobjid AND class.relkind = 'v'
), above AS (
    SELECT view, 1 AS height FROM reads WHERE relation = $1::oid
    UNION
    SELECT reads.view, above.height + 1 FROM above JOIN reads ON reads.relation = above.view
)
SELECT
    format('ALTER VIEW %I.%I OWNER TO %I', namespace.nspname, class.relname, pg_get_userbyid(class.relowner)) AS lock,
    format(
        'CREATE OR REPLACE VIEW %I.%I%s AS %s', namespace.nspname, class.relname,
        ' WITH (' || (
            SELECT string_agg(format('%I=%L', option_name, option_value), ', ') FROM pg_options_to_table(class.reloptions)
        ) || ')',
        pg_get_viewdef(class.oid)
    ) AS definition
FROM (SELECT view, max(height) AS height FROM above GROUP BY view) AS highest
JOIN pg_class AS class ON class.oid = highest.view
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE EXISTS (SELECT FROM reads WHERE reads.view = class.oid AND reads.relation = $1::oid)
ORDER BY highest.height DESC, class.oid
