-- Lists the tables that full loads of a target have begun.
-- Engine:  SQLite.
-- Params:  ?1 what their names begin with (no wildcard is read in it)
-- Tests:   jobs/connect/tests/conformance
SELECT name FROM main.sqlite_schema WHERE type = 'table' AND substr(name, 1, length(?1)) = ?1 ORDER BY name
