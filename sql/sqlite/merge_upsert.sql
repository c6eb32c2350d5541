-- Writes the rows whose last change is not a delete, by a unique index over the key. Columns that are not loaded keep their
-- values, or get their defaults.
-- Engine:  SQLite 3.24 and later; without WHERE it would take ON for a join's.
-- Params:  {{target}}, {{stage}} of upserts, {{columns}} list of target column and staged column, {{key}}, {{updated}} names
-- Tests:   jobs/connect/tests/conformance
INSERT INTO {{target}} ({{columns|{0}|, }})
SELECT {{columns|{1}|, }} FROM {{stage}} WHERE TRUE
ON CONFLICT ({{key|{0}|, }}) DO UPDATE SET {{updated|{0} = excluded.{0}|, }}
