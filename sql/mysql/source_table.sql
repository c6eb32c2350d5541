-- Finds a table of a source by its name.
-- Engine:  MySQL 5.7 and later, MariaDB 10.2 and later.
-- Params:  ?1 database, or NULL for the connection's own; ?2 name
-- Output:  database, name, kind (BASE TABLE, SYSTEM VERSIONED, VIEW …), is_partitioned, comment, rows and bytes by InnoDB's
--          own estimates (NULL for views), version of the server; no row when there is no such table
-- Tests:   jobs/connect/tests/migrations
SELECT
    CAST(TABLE_SCHEMA AS CHAR) AS table_schema,
    CAST(TABLE_NAME AS CHAR) AS table_name,
    CAST(TABLE_TYPE AS CHAR) AS kind,
    CAST(COALESCE(CREATE_OPTIONS LIKE '%partitioned%', 0) AS SIGNED) AS is_partitioned,
    CAST(TABLE_COMMENT AS CHAR) AS comment,
    CAST(TABLE_ROWS AS UNSIGNED) AS rows_estimate,
    CAST(DATA_LENGTH AS UNSIGNED) AS bytes_estimate,
    CAST(VERSION() AS CHAR) AS version
FROM information_schema.TABLES
WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ?
