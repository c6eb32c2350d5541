-- Lists the columns of a source.
-- Engine:  MySQL 5.7 and later, MariaDB 10.2 and later.
-- Params:  ?1 database, ?2 table
-- Output:  name, spelling, nullable, default (SQL in MariaDB; in MySQL the value itself, unless extra says otherwise), extra,
--          expression of a generated column, comment, collation
-- Order:   as the table has them.
-- Tests:   jobs/connect/tests/migrations
SELECT
    CAST(COLUMN_NAME AS CHAR) AS name,
    CAST(COLUMN_TYPE AS CHAR) AS spelling,
    CAST(IS_NULLABLE = 'YES' AS SIGNED) AS nullable,
    CAST(COLUMN_DEFAULT AS CHAR) AS default_text,
    CAST(EXTRA AS CHAR) AS extra,
    CAST(GENERATION_EXPRESSION AS CHAR) AS expression,
    CAST(COLUMN_COMMENT AS CHAR) AS comment,
    CAST(COLLATION_NAME AS CHAR) AS collation_name
FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?
ORDER BY ORDINAL_POSITION
