-- Takes rows with values that the target can't hold out of a staging table; they have been quarantined.
-- Engine:  Postgres.
-- Params:  {{stage}}; $1 files, $2 rows: arrays of equal length
-- Tests:   jobs/connect/tests/conformance
DELETE FROM {{stage}} AS staged
USING unnest($1::int[], $2::bigint[]) AS fault (file, row)
WHERE staged."_file" = fault.file AND staged."_row" = fault.row
