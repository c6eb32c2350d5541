-- Lists the columns that MariaDB keeps JSON in: it has no type for it, but a longtext with a check of that column's name.
-- Engine:  MariaDB 10.2 and later; MySQL has a type, and no TABLE_NAME here.
-- Params:  ?1 database, ?2 table
-- Tests:   jobs/connect/tests/migrations
SELECT CAST(CONSTRAINT_NAME AS CHAR) AS column_name
FROM information_schema.CHECK_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ?
    AND CHECK_CLAUSE = CONCAT('json_valid(`', REPLACE(CONSTRAINT_NAME, '`', '``'), '`)')
