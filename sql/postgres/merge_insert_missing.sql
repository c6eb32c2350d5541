-- Inserts the rows that are not there, where no unique index is over the key.
-- Engine:  Postgres.
-- Params:  {{target}}, {{stage}}, {{upserts}} condition, {{overriding}} clause, {{columns}} and {{key}} lists of target column
--          and staged value
-- Tests:   jobs/connect/tests/conformance
INSERT INTO {{target}} ({{columns|{0}|, }}) {{overriding}}
SELECT {{columns|{1}|, }}
FROM {{stage}} AS staged
WHERE {{upserts}}
    AND NOT EXISTS (SELECT FROM {{target}} AS target WHERE {{key|target.{0} = {1}| AND }})
