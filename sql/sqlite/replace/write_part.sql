-- Records a part, in the transaction that loads its rows.
-- Engine:  SQLite.
-- Params:  ?1 target, ?2 load, ?3 part, ?4 rows, ?5 quarantined
-- Tests:   jobs/connect/tests/conformance
INSERT INTO main.quarrel_full_load_parts (target, load_id, part, rows, quarantined) VALUES (?1, ?2, ?3, ?4, ?5)
