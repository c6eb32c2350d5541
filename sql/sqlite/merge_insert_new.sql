-- Writes rows of a table all of whose loaded columns are its key, by a unique index over it.
-- Engine:  SQLite 3.24 and later; without WHERE it would take ON for a join's.
-- Params:  {{target}}, {{stage}} of upserts, {{columns}} list of target column and staged column, {{key}} names
-- Tests:   jobs/connect/tests/conformance
INSERT INTO {{target}} ({{columns|{0}|, }})
SELECT {{columns|{1}|, }} FROM {{stage}} WHERE TRUE
ON CONFLICT ({{key|{0}|, }}) DO NOTHING
