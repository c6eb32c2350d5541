-- Makes a table that follows its source.
-- Engine:  SQLite.
-- Params:  {{table}}, {{columns}} each of name, type, NOT NULL or nothing, DEFAULT or nothing; {{key}} a key's columns, or nothing
-- Order:   columns as the source has them.
-- Tests:   sql/src/migrate, jobs/connect/tests/migrations
CREATE TABLE {{table}} (
    {{columns|{0} {1}{2}{3}|,
    }}{{key|,
    PRIMARY KEY ({0})|}}
)
