-- Takes the entries of files out that are applied again, or were overwritten.
-- Engine:  Redshift.
-- Params:  {{table}}, {{target}} texts, {{keys}} list of texts
-- Tests:   jobs/connect/tests/conformance
DELETE FROM quarrel.ledger_files
WHERE table_name = {{table}} AND target = {{target}} AND file_key IN ({{keys|{0}|, }})
