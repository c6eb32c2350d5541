-- Overwrites the rows that are there, where no unique index is over the key.
-- Engine:  Postgres.
-- Params:  {{target}}, {{stage}}, {{upserts}} condition, {{key}} and {{updated}} lists of target column and staged value
-- Tests:   jobs/connect/tests/conformance
UPDATE {{target}} AS target
SET {{updated|{0} = {1}|, }}
FROM {{stage}} AS staged
WHERE {{upserts}} AND {{key|target.{0} = {1}| AND }}
