-- Makes a staging table, of this connection alone. Its columns have no type, so values are kept as they come, and compare
-- with a target's column by that column's affinity.
-- Engine:  SQLite.
-- Params:  {{stage}} name, {{columns}} names
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE {{stage}} ({{columns|{0}|, }})
