-- Puts NULL in place of staged values that the target can't hold.
-- Engine:  Postgres.
-- Params:  {{stage}}, {{column}} staged column; $1 files, $2 rows: arrays of equal length
-- Tests:   jobs/connect/tests/conformance
UPDATE {{stage}} AS staged
SET {{column}} = NULL
FROM unnest($1::int[], $2::bigint[]) AS fault (file, row)
WHERE staged."_file" = fault.file AND staged."_row" = fault.row
