-- Asks what this account may do that a load needs.
-- Engine:  Postgres 12 and later.
-- Params:  $1 oid of the table
-- Output:  one row of booleans
-- Tests:   jobs/connect/tests/conformance
SELECT
    has_table_privilege($1::oid, 'SELECT') AS may_select,
    has_table_privilege($1::oid, 'INSERT') AS may_insert,
    has_table_privilege($1::oid, 'UPDATE') AS may_update,
    has_table_privilege($1::oid, 'DELETE') AS may_delete,
    pg_has_role((SELECT relowner FROM pg_catalog.pg_class WHERE oid = $1::oid), 'USAGE') AS owns,
    has_database_privilege(current_database(), 'TEMPORARY') AS may_create_temporary,
    CASE
        WHEN to_regnamespace('quarrel') IS NULL THEN has_database_privilege(current_database(), 'CREATE')
        ELSE has_schema_privilege('quarrel', 'CREATE') AND has_schema_privilege('quarrel', 'USAGE')
    END AS may_keep_ledger,
    (SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname = current_user) AS account,
    pg_is_in_recovery() AS is_replica
