-- Schema migrations that were run, and what is known to be lost on the way of each column.
-- Engine:  Postgres and SQLite alike: only BIGINT and TEXT; instants are RFC 3339 texts in UTC.
-- Tests:   jobs/run/tests/state.rs
CREATE TABLE schema_migrations (
    table_name TEXT NOT NULL,
    target TEXT NOT NULL,
    run_id TEXT NOT NULL,
    migrated_at TEXT NOT NULL,
    summary TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (table_name, target, run_id)
);

CREATE TABLE known_losses (
    table_name TEXT NOT NULL,
    target TEXT NOT NULL,
    loss_number BIGINT NOT NULL,
    column_name TEXT NOT NULL,
    loss TEXT NOT NULL,
    PRIMARY KEY (table_name, target, loss_number)
)
