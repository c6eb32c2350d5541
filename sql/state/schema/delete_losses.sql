-- Forgets the known losses of a target, before they are stored anew.
-- Engine:  Postgres, SQLite.
-- Params:  $1 table, $2 target
-- Tests:   jobs/run/tests/state.rs
DELETE FROM known_losses WHERE table_name = $1 AND target = $2
