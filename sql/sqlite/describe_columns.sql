-- Lists the columns of a table. `hidden` is 2 or 3 for generated columns; `key_place` counts primary key columns from 1.
-- Engine:  SQLite 3.26 and later.
-- Params:  ?1 name of the table
-- Order:   as the table has them.
-- Tests:   jobs/connect/tests/conformance
SELECT name, type, "notnull" AS not_null, dflt_value IS NOT NULL AS has_default, hidden, pk AS key_place
FROM pragma_table_xinfo(?1, 'main')
WHERE hidden <> 1
ORDER BY cid
