-- Writes rows of a table all of whose loaded columns are its key, by a unique index over it.
-- Engine:  Postgres.
-- Params:  {{target}}, {{stage}}, {{upserts}} condition, {{overriding}} clause, {{columns}} list of target column and staged
--          value, {{key}} names
-- Tests:   jobs/connect/tests/conformance
INSERT INTO {{target}} ({{columns|{0}|, }}) {{overriding}}
SELECT {{columns|{1}|, }}
FROM {{stage}} AS staged
WHERE {{upserts}}
ON CONFLICT ({{key|{0}|, }}) DO NOTHING
