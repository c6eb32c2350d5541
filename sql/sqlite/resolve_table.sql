-- Finds a table by its name, letter case aside.
-- Engine:  SQLite.
-- Params:  ?1 name
-- Output:  name as it was created, type (table, view)
-- Tests:   jobs/connect/tests/conformance
SELECT name, type FROM main.sqlite_schema WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view')
