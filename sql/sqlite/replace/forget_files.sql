-- Forgets the files that were applied to the table before.
-- Engine:  SQLite.
-- Params:  ?1 table name, ?2 target
-- Tests:   jobs/connect/tests/conformance
DELETE FROM main.quarrel_ledger_files WHERE table_name = ?1 AND target = ?2
