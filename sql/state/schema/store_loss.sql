-- Stores a known loss of a column.
-- Engine:  Postgres, SQLite.
-- Params:  $1 table, $2 target, $3 number, $4 column, $5 sentence
-- Tests:   jobs/run/tests/state.rs
INSERT INTO known_losses (table_name, target, loss_number, column_name, loss) VALUES ($1, $2, $3, $4, $5)
