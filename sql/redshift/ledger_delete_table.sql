-- Takes the entry of a table out, for the one that follows it.
-- Engine:  Redshift, which has no upsert by a key.
-- Params:  {{table}}, {{target}} texts
-- Tests:   jobs/connect/tests/conformance
DELETE FROM quarrel.ledger_tables
WHERE table_name = {{table}} AND target = {{target}}
