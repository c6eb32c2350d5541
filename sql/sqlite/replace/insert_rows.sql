-- Writes the rows of a full load.
-- Engine:  SQLite.
-- Params:  {{table}}, {{beside}} the table that was loaded, {{columns}} names, the same in both
-- Tests:   jobs/connect/tests/conformance
INSERT INTO {{table}} ({{columns|{0}|, }}) SELECT {{columns|{0}|, }} FROM {{beside}}
