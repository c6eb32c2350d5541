-- Says where a full load starts, in place of the one before.
-- Engine:  SQLite.
-- Params:  ?1 table name, ?2 target, ?3 load, ?4 floor
-- Tests:   jobs/connect/tests/conformance
INSERT OR REPLACE INTO main.quarrel_ledger_full_loads (table_name, target, load_id, floor) VALUES (?1, ?2, ?3, ?4)
