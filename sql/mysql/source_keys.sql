-- Lists the columns of a source's unique indexes. One over an expression has no column there. One over the beginning of a
-- column tells rows apart by less, and so by the whole column as well.
-- Engine:  MySQL 5.7 and later, MariaDB 10.2 and later.
-- Params:  ?1 database, ?2 table
-- Output:  index, column; the primary key's index is named PRIMARY
-- Order:   the primary key first, then by name, then as the index has them.
-- Tests:   jobs/connect/tests/migrations
SELECT CAST(INDEX_NAME AS CHAR) AS index_name, CAST(COLUMN_NAME AS CHAR) AS column_name
FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0
ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX
