-- Reads every row of a demo table, each value as text, to hold it against the replay.
-- Engine:  SQLite.
-- Params:  {{table}} quoted name, {{columns}} quoted names
-- Order:   none: rows are looked up by their key.
-- Tests:   tests/cli.rs
SELECT {{columns|CAST({0} AS TEXT) AS {0}|, }}
FROM {{table}}
