-- The known losses of a table, by target and column.
-- Engine:  Postgres, SQLite.
-- Params:  $1 table
-- Tests:   jobs/run/tests/state.rs
SELECT target, column_name, loss
FROM known_losses
WHERE table_name = $1
ORDER BY target, loss_number
