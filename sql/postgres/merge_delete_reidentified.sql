-- Deletes rows that get another value in a GENERATED ALWAYS AS IDENTITY column: such a column can't be updated, so these rows
-- are inserted anew.
-- Engine:  Postgres.
-- Params:  {{target}}, {{stage}}, {{upserts}} condition, {{key}} and {{identity}} lists of target column and staged value
-- Tests:   jobs/connect/tests/conformance
DELETE FROM {{target}} AS target
USING {{stage}} AS staged
WHERE {{upserts}} AND {{key|target.{0} = {1}| AND }} AND ({{identity|target.{0} IS DISTINCT FROM {1}| OR }})
