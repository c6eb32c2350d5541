-- Lists the triggers of a table, which would fire when its rows are exchanged.
-- Engine:  SQLite.
-- Params:  ?1 name of the table, letter case aside
-- Tests:   jobs/connect/tests/conformance
SELECT name FROM main.sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE ORDER BY name
