-- Overwrites the rows that are there, where no unique index is over the key.
-- Engine:  SQLite 3.33 and later.
-- Params:  {{target}}, {{stage}} of upserts, {{key}} and {{updated}} lists of target column and staged column
-- Tests:   jobs/connect/tests/conformance
UPDATE {{target}} AS target
SET {{updated|{0} = staged.{1}|, }}
FROM {{stage}} AS staged
WHERE {{key|target.{0} = staged.{1}| AND }}
