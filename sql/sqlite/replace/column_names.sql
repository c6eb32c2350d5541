-- Lists the columns of a table.
-- Engine:  SQLite 3.16 and later.
-- Params:  ?1 name of the table
-- Order:   as the table has them.
-- Tests:   jobs/connect/tests/conformance
SELECT name FROM pragma_table_info(?1, 'main') ORDER BY cid
