-- Writes the rows whose last change is not a delete, by a unique index over the key. Columns that are not loaded keep their
-- values, or get their defaults.
-- Engine:  Postgres.
-- Params:  {{target}}, {{stage}}, {{upserts}} condition, {{overriding}} clause, {{columns}} list of target column and staged
--          value, {{key}} names, {{updated}} names, not empty
-- Tests:   jobs/connect/tests/conformance
INSERT INTO {{target}} ({{columns|{0}|, }}) {{overriding}}
SELECT {{columns|{1}|, }}
FROM {{stage}} AS staged
WHERE {{upserts}}
ON CONFLICT ({{key|{0}|, }}) DO UPDATE SET {{updated|{0} = excluded.{0}|, }}
