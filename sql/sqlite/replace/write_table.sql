-- Starts the ledger of a table anew: the watermark is where the full load starts, even if that is before the one held, since
-- the rows are those of that time. Any columns may follow.
-- Engine:  SQLite.
-- Params:  ?1 table name, ?2 target, ?3 epoch, ?4 holder, ?5 floor, ?6 load
-- Tests:   jobs/connect/tests/conformance
INSERT OR REPLACE INTO main.quarrel_ledger_tables (table_name, target, epoch, holder, watermark_file, last_batch)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
