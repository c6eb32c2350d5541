-- Lists the columns of a table or view.
-- Engine:  Redshift.
-- Params:  {{schema}}, {{table}} texts
-- Output:  no row when there is no such table. A column with an identity has a default that says so.
-- Order:   as the table has them.
-- Tests:   jobs/connect/tests/conformance
SELECT
    CAST(column_name AS VARCHAR(127)),
    CAST(data_type AS VARCHAR(127)),
    CAST(character_maximum_length AS INTEGER),
    CAST(numeric_precision AS INTEGER),
    CAST(numeric_scale AS INTEGER),
    CAST(is_nullable AS VARCHAR(3)),
    CAST(column_default AS VARCHAR(65535))
FROM svv_columns
WHERE table_schema = {{schema}} AND table_name = {{table}}
ORDER BY ordinal_position
