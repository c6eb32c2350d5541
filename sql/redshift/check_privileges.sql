-- Asks what this account may do that a load needs.
-- Engine:  Redshift.
-- Params:  {{table}} the quoted name as a text
-- Output:  one row of booleans, and the account
-- Tests:   jobs/connect/tests/conformance
SELECT
    has_table_privilege({{table}}, 'SELECT'),
    has_table_privilege({{table}}, 'INSERT'),
    has_table_privilege({{table}}, 'DELETE'),
    has_table_privilege({{table}}, 'UPDATE'),
    has_database_privilege(CAST(current_database() AS VARCHAR(127)), 'TEMP'),
    has_database_privilege(CAST(current_database() AS VARCHAR(127)), 'CREATE'),
    CAST(current_user AS VARCHAR(127))
