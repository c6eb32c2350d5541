-- Deletes the rows whose last change is a delete.
-- Engine:  SQLite.
-- Params:  {{target}}, {{stage}} of deletes, {{key}} list of target column and staged column
-- Tests:   jobs/connect/tests/conformance
DELETE FROM {{target}} WHERE ({{key|{0}|, }}) IN (SELECT {{key|{1}|, }} FROM {{stage}})
