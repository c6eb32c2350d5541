-- Deletes the rows whose last change is a delete.
-- Engine:  Postgres.
-- Params:  {{target}}, {{stage}}, {{deletes}} condition, {{key}} list of target column and staged value
-- Tests:   jobs/connect/tests/conformance
DELETE FROM {{target}} AS target
USING {{stage}} AS staged
WHERE {{deletes}} AND {{key|target.{0} = {1}| AND }}
