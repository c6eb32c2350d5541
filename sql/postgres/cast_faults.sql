-- Finds staged values of one column that are no values of the target's type.
-- Engine:  Postgres.
-- Params:  {{stage}}, {{column}} staged column, {{function}} of cast_fault_function, {{rows}} condition on operations;
--          $1 how many at most
-- Output:  file, row, SQLSTATE
-- Order:   by file and row. OFFSET 0 keeps the function from being called twice a row, to filter and to show.
-- Tests:   jobs/connect/tests/conformance
SELECT marked.file, marked.row, marked.fault
FROM (
    SELECT staged."_file" AS file, staged."_row" AS row, pg_temp.{{function}}(staged.{{column}}) AS fault
    FROM {{stage}} AS staged
    WHERE {{rows}}
    OFFSET 0
) AS marked
WHERE marked.fault IS NOT NULL
ORDER BY marked.file, marked.row
LIMIT $1
