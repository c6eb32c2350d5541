-- Runs, their steps, batches, watermarks and leases.
-- Engine:  Postgres and SQLite alike: only BIGINT, TEXT and DOUBLE PRECISION; instants are RFC 3339 texts in UTC.
-- Tests:   jobs/run/tests/state.rs
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    job TEXT NOT NULL,
    table_name TEXT NOT NULL,
    logical_at TEXT NOT NULL,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    status TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    holder TEXT NOT NULL,
    summary TEXT
);

CREATE INDEX runs_by_table ON runs (table_name, started_at);

CREATE TABLE run_steps (
    run_id TEXT NOT NULL REFERENCES runs (run_id),
    step_number BIGINT NOT NULL,
    step TEXT NOT NULL,
    batch_id TEXT,
    started_at TEXT NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    error TEXT,
    PRIMARY KEY (run_id, step_number)
);

CREATE TABLE batches (
    table_name TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (run_id),
    digest TEXT NOT NULL,
    status TEXT NOT NULL,
    files BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    changes BIGINT NOT NULL,
    file_list TEXT NOT NULL,
    output TEXT,
    cluster_job TEXT,
    collected_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (table_name, batch_id)
);

CREATE TABLE watermarks (
    table_name TEXT NOT NULL,
    target TEXT NOT NULL,
    applied_file TEXT NOT NULL,
    applied_sequence TEXT,
    applied_instant TEXT,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (table_name, target)
);

CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
)
